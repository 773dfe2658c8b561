// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace mcp::inline v0 {

/// How long a result may be kept (schema of 2026-07-28: `CacheableResult`). What is absent, as from
/// earlier servers, or has no meaning reads as "not at all".
struct cache_hint {
  std::chrono::milliseconds ttl{0};  ///< fresh for so long after receipt; at most a year
  bool shared = false;               ///< `public`: holds nothing of one user

  static cache_hint parse(const json::value& result) {
    constexpr double year = 365.0 * 24 * 60 * 60 * 1000;
    const double ttl = json::find_member(result, "ttlMs").number().value_or(0);
    return {std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(ttl, 0.0, year))),
            json::find_member(result, "cacheScope") == "public"};
  }
};

}  // namespace mcp::inline v0
