// SPDX-License-Identifier: MIT
#include <mcp/base/random.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <support/fake_random.hpp>

namespace {

using namespace std::chrono_literals;
using mcp::uniform;

TEST_CASE("two sources give two sequences") {
  const auto first = mcp::make_random();
  const auto second = mcp::make_random();
  int equal = 0;
  for (int i = 0; i < 100; ++i) equal += first->next() == second->next() ? 1 : 0;
  CHECK(equal < 2);
}

TEST_CASE("uniform numbers reach both ends of their range and nothing beyond") {
  test::seeded_random random(1);
  std::array<int, 11> seen{};
  for (int i = 0; i < 11'000; ++i) ++seen.at(uniform(random, std::uint64_t{10}));
  for (const int times : seen) {
    CHECK(times > 800);
    CHECK(times < 1200);
  }
}

TEST_CASE("bounds at the edge") {
  constexpr auto max = std::numeric_limits<std::uint64_t>::max();
  test::constant_random random(max);
  CHECK(uniform(random, std::uint64_t{0}) == 0);
  CHECK(uniform(random, max) == max);
  CHECK(uniform(random, max - 1) == 0);
  CHECK(uniform(random, 0ms) == 0ms);
  CHECK(uniform(random, -5ms) == 0ms);
  CHECK(uniform(random, 7ms) == 7ms);
  CHECK(uniform(random, std::chrono::nanoseconds::max()) == std::chrono::nanoseconds::max());
}

}  // namespace
