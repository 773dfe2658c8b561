// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <support/tls_server.hpp>
#include <utility>

namespace test {

/// The server's side of one TLS connection, from bytes to bytes.
class memory_tls {
 public:
  /// `context` stays the caller's.
  explicit memory_tls(SSL_CTX* context) : connection_(SSL_new(context)) {
    SSL_set_bio(connection_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(connection_.get());
  }

  /// Takes in ciphertext, and answers the plaintext that is in it. What must go back is in `take_output()`.
  std::string decrypt(std::string_view ciphertext) {
    const own_errors_only scope;
    BIO_write(SSL_get_rbio(connection_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
    std::string plaintext;
    char bytes[4096];
    for (std::size_t count = 0; SSL_read_ex(connection_.get(), bytes, sizeof bytes, &count) == 1;)
      plaintext.append(bytes, count);
    return plaintext;
  }

  void encrypt(std::string_view plaintext) {
    const own_errors_only scope;
    std::size_t written = 0;
    if (!plaintext.empty()) SSL_write_ex(connection_.get(), plaintext.data(), plaintext.size(), &written);
  }

  /// Writes close_notify.
  void shut_down() {
    const own_errors_only scope;
    SSL_shutdown(connection_.get());
  }

  /// Ciphertext for the client.
  std::string take_output() {
    char* bytes = nullptr;
    BIO* const out = SSL_get_wbio(connection_.get());
    const long size = BIO_get_mem_data(out, &bytes);
    std::string taken(bytes, static_cast<std::size_t>(size));
    BIO_reset(out);
    return taken;
  }

 private:
  // It runs in the middle of the client's OpenSSL calls, and must leave the thread's error queue alone.
  struct own_errors_only {
    own_errors_only() { ERR_set_mark(); }
    own_errors_only(const own_errors_only&) = delete;
    own_errors_only& operator=(const own_errors_only&) = delete;
    ~own_errors_only() { ERR_pop_to_mark(); }
  };

  std::unique_ptr<SSL, detail::freed<SSL, SSL_free>> connection_;
};

}  // namespace test
