// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/random.hpp>

#include <cstdint>

namespace test {

/// Gives one number again and again.
struct constant_random final : mcp::random_source {
  explicit constant_random(std::uint64_t number) : value(number) {}
  std::uint64_t next() noexcept override { return value; }

  std::uint64_t value;
};

/// A repeatable sequence (SplitMix64).
struct seeded_random final : mcp::random_source {
  explicit seeded_random(std::uint64_t seed) : state(seed) {}
  std::uint64_t next() noexcept override {
    std::uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  std::uint64_t state;
};

}  // namespace test
