// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <support/certificates.hpp>
#include <support/listener.hpp>
#include <thread>
#include <utility>

#include <signal.h>
#include <unistd.h>

namespace test {

struct tls_server_options {
  identity own;
  std::string client_ca{};  ///< PEM; not empty: clients must present a certificate of this authority
  int newest_version = TLS1_3_VERSION;
  int oldest_version = TLS1_2_VERSION;
  std::function<void(SSL*)> before_handshake{};  ///< may do part of it
};

namespace detail {

inline SSL_CTX* server_context(const tls_server_options& options) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  BIO* const certificate = BIO_new_mem_buf(options.own.certificate.c_str(), -1);
  BIO* const key = BIO_new_mem_buf(options.own.key.c_str(), -1);
  X509* const x509 = PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr);
  EVP_PKEY* const pkey = PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr);
  require(SSL_CTX_use_certificate(context, x509) == 1 && SSL_CTX_use_PrivateKey(context, pkey) == 1);
  X509_free(x509);
  EVP_PKEY_free(pkey);
  BIO_free(certificate);
  BIO_free(key);

  SSL_CTX_set_security_level(context, 0);  // old versions are spoken in order to be refused
  SSL_CTX_set_min_proto_version(context, options.oldest_version);
  SSL_CTX_set_max_proto_version(context, options.newest_version);
  constexpr unsigned char session_id_context[] = "test";
  SSL_CTX_set_session_id_context(context, session_id_context, sizeof session_id_context);
  SSL_CTX_set_alpn_select_cb(
      context,
      [](SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
         unsigned length, void*) {
        *chosen = offered + 1;
        *size = length == 0 ? 0 : offered[0];
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  if (options.client_ca.empty()) return context;
  BIO* const authority = BIO_new_mem_buf(options.client_ca.c_str(), -1);
  X509* const trusted = PEM_read_bio_X509(authority, nullptr, nullptr, nullptr);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context), trusted);
  X509_free(trusted);
  BIO_free(authority);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

}  // namespace detail

/// A TLS server on 127.0.0.1 in a thread of its own, over blocking sockets: one connection after the other,
/// each given to `serve` after its handshake. Sends close_notify only if `serve` does.
class tls_server {
 public:
  using handler = std::function<void(SSL*)>;

  tls_server(const tls_server_options& options, handler serve)
      : context_(detail::server_context(options)), serve_(std::move(serve)) {
    before_handshake_ = options.before_handshake;
    thread_ = std::thread([this] { run(); });
  }

  ~tls_server() {
    listener_.shut_down();
    thread_.join();
    SSL_CTX_free(context_);
  }

  std::uint16_t port() const { return listener_.port(); }

  /// For handlers.
  static std::string read(SSL* connection) {
    char bytes[4096];
    const int count = SSL_read(connection, bytes, sizeof bytes);
    return {bytes, static_cast<std::size_t>(count > 0 ? count : 0)};
  }
  static void write(SSL* connection, std::string_view text) {
    SSL_write(connection, text.data(), static_cast<int>(text.size()));
  }

 private:
  void run() {
    sigset_t broken_pipe;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);  // OpenSSL's sockets raise it
    for (;;) {
      const int accepted = listener_.accept();
      if (accepted < 0) return;
      SSL* const connection = SSL_new(context_);
      SSL_set_fd(connection, accepted);
      if (before_handshake_) before_handshake_(connection);
      if (SSL_accept(connection) == 1) serve_(connection);
      // Keeps the session for resumption, and sends nothing.
      SSL_set_shutdown(connection, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      SSL_free(connection);
      ::close(accepted);
    }
  }

  listener listener_;
  SSL_CTX* context_;
  handler before_handshake_;
  handler serve_;
  std::thread thread_;
};

}  // namespace test
