// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/random.hpp>
#include <mcp/policy/backoff.hpp>

#include <chrono>
#include <optional>

namespace mcp::inline v0 {

/// Stops all calls to one origin together from hammering it while it is dead: after some failures in a row
/// only one attempt at a time is let through, the probe, and the time between probes grows.
///
/// What counts as a failure is an attempt without any answer from the origin, or one that a gateway
/// answered in its place; every other HTTP response, of any status, proves that the origin lives. Once it
/// does, the next probe finds it within `schedule.cap`.
class circuit_breaker {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct settings {
    unsigned failures = 5;  ///< in a row, that open it
    backoff schedule{};     ///< from one probe to the next
    /// A probe of which nothing was heard for so long, for instance because its caller was cancelled, is
    /// given up: the next one may go.
    std::chrono::milliseconds patience{10'000};
  };

  /// `random` must outlive the breaker.
  explicit circuit_breaker(random_source& random) : circuit_breaker(random, settings{}) {}
  circuit_breaker(random_source& random, const settings& how) : random_(&random), how_(how) {}

  /// Whether an attempt may go now. Where it was closed to all, the one that may is the probe: its outcome is
  /// to be reported.
  bool allow(time_point now) noexcept {
    if (!next_probe_at_) return true;
    if (now < *next_probe_at_) return false;
    probing_ = true;
    next_probe_at_ = now + how_.patience;
    return true;
  }

  /// An attempt was answered by the origin: all may go.
  void succeeded() noexcept {
    failures_ = probes_failed_ = 0;
    probing_ = false;
    next_probe_at_.reset();
  }

  /// An attempt was not. While no probe is under way, the stragglers from before it opened change nothing.
  void failed(time_point now) noexcept {
    if (next_probe_at_ && !probing_) return;
    if (!next_probe_at_ && ++failures_ < how_.failures) return;
    probing_ = false;
    next_probe_at_ = now + how_.schedule.delay(probes_failed_++, *random_);
  }

  /// When `allow()` will say yes again; nothing while it says yes to all.
  std::optional<time_point> next_probe_at() const noexcept { return next_probe_at_; }

 private:
  random_source* random_;
  settings how_;
  unsigned failures_ = 0;       // in a row, while closed
  unsigned probes_failed_ = 0;  // since it opened; a wrap-around would only probe sooner
  bool probing_ = false;
  std::optional<time_point> next_probe_at_;
};

}  // namespace mcp::inline v0
