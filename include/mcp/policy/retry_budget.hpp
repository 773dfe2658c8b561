// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace mcp::inline v0 {

/// Keeps all calls to one origin together from multiplying the load on a server that is in trouble: each call
/// earns a part of a retry, each retry spends a whole one.
///
/// While calls keep coming, attempts <= calls * (1 + 1/calls_per_retry) + burst, however many fail. A client
/// that was quiet has the burst again, so that its first failure after an hour is retried too. Which retries
/// are charged: those after an attempt that got no answer, a 429 or a 503; not the one after a repair.
class retry_budget {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct settings {
    std::uint32_t calls_per_retry = 5;  ///< retries are at most a fifth of the calls
    std::uint32_t burst = 10;           ///< the most retries that can be saved up
    /// Without any call or retry for so long, all of `burst` is there again.
    std::chrono::steady_clock::duration quiet = std::chrono::minutes(1);
  };

  retry_budget() : retry_budget(settings{}) {}
  explicit retry_budget(const settings& how) : how_(how), parts_(most()) {}

  /// A call begins.
  void deposit(time_point now) noexcept {
    touch(now);
    parts_ = std::min(parts_ + 1, most());
  }

  /// Takes what one retry costs; false, and nothing taken, where there is too little.
  bool withdraw(time_point now) noexcept {
    touch(now);
    if (parts_ < how_.calls_per_retry) return false;
    parts_ -= how_.calls_per_retry;
    return true;
  }

 private:
  // Counted in what one call earns, so that nothing is lost by rounding.
  std::uint64_t most() const noexcept { return std::uint64_t{how_.burst} * how_.calls_per_retry; }

  void touch(time_point now) noexcept {
    if (last_used_ && now - *last_used_ >= how_.quiet) parts_ = most();
    last_used_ = now;
  }

  settings how_;
  std::uint64_t parts_;
  std::optional<time_point> last_used_;
};

}  // namespace mcp::inline v0
