// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/net/buffer.hpp>
#include <mcp/net/io_result.hpp>
#include <mcp/net/tls_context.hpp>

#include <asio/ip/address.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace mcp::inline v0::net {

/// The client side of one TLS connection over a non-blocking TCP socket, without waiting.
///
/// OpenSSL sends straight to the socket, and reads the ciphertext that the owner received: with an
/// asynchronous read into `read_target()`, then `arrived()`.
class tls_engine {
 public:
  /// For the server `host` (a name, or an IP address without brackets) on `port`. The socket stays the
  /// caller's, and must outlive the engine or its last operation.
  static result<std::unique_ptr<tls_engine>> create(std::shared_ptr<tls_context> context, int socket,
                                                    std::string host, std::uint16_t port) {
    std::unique_ptr<tls_engine> self(new tls_engine(std::move(context), socket, std::move(host), port));
    ERR_clear_error();
    if (!self->prepare())
      return failure(errc::tls_failed, detail::openssl_text(detail::take_openssl_error()));
    return self;
  }

  tls_engine(const tls_engine&) = delete;
  tls_engine& operator=(const tls_engine&) = delete;

  ~tls_engine() {
    // Without this mark OpenSSL spoils the session that the next connection wants to resume.
    if (ssl_ && !broken_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }

  /// Goes on with the handshake: `ok` when it is complete. After `would_block` wait until the socket is
  /// writable if `send_blocked()`, else for ciphertext.
  io_status handshake() {
    starved_ = send_blocked_ = false;
    if (SSL_do_handshake(ssl_.get()) == 1) return io_status::ok;
    return starved_ || send_blocked_ ? io_status::would_block : fail(detail::take_openssl_error());
  }

  /// Whether the last operation met a full socket.
  bool send_blocked() const noexcept { return send_blocked_; }

  /// Encrypts and sends. After `would_block` call again with the bytes that are left, wherever they are
  /// then: part of them may be on its way already.
  io_result write(std::span<const char> bytes) {
    io_result done;
    while (done.bytes < bytes.size()) {
      const auto rest = bytes.subspan(done.bytes);
      std::size_t taken = 0;
      send_blocked_ = false;
      if (SSL_write_ex(ssl_.get(), rest.data(), rest.size(), &taken) != 1) {
        done.status = send_blocked_ ? io_status::would_block : fail(detail::take_openssl_error());
        break;
      }
      done.bytes += taken;
    }
    return done;
  }

  /// Where ciphertext is to be received; never empty.
  std::span<char> read_target() noexcept {
    if (!unread_.empty()) std::memmove(ciphertext_.data(), unread_.data(), unread_.size());
    unread_ = {ciphertext_.data(), unread_.size()};
    return std::span(ciphertext_).subspan(unread_.size());
  }

  /// `count` bytes of ciphertext were received into `read_target()`.
  void arrived(std::size_t count) noexcept { unread_ = {unread_.data(), unread_.size() + count}; }

  /// Whether ciphertext is left that no operation has looked at.
  bool has_unread() const noexcept { return !unread_.empty() || SSL_has_pending(ssl_.get()) == 1; }

  /// Decrypts all that has arrived into `in`: at most one `read_target()` full and a record (16 KiB each).
  io_result read(receive_buffer& in) {
    io_result done;
    do {
      const auto space = in.prepare(least_space);
      std::size_t count = 0;
      starved_ = false;
      if (SSL_read_ex(ssl_.get(), space.data(), space.size(), &count) != 1) {
        if (starved_) break;
        const unsigned long code = detail::take_openssl_error();
        done.status = closed_by_peer(code) ? io_status::end_of_stream : fail(code);
        return done;
      }
      in.commit(count);
      done.bytes += count;
    } while (has_unread());
    if (done.bytes == 0) done.status = io_status::would_block;
    return done;
  }

  /// What the end of the TCP stream means.
  io_status ended() noexcept {
    if (broken_) return io_status::failed;
    return closed_by_peer(0) ? io_status::end_of_stream : io_status::truncated;
  }

  /// Sends close_notify, if there is room for it.
  void shut_down() noexcept {
    if (broken_ || SSL_in_init(ssl_.get()) == 1) return;
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  /// Why the last operation answered `io_status::failed`.
  const failure& why() const noexcept { return why_; }

  /// Whether this connection resumed the session of an earlier one.
  bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

 private:
  // In a `receive_buffer` with less free space than this, a record would be read in small pieces.
  static constexpr std::size_t least_space = 4096;

  tls_engine(std::shared_ptr<tls_context> context, int socket, std::string host, std::uint16_t port)
      : context_(std::move(context)),
        server_(host + ':' + std::to_string(port)),
        host_(std::move(host)),
        socket_(socket),
        method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "asio-mcp")),
        ssl_(SSL_new(context_->native())) {
    if (host_.ends_with('.')) host_.pop_back();  // RFC 6066 §3
  }

  bool prepare() {
    if (!method_ || !ssl_ || BIO_meth_set_write_ex(method_.get(), &write_bio) != 1 ||
        BIO_meth_set_read_ex(method_.get(), &read_bio) != 1 ||
        BIO_meth_set_ctrl(method_.get(), &control_bio) != 1)
      return false;
    BIO* const bio = BIO_new(method_.get());
    if (bio == nullptr) return false;
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), &server_);
    SSL_set_connect_state(ssl_.get());
    if (const auto session = context_->sessions().take(server_)) SSL_set_session(ssl_.get(), session.get());
    return expect_host();
  }

  // RFC 6125, RFC 9525: only subject alternative names count, and `*` stands for one whole label.
  bool expect_host() {
    X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl_.get());
    std::error_code no_address;
    const auto address = asio::ip::make_address(host_, no_address);
    if (no_address) {
      X509_VERIFY_PARAM_set_hostflags(
          expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
      return X509_VERIFY_PARAM_set1_host(expected, host_.data(), host_.size()) == 1 &&
             SSL_set_tlsext_host_name(ssl_.get(), host_.c_str()) == 1;
    }
    const auto expect = [expected](const auto& bytes) {
      return X509_VERIFY_PARAM_set1_ip(expected, bytes.data(), bytes.size()) == 1;
    };
    return address.is_v4() ? expect(address.to_v4().to_bytes()) : expect(address.to_v6().to_bytes());
  }

  // A fatal alert marks the end as well.
  bool closed_by_peer(unsigned long code) const noexcept {
    const bool alert = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
    return !broken_ && !alert && (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }

  // OpenSSL's queue is asked only after a failure: errors that others left there would pass for ours if
  // SSL_get_error() looked at it after every operation.
  io_status fail(unsigned long code) {
    broken_ = true;
    if (send_error_ != 0) {
      why_ = failure(errc::connection_lost, std::system_category().message(send_error_));
    } else if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
      const long reason = SSL_get_verify_result(ssl_.get());
      why_ = failure(errc::tls_certificate_invalid, host_ + ": " + X509_verify_cert_error_string(reason));
    } else {
      why_ = failure(errc::tls_failed, host_ + ": " + detail::openssl_text(code));
    }
    return io_status::failed;
  }

  static tls_engine& self(BIO* bio) noexcept { return *static_cast<tls_engine*>(BIO_get_data(bio)); }

  static int write_bio(BIO* bio, const char* data, std::size_t size, std::size_t* written) noexcept {
    BIO_clear_retry_flags(bio);
    tls_engine& engine = self(bio);
    const ssize_t sent = detail::send_now(engine.socket_, data, size);
    if (sent < 0) {
      if (detail::is_would_block(errno)) {
        engine.send_blocked_ = true;
        BIO_set_retry_write(bio);
      } else {
        engine.send_error_ = errno;
      }
      return 0;
    }
    *written = static_cast<std::size_t>(sent);
    return 1;
  }

  static int read_bio(BIO* bio, char* data, std::size_t size, std::size_t* count) noexcept {
    BIO_clear_retry_flags(bio);
    tls_engine& engine = self(bio);
    if (engine.unread_.empty()) {
      engine.starved_ = true;
      BIO_set_retry_read(bio);
      return 0;
    }
    *count = std::min(size, engine.unread_.size());
    std::memcpy(data, engine.unread_.data(), *count);
    engine.unread_ = engine.unread_.subspan(*count);
    return 1;
  }

  static long control_bio(BIO*, int command, long, void*) noexcept {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  std::shared_ptr<tls_context> context_;
  std::string server_;  // names its sessions in the context's cache
  std::string host_;
  int socket_;
  detail::openssl_ptr<BIO_METHOD, BIO_meth_free> method_;
  detail::openssl_ptr<SSL, SSL_free> ssl_;
  std::span<char> unread_{};  // in ciphertext_
  bool starved_ = false;
  bool send_blocked_ = false;
  bool broken_ = false;
  int send_error_ = 0;
  failure why_;
  std::array<char, 17 * 1024> ciphertext_;  // a whole record
};

}  // namespace mcp::inline v0::net
