// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <random>

namespace mcp::inline v0 {

/// Where jitter comes from: the seam at which tests put numbers of their own. Not for secrets.
class random_source {
 public:
  virtual ~random_source() = default;
  /// Uniform over all 64-bit values.
  virtual std::uint64_t next() noexcept = 0;
};

namespace detail {

class mersenne_random final : public random_source {
 public:
  std::uint64_t next() noexcept override { return engine_(); }

 private:
  // Without a working device, the address still differs from process to process.
  std::uint64_t seed() const noexcept {
    try {
      std::random_device device;
      return std::uint64_t{device()} << 32 | device();
    } catch (...) {
      return reinterpret_cast<std::uintptr_t>(this);
    }
  }

  std::mt19937_64 engine_{seed()};
};

}  // namespace detail

/// A source of its own seed.
inline std::unique_ptr<random_source> make_random() { return std::make_unique<detail::mersenne_random>(); }

/// Uniform over [0, bound]; the bias is below bound / 2^64.
inline std::uint64_t uniform(random_source& random, std::uint64_t bound) noexcept {
  const std::uint64_t value = random.next();
  return bound == std::numeric_limits<std::uint64_t>::max() ? value : value % (bound + 1);
}

/// The same for a duration, to its own precision; zero where `bound` is negative.
template <class Rep, class Period>
std::chrono::duration<Rep, Period> uniform(random_source& random,
                                           std::chrono::duration<Rep, Period> bound) noexcept {
  if (bound.count() <= 0) return bound.zero();
  return std::chrono::duration<Rep, Period>(
      static_cast<Rep>(uniform(random, static_cast<std::uint64_t>(bound.count()))));
}

}  // namespace mcp::inline v0
