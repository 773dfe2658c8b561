// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/net/address.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace mcp::inline v0::net {

/// The order in which to try addresses (RFC 8305 §4). They come sorted by RFC 6724, as `getaddrinfo` does;
/// the family of the first one stays first, and from then on the families alternate.
inline std::vector<endpoint> interleave_families(const std::vector<endpoint>& sorted) {
  std::vector<endpoint> order;
  order.reserve(sorted.size());
  const auto family = [](const endpoint& each) { return each.address().is_v6(); };
  auto next_v6 = sorted.begin();
  auto next_v4 = sorted.begin();
  for (bool v6 = !sorted.empty() && family(sorted.front()); order.size() < sorted.size(); v6 = !v6) {
    auto& next = v6 ? next_v6 : next_v4;
    next = std::ranges::find(next, sorted.end(), v6, family);
    if (next != sorted.end()) order.push_back(*next++);
  }
  return order;
}

/// When to start which of several connection attempts (RFC 8305 §5): one after the other, 250 ms apart, or
/// at once when one has failed. Clock and sockets are the caller's.
class happy_eyeballs {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds attempt_delay{250};

  explicit happy_eyeballs(std::size_t candidates) noexcept : candidates_(candidates) {}

  /// The candidate to start now, if one is due. To be asked until there is none.
  std::optional<std::size_t> start(time_point now) noexcept {
    if (started_ == candidates_ || now < next_at_) return std::nullopt;
    next_at_ = now + attempt_delay;
    return started_++;
  }

  /// One of the attempts that were started has failed.
  void failed() noexcept {
    ++failed_;
    next_at_ = time_point::min();
  }

  /// When `start()` has the next candidate; `time_point::max()` when there is none left.
  time_point next_at() const noexcept { return started_ == candidates_ ? time_point::max() : next_at_; }

  /// Whether every candidate has failed.
  bool exhausted() const noexcept { return failed_ == candidates_; }

 private:
  std::size_t candidates_;
  std::size_t started_ = 0;
  std::size_t failed_ = 0;
  time_point next_at_ = time_point::min();
};

}  // namespace mcp::inline v0::net
