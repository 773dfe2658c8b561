// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/crypto/random_bytes.hpp>

#include <openssl/evp.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mcp::inline v0::crypto {

/// What one guess at a passphrase costs (RFC 7914 §2). As it stands: 32 MiB and some 0.1 s.
struct scrypt_cost {
  std::uint8_t log2_n = 15;
  std::uint8_t r = 8;
  std::uint8_t p = 1;

  constexpr std::uint64_t memory() const noexcept { return std::uint64_t{128} * r << log2_n; }  ///< bytes

  friend bool operator==(const scrypt_cost&, const scrypt_cost&) = default;
};

/// A key of `size` bytes out of a passphrase. Errors: `crypto_failed`, also where `cost` has no meaning.
inline result<secret> scrypt(std::string_view passphrase, std::string_view salt, const scrypt_cost& cost,
                             std::size_t size) {
  if (cost.log2_n > 32) return detail::failed("scrypt");
  secret key;
  key.resize(size);
  // Besides the table: a block for each of `p`, and two to work with.
  const std::uint64_t limit = cost.memory() + std::uint64_t{128} * cost.r * (cost.p + 2U);
  if (EVP_PBE_scrypt(passphrase.data(), passphrase.size(),
                     reinterpret_cast<const unsigned char*>(salt.data()), salt.size(),
                     std::uint64_t{1} << cost.log2_n, cost.r, cost.p, limit,
                     reinterpret_cast<unsigned char*>(key.data()), size) != 1) {
    return detail::failed("scrypt");
  }
  return key;
}

}  // namespace mcp::inline v0::crypto
