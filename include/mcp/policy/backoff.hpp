// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/random.hpp>

#include <algorithm>
#include <chrono>

namespace mcp::inline v0 {

/// How long to wait before trying again: exponential with full jitter, so that the clients of a server that
/// has come back do not all come at once.
struct backoff {
  std::chrono::milliseconds base{250};
  std::chrono::milliseconds cap{30'000};

  /// min(cap, base * 2^retry): the longest delay before retry number `retry`, which counts from 0. Any
  /// number will do; where `base` or `cap` is negative, zero.
  std::chrono::milliseconds longest(unsigned retry) const noexcept {
    const auto limit = std::max(cap.count(), std::chrono::milliseconds::rep{0});
    const auto start = std::max(base.count(), std::chrono::milliseconds::rep{0});
    if (start == 0) return {};
    // Compared by division: the product may not fit.
    if (retry >= 63 || start > limit >> retry) return std::chrono::milliseconds(limit);
    return std::chrono::milliseconds(start << retry);
  }

  /// Uniform over [0, longest(retry)].
  std::chrono::milliseconds delay(unsigned retry, random_source& random) const noexcept {
    return uniform(random, longest(retry));
  }
};

}  // namespace mcp::inline v0
