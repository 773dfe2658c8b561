// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>

#include <openssl/err.h>
#include <openssl/rand.h>

#include <cstddef>

namespace mcp::inline v0::crypto {

namespace detail {

/// What OpenSSL has to say goes: TLS would take it for its own.
inline failure failed(const char* operation) {
  ERR_clear_error();
  return failure(errc::crypto_failed, operation);
}

}  // namespace detail

/// Bytes that nobody can guess. Errors: `crypto_failed`.
inline result<secret> random_bytes(std::size_t size) {
  secret bytes;
  bytes.resize(size);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size)) != 1)
    return detail::failed("random bytes");
  return bytes;
}

}  // namespace mcp::inline v0::crypto
