// SPDX-License-Identifier: MIT
#include <mcp/policy/retry_budget.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdint>
#include <support/fake_random.hpp>

namespace {

using namespace std::chrono_literals;
using mcp::retry_budget;

const retry_budget::time_point start{};

int withdraw_all(retry_budget& budget, retry_budget::time_point now) {
  int taken = 0;
  while (budget.withdraw(now)) ++taken;
  return taken;
}

TEST_CASE("a new budget has its burst, and no more") {
  retry_budget budget;
  CHECK(withdraw_all(budget, start) == 10);
}

TEST_CASE("five calls earn one retry") {
  retry_budget budget;
  withdraw_all(budget, start);
  for (int call = 0; call < 4; ++call) budget.deposit(start);
  CHECK_FALSE(budget.withdraw(start));
  budget.deposit(start);
  CHECK(budget.withdraw(start));
  CHECK_FALSE(budget.withdraw(start));
}

TEST_CASE("what is saved up is capped") {
  retry_budget budget;
  for (int call = 0; call < 1000; ++call) budget.deposit(start);
  CHECK(withdraw_all(budget, start) == 10);
}

TEST_CASE("after a quiet time the burst is there again, and not before") {
  retry_budget budget;
  withdraw_all(budget, start);
  CHECK_FALSE(budget.withdraw(start + 59s));
  // That was a sign of life: quiet begins anew.
  CHECK_FALSE(budget.withdraw(start + 118s));
  budget.deposit(start + 1h);
  CHECK(budget.withdraw(start + 1h));
  CHECK(withdraw_all(budget, start + 1h) == 9);
}

TEST_CASE("a clock that stands or jumps back refills nothing") {
  retry_budget budget;
  withdraw_all(budget, start + 1h);
  CHECK_FALSE(budget.withdraw(start));
  CHECK_FALSE(budget.withdraw(start));
}

TEST_CASE("a budget of nothing never allows a retry") {
  retry_budget budget({.burst = 0});
  for (int call = 0; call < 100; ++call) budget.deposit(start + call * 1h);
  CHECK_FALSE(budget.withdraw(start + 1000h));
}

TEST_CASE("attempts stay within a fifth more than calls, and the burst, whatever happens") {
  test::seeded_random random(3);
  for (int run = 0; run < 200; ++run) {
    retry_budget budget;
    auto now = start;
    std::uint64_t calls = 0;
    std::uint64_t attempts = 0;
    const auto failing = mcp::uniform(random, std::uint64_t{100});  // per cent
    for (int call = 0; call < 2000; ++call) {
      now += mcp::uniform(random, std::chrono::steady_clock::duration(59s));
      budget.deposit(now);
      ++calls;
      ++attempts;
      while (mcp::uniform(random, std::uint64_t{99}) < failing && budget.withdraw(now)) ++attempts;
      REQUIRE(attempts * 5 <= calls * 6 + 50);
    }
    // And where few fail, every one of them is retried.
    if (failing == 0) CHECK(attempts == calls);
    if (failing == 100) CHECK(attempts * 5 >= calls * 6);
  }
}

}  // namespace
