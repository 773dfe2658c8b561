// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// How the client authenticates servers, and itself to them. TLS 1.2 is the oldest version spoken.
///
/// Of each pair `_file` and `_pem` one is enough; `_pem` is the text that the file would hold. All of it is
/// PEM. Revocation is not checked.
struct tls_options {
  std::string ca_file{};  ///< certificates to trust instead of the system's store
  std::string ca_pem{};
  bool use_system_store = false;  ///< trust the system's store besides the given certificates

  std::string client_certificate_file{};  ///< the client's certificate, then those between it and the root
  std::string client_certificate_pem{};
  std::string client_key_file{};  ///< its private key, not encrypted
  std::string client_key_pem{};

  /// Dangerous to switch off: anybody on the way can then pose as the server, read every credential and
  /// change every answer.
  bool verify_peer = true;
};

namespace net {

namespace detail {

template <auto Free>
struct openssl_free {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

template <class T, auto Free>
using openssl_ptr = std::unique_ptr<T, openssl_free<Free>>;

using session_ptr = openssl_ptr<SSL_SESSION, SSL_SESSION_free>;

/// What OpenSSL complained of last on this thread, 0 for nothing; forgets it.
inline unsigned long take_openssl_error() noexcept {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  return code;
}

inline std::string openssl_text(unsigned long code) {
  if (code == 0) return "no reason given";
  if (ERR_SYSTEM_ERROR(code)) return std::system_category().message(ERR_GET_REASON(code));
  const char* const reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "OpenSSL error " + std::to_string(code);
}

/// TLS sessions to resume, by server; safe to use from several threads.
class session_cache {
 public:
  session_ptr take(const std::string& server) {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(server);
    if (found == sessions_.end() || found->second.empty()) return nullptr;
    auto& newest = found->second.back();
    if (SSL_SESSION_get_protocol_version(newest.get()) < TLS1_3_VERSION) {
      SSL_SESSION_up_ref(newest.get());
      return session_ptr(newest.get());
    }
    // A ticket of TLS 1.3 is used once, lest connections can be linked (RFC 8446 appendix C.4).
    auto session = std::move(newest);
    found->second.pop_back();
    return session;
  }

  void put(const std::string& server, session_ptr session) {
    const std::lock_guard lock(mutex_);
    if (sessions_.size() >= most_servers && !sessions_.contains(server)) sessions_.erase(sessions_.begin());
    auto& kept = sessions_[server];
    if (kept.size() >= most_per_server) kept.erase(kept.begin());
    kept.push_back(std::move(session));
  }

 private:
  static constexpr std::size_t most_servers = 256;
  static constexpr std::size_t most_per_server = 8;

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<session_ptr>> sessions_;  // newest last
};

}  // namespace detail

/// What TLS connections share: options made ready, and the sessions that later connections resume.
/// Immutable but for these; may be shared between threads.
class tls_context {
 public:
  /// Fails with `errc::invalid_argument` and a message that names the option and OpenSSL's reason.
  ///
  /// Reads the files, the system's store among them, at once (the latter takes some 30 ms).
  static result<std::shared_ptr<tls_context>> create(const tls_options& options) {
    ERR_clear_error();
    std::shared_ptr<tls_context> self(new tls_context);
    for (const auto step : {&tls_context::configure, &tls_context::load_trust, &tls_context::load_identity}) {
      if (std::string option = ((*self).*step)(options); !option.empty()) {
        const unsigned long first = ERR_peek_error();  // why a file could not be opened
        const unsigned long last = detail::take_openssl_error();
        option.append(": ").append(detail::openssl_text(ERR_SYSTEM_ERROR(first) ? first : last));
        return failure(errc::invalid_argument, "tls_options: " + option);
      }
    }
    ERR_clear_error();
    return self;
  }

  SSL_CTX* native() const noexcept { return context_.get(); }
  detail::session_cache& sessions() noexcept { return sessions_; }

 private:
  using bio_ptr = detail::openssl_ptr<BIO, BIO_free>;
  using certificate_ptr = detail::openssl_ptr<X509, X509_free>;
  using key_ptr = detail::openssl_ptr<EVP_PKEY, EVP_PKEY_free>;

  tls_context() = default;

  // Each step answers with the option at fault, or an empty string.

  std::string configure(const tls_options& options) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = native();
    if (context == nullptr) return "OpenSSL";
    // The system's openssl.cnf may set it; then a truncated stream would pass for a complete one.
    SSL_CTX_clear_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);  // takes whole pieces of what was received, not header by header
    SSL_CTX_set_verify(context, options.verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    constexpr unsigned char alpn[] = "\x08http/1.1";
    const bool done = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                      SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn - 1) == 0;
    return done ? "" : "OpenSSL";
  }

  // The application data of an SSL is a std::string: which server it is connected to.
  // No exception may pass through OpenSSL: without memory the session is not kept.
  static int keep_session(SSL* connection, SSL_SESSION* session) noexcept {
    detail::session_ptr owned(session);
    auto& self = *static_cast<tls_context*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)));
    try {
      self.sessions_.put(*static_cast<const std::string*>(SSL_get_app_data(connection)), std::move(owned));
    } catch (const std::bad_alloc&) {
    }
    return 1;
  }

  std::string load_trust(const tls_options& options) {
    const bool given = !options.ca_file.empty() || !options.ca_pem.empty();
    if (!given || options.use_system_store) {
      if (SSL_CTX_set_default_verify_paths(native()) != 1) return "use_system_store";
    }
    if (!given) return {};
    const std::vector<certificate_ptr> trusted = read_certificates(options.ca_file, options.ca_pem);
    if (trusted.empty()) return option_name("ca", options.ca_file);
    for (const auto& each : trusted) {
      if (X509_STORE_add_cert(SSL_CTX_get_cert_store(native()), each.get()) != 1)
        return option_name("ca", options.ca_file);
    }
    return {};
  }

  std::string load_identity(const tls_options& options) {
    if (options.client_certificate_file.empty() && options.client_certificate_pem.empty()) return {};
    std::string certificate = option_name("client_certificate", options.client_certificate_file);
    const auto chain = read_certificates(options.client_certificate_file, options.client_certificate_pem);
    if (chain.empty() || SSL_CTX_use_certificate(native(), chain[0].get()) != 1) return certificate;
    for (std::size_t i = 1; i < chain.size(); ++i) {
      if (SSL_CTX_add1_chain_cert(native(), chain[i].get()) != 1) return certificate;
    }
    const bio_ptr source = open(options.client_key_file, options.client_key_pem);
    if (!source) return option_name("client_key", options.client_key_file);
    const key_ptr key(PEM_read_bio_PrivateKey(source.get(), nullptr, refuse_password, nullptr));
    if (!key || SSL_CTX_use_PrivateKey(native(), key.get()) != 1)
      return option_name("client_key", options.client_key_file);
    return {};
  }

  static std::string option_name(std::string_view option, const std::string& file) {
    return std::string(option).append(file.empty() ? "_pem" : "_file ").append(file);
  }

  static bio_ptr open(const std::string& file, const std::string& pem) {
    if (!file.empty()) return bio_ptr(BIO_new_file(file.c_str(), "r"));
    return bio_ptr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  }

  // Without it OpenSSL asks on the terminal.
  static int refuse_password(char*, int, int, void*) { return -1; }

  // Empty when there are none, or when one is damaged.
  static std::vector<certificate_ptr> read_certificates(const std::string& file, const std::string& pem) {
    std::vector<certificate_ptr> certificates;
    const bio_ptr source = open(file, pem);
    if (!source) return certificates;
    while (certificate_ptr next{PEM_read_bio_X509(source.get(), nullptr, refuse_password, nullptr)})
      certificates.push_back(std::move(next));
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) return {};
    if (!certificates.empty()) ERR_clear_error();
    return certificates;
  }

  detail::openssl_ptr<SSL_CTX, SSL_CTX_free> context_;
  detail::session_cache sessions_;
};

}  // namespace net
}  // namespace mcp::inline v0
