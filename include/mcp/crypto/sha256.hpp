// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/crypto/random_bytes.hpp>

#include <openssl/evp.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace mcp::inline v0::crypto {

inline constexpr std::size_t sha256_size = 32;

/// The 32 bytes of SHA-256 (FIPS 180-4). Errors: `crypto_failed`.
inline result<std::string> sha256(std::string_view bytes) {
  std::string digest(sha256_size, '\0');
  if (EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
                 EVP_sha256(), nullptr) != 1) {
    return detail::failed("SHA-256");
  }
  return digest;
}

}  // namespace mcp::inline v0::crypto
