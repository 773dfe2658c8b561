// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/crypto/random_bytes.hpp>

#include <openssl/evp.h>

#include <cassert>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace mcp::inline v0::crypto {

/// AES-256-GCM (NIST SP 800-38D). What is sealed is the nonce, the encrypted bytes and the tag, in this
/// order.
inline constexpr std::size_t aes_key_size = 32;
inline constexpr std::size_t aes_gcm_nonce_size = 12;
inline constexpr std::size_t aes_gcm_tag_size = 16;
inline constexpr std::size_t aes_gcm_overhead = aes_gcm_nonce_size + aes_gcm_tag_size;

namespace detail {

struct cipher_free {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};

inline unsigned char* octets(char* text) noexcept { return reinterpret_cast<unsigned char*>(text); }
inline const unsigned char* octets(const char* text) noexcept {
  return reinterpret_cast<const unsigned char*>(text);
}

/// One pass over `in`; null where OpenSSL fails. `out` has room for as much.
inline std::unique_ptr<EVP_CIPHER_CTX, cipher_free> aes_gcm_pass(bool encrypt, const secret& key,
                                                                 const char* nonce, std::string_view in,
                                                                 std::string_view additional, char* out) {
  assert(key.size() == aes_key_size);
  std::unique_ptr<EVP_CIPHER_CTX, cipher_free> context(EVP_CIPHER_CTX_new());
  int size = 0;
  if (!context ||
      EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, octets(key.view().data()), octets(nonce),
                        encrypt ? 1 : 0) != 1 ||
      EVP_CipherUpdate(context.get(), nullptr, &size, octets(additional.data()),
                       static_cast<int>(additional.size())) != 1 ||
      EVP_CipherUpdate(context.get(), octets(out), &size, octets(in.data()), static_cast<int>(in.size())) !=
          1) {
    return nullptr;
  }
  return context;
}

inline result<secret> aes_gcm_seal(const secret& key, std::string_view nonce, std::string_view plain,
                                   std::string_view additional) {
  secret sealed(nonce);
  sealed.resize(plain.size() + aes_gcm_overhead);
  char* const body = sealed.data() + nonce.size();
  const auto context = aes_gcm_pass(true, key, nonce.data(), plain, additional, body);
  int none = 0;
  if (!context || EVP_CipherFinal_ex(context.get(), octets(body), &none) != 1 ||
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, aes_gcm_tag_size, body + plain.size()) != 1) {
    return failed("AES-GCM");
  }
  return sealed;
}

}  // namespace detail

/// Encrypts `plain` under a random nonce; `additional` is not in what comes out, but must be the same to open
/// it. `key` has 32 bytes, and seals no more than 2^32 times. Texts of less than 2 GiB. Errors:
/// `crypto_failed`.
inline result<secret> aes_gcm_seal(const secret& key, std::string_view plain, std::string_view additional) {
  const auto nonce = random_bytes(aes_gcm_nonce_size);
  if (!nonce) return nonce.error();
  return detail::aes_gcm_seal(key, nonce->view(), plain, additional);
}

/// What was sealed; nothing if it was not, with this key and these additional bytes. Errors: `crypto_failed`.
inline result<std::optional<secret>> aes_gcm_open(const secret& key, std::string_view sealed,
                                                  std::string_view additional) {
  std::optional<secret> plain;
  if (sealed.size() < aes_gcm_overhead) return plain;
  plain.emplace().resize(sealed.size() - aes_gcm_overhead);
  const auto body = sealed.substr(aes_gcm_nonce_size, plain->size());
  const auto context = detail::aes_gcm_pass(false, key, sealed.data(), body, additional, plain->data());
  secret tag(sealed.substr(sealed.size() - aes_gcm_tag_size));
  if (!context || EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, aes_gcm_tag_size, tag.data()) != 1)
    return detail::failed("AES-GCM");
  int none = 0;
  if (EVP_CipherFinal_ex(context.get(), detail::octets(plain->data()), &none) != 1) {
    ERR_clear_error();
    plain.reset();
  }
  return plain;
}

}  // namespace mcp::inline v0::crypto
