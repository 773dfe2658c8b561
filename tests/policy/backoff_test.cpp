// SPDX-License-Identifier: MIT
#include <mcp/policy/backoff.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <support/fake_random.hpp>

namespace {

using namespace std::chrono_literals;
using mcp::backoff;

TEST_CASE("the longest delay doubles up to the cap") {
  struct row {
    unsigned retry;
    std::chrono::milliseconds want;
  };
  for (const auto& [retry, want] :
       {row{0, 250ms}, row{1, 500ms}, row{2, 1s}, row{6, 16s}, row{7, 30s}, row{8, 30s}, row{62, 30s},
        row{63, 30s}, row{64, 30s}, row{std::numeric_limits<unsigned>::max(), 30s}}) {
    INFO(retry);
    CHECK(backoff().longest(retry) == want);
  }
}

TEST_CASE("delays spread over all of [0, longest]") {
  test::seeded_random random(2);
  for (const unsigned retry : {0U, 3U, 7U, 1000U}) {
    const auto longest = backoff().longest(retry);
    auto least = longest;
    auto most = 0ms;
    auto sum = 0ms;
    for (int i = 0; i < 10'000; ++i) {
      const auto delay = backoff().delay(retry, random);
      REQUIRE(delay >= 0ms);
      REQUIRE(delay <= longest);
      least = std::min(least, delay);
      most = std::max(most, delay);
      sum += delay;
    }
    INFO(retry);
    CHECK(least < longest / 100);
    CHECK(most > longest - longest / 100);
    CHECK(sum / 10'000 > longest * 45 / 100);
    CHECK(sum / 10'000 < longest * 55 / 100);
  }
}

TEST_CASE("no setting overflows") {
  constexpr auto max = std::chrono::milliseconds::max();
  for (unsigned retry = 0; retry < 200; ++retry) {
    CHECK(backoff{.base = 1ms, .cap = max}.longest(retry) > 0ms);
    CHECK(backoff{.base = max, .cap = max}.longest(retry) == max);
    CHECK(backoff{.base = max, .cap = 30s}.longest(retry) == 30s);
    CHECK(backoff{.base = 0ms}.longest(retry) == 0ms);
    CHECK(backoff{.base = -1ms}.longest(retry) == 0ms);
    CHECK(backoff{.cap = -1ms}.longest(retry) == 0ms);
  }
}

}  // namespace
