// SPDX-License-Identifier: MIT
#include <mcp/async/deadline.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <support/virtual_time.hpp>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

using action = std::function<void()>;
using timed = mcp::deadline_action<action>;

struct bench {
  std::shared_ptr<test::virtual_time> time = std::make_shared<test::virtual_time>();
  std::shared_ptr<mcp::deadline_list> list = std::make_shared<mcp::deadline_list>(time);

  timed after(
      mcp::time_source::duration span, action what = [] {}) {
    return timed(*list, time->now() + span, std::move(what));
  }
};

}  // namespace

TEST_CASE("a deadline expires when its time has come, and once") {
  bench b;
  int calls = 0;
  timed entry = b.after(1s, [&] { ++calls; });
  b.time->advance(999ms);
  CHECK(calls == 0);
  CHECK(entry.armed());
  CHECK_FALSE(entry.passed());
  b.time->advance(1ms);
  CHECK(calls == 1);
  CHECK(entry.passed());
  CHECK_FALSE(entry.armed());
  b.time->advance(1h);
  CHECK(calls == 1);
}

TEST_CASE("a deadline in the past expires at the next tick, not inside set()") {
  bench b;
  timed entry = b.after(-1s);
  CHECK_FALSE(entry.passed());
  b.time->advance(0ms);
  CHECK(entry.passed());
}

TEST_CASE("deadlines expire by time, whatever the order in which they were set") {
  bench b;
  std::vector<int> order;
  timed third = b.after(30ms, [&] { order.push_back(3); });
  timed first = b.after(10ms, [&] { order.push_back(1); });
  timed second = b.after(20ms, [&] { order.push_back(2); });
  b.time->advance(30ms);
  CHECK(order == std::vector{1, 2, 3});
}

TEST_CASE("a deadline can be cleared, moved, and set again") {
  bench b;
  timed cleared = b.after(1s);
  cleared.clear();
  cleared.clear();
  timed later = b.after(1s);
  b.list->set(later, b.time->now() + 3s);
  timed sooner = b.after(10s);
  b.list->set(sooner, b.time->now() + 2s);
  b.time->advance(2s);
  CHECK_FALSE(cleared.passed());
  CHECK_FALSE(later.passed());
  CHECK(sooner.passed());
  b.time->advance(1s);
  CHECK(later.passed());

  b.list->set(cleared, b.time->now() + 1s);
  b.time->advance(1s);
  CHECK(cleared.passed());
}

TEST_CASE("an expiry may set, clear and destroy other deadlines, and its own") {
  bench b;
  int calls = 0;
  std::optional<timed> victim;
  std::optional<timed> cleared;
  std::optional<timed> moved;
  std::optional<timed> again;
  // Of those that are due at once the oldest comes first: this one runs before the others.
  timed acts = b.after(1s, [&] {
    victim.reset();
    cleared->clear();
    b.list->set(*moved, b.time->now() + 1h);
    again.emplace(*b.list, b.time->now(), [&] { calls += 10; });
  });
  victim.emplace(*b.list, b.time->now() + 1s, [&] { ++calls; });
  cleared.emplace(*b.list, b.time->now() + 1s, [&] { ++calls; });
  moved.emplace(*b.list, b.time->now() + 1s, [&] { ++calls; });
  b.time->advance(1s);
  CHECK(calls == 10);

  std::optional<timed> own;
  own.emplace(*b.list, b.time->now() + 1s, [&own] { own.reset(); });
  b.time->advance(1s);
  CHECK_FALSE(own.has_value());
}

TEST_CASE("deadlines and their list may go in either order") {
  bench b;
  timed survivor = b.after(1s);
  { const timed gone = b.after(2s); }
  b.list.reset();
  CHECK_FALSE(survivor.armed());
  b.time->advance(1h);
  CHECK_FALSE(survivor.passed());
}

TEST_CASE("one coarse wake-up serves all deadlines") {
  bench b;
  std::vector<std::unique_ptr<timed>> many;
  for (int i = 0; i < 1000; ++i) many.push_back(std::make_unique<timed>(*b.list, b.time->now() + 60s, [] {}));
  CHECK(b.time->wishes == 1);
  CHECK(b.time->next_wake() - b.time->now() == mcp::deadline_list::longest_sleep);

  const timed near = b.after(10ms);  // earlier than the coarse wake-up: needs its own
  CHECK(b.time->wishes == 2);
  CHECK(b.time->next_wake() - b.time->now() == 10ms);

  b.time->advance(10ms);
  CHECK(b.time->next_wake() - b.time->now() == mcp::deadline_list::longest_sleep);
  many.clear();
  b.time->advance(mcp::deadline_list::longest_sleep);
  CHECK(b.time->next_wake() == mcp::time_source::time_point::max());
}

TEST_CASE("a wake-up that cannot be had is asked for again") {
  struct failing_time final : mcp::time_source {
    time_point now() const noexcept override { return {}; }
    void wake_at(std::weak_ptr<mcp::deadline_list>, time_point) override {
      if (fails) throw std::bad_alloc();
      ++wishes;
    }
    bool fails = true;
    int wishes = 0;
  };
  const auto time = std::make_shared<failing_time>();
  const auto list = std::make_shared<mcp::deadline_list>(time);
  const auto set = [&] { return timed(*list, time->now() + 1s, [] {}); };
  CHECK_THROWS_AS(set(), std::bad_alloc);
  time->fails = false;
  const timed next = set();
  CHECK(time->wishes == 1);
}

TEST_CASE("on real time, the list wakes by itself and lets run() return when it is empty") {
  asio::io_context context;
  const auto list = mcp::deadline_list::make(context.get_executor());
  timed soon(*list, list->now() + 1ms, [] {});
  context.run();
  CHECK(soon.passed());
}
