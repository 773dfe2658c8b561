// SPDX-License-Identifier: MIT
#include <mcp/policy/circuit_breaker.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <support/fake_random.hpp>

namespace {

using namespace std::chrono_literals;
using mcp::circuit_breaker;

const circuit_breaker::time_point start{};

void open(circuit_breaker& breaker) {
  for (int i = 0; i < 5; ++i) breaker.failed(start);
}

TEST_CASE("a closed breaker lets everything through; failures in a row open it") {
  test::constant_random random(200);  // ms, of 250
  circuit_breaker breaker(random);
  for (int i = 0; i < 4; ++i) breaker.failed(start);
  CHECK(breaker.allow(start));
  CHECK(breaker.allow(start));
  CHECK_FALSE(breaker.next_probe_at());
  breaker.failed(start);
  CHECK_FALSE(breaker.allow(start));
  CHECK(breaker.next_probe_at() == start + 200ms);
}

TEST_CASE("any answer in between starts the count anew") {
  test::constant_random random(200);
  circuit_breaker breaker(random);
  for (int i = 0; i < 100; ++i) {
    breaker.failed(start);
    if (i % 4 == 3) breaker.succeeded();
  }
  CHECK(breaker.allow(start));
}

TEST_CASE("one probe at a time, and its success lets all through") {
  test::constant_random random(200);
  circuit_breaker breaker(random);
  open(breaker);
  CHECK_FALSE(breaker.allow(start + 199ms));
  CHECK(breaker.allow(start + 200ms));
  for (int i = 0; i < 10; ++i) CHECK_FALSE(breaker.allow(start + 201ms));
  breaker.succeeded();
  for (int i = 0; i < 10; ++i) CHECK(breaker.allow(start + 202ms));
}

TEST_CASE("a probe that fails makes the next one wait longer") {
  test::constant_random random(250);
  circuit_breaker breaker(random);
  open(breaker);
  auto now = start;
  for (const auto& delay : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 16'000ms, 30'000ms, 30'000ms, 30'000ms}) {
    now = *breaker.next_probe_at();
    CHECK(breaker.allow(now));
    random.value = static_cast<std::uint64_t>(delay.count());
    breaker.failed(now);
    CHECK(breaker.next_probe_at() == now + delay);
  }
}

TEST_CASE("stragglers change nothing while it is open") {
  test::constant_random random(200);
  circuit_breaker breaker(random);
  open(breaker);
  for (int i = 0; i < 10; ++i) breaker.failed(start + 100ms);
  CHECK(breaker.next_probe_at() == start + 200ms);
  CHECK(breaker.allow(start + 200ms));
}

TEST_CASE("a straggler's success closes it") {
  test::constant_random random(200);
  circuit_breaker breaker(random);
  open(breaker);
  breaker.succeeded();
  CHECK(breaker.allow(start));
}

TEST_CASE("a lost probe is replaced") {
  test::constant_random random(200);
  circuit_breaker breaker(random);
  open(breaker);
  CHECK(breaker.allow(start + 1s));
  CHECK_FALSE(breaker.allow(start + 10'999ms));
  CHECK(breaker.next_probe_at() == start + 11s);
  CHECK(breaker.allow(start + 11s));
  CHECK_FALSE(breaker.allow(start + 12s));
}

TEST_CASE("when the server returns, the first success comes within one cap") {
  test::seeded_random random(4);
  auto worst = 0ms;
  for (int run = 0; run < 2000; ++run) {
    circuit_breaker breaker(random);
    const auto back = start + mcp::uniform(random, std::chrono::milliseconds(20min));
    auto now = start;
    for (int calls = 0;; ++calls) {
      // Somebody always wants to call: whoever is refused comes back when the next probe may go.
      if (!breaker.allow(now)) {
        REQUIRE(breaker.next_probe_at() > now);
        REQUIRE(*breaker.next_probe_at() <= now + 30s);
        now = *breaker.next_probe_at();
        continue;
      }
      if (now >= back) break;
      if (mcp::uniform(random, std::uint64_t{9}) != 0) breaker.failed(now);  // else the probe was cancelled
      if (!breaker.next_probe_at()) now += 1ms;
      REQUIRE(calls < 10'000'000);
    }
    worst = std::max(worst, std::chrono::duration_cast<std::chrono::milliseconds>(now - back));
    breaker.succeeded();
    CHECK(breaker.allow(now));
  }
  CHECK(worst <= 30s);
}

TEST_CASE("a dead server sees few probes") {
  test::seeded_random random(5);
  circuit_breaker breaker(random);
  int attempts = 0;
  for (auto now = start; now < start + 1h; now += 10ms) {
    if (!breaker.allow(now)) continue;
    ++attempts;
    breaker.failed(now);
  }
  CHECK(attempts < 400);  // some 15 s apart, on average; a hammering client would make 360,000
}

}  // namespace
