// SPDX-License-Identifier: MIT
#include <mcp/async/event.hpp>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include <support/started.hpp>
#include <system_error>
#include <vector>

namespace {

asio::awaitable<int> wait_for(mcp::event& event, const bool& condition) {
  int wake_ups = 0;
  std::error_code ignored;
  while (!condition) {
    co_await event.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    ++wake_ups;
  }
  co_return wake_ups;
}

}  // namespace

TEST_CASE("an event wakes everyone who waits, and remembers nothing") {
  asio::io_context context;
  mcp::event event(context.get_executor());
  bool condition = false;
  event.notify();
  std::vector<test::started<int>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(test::start(context, wait_for(event, condition)));
  context.poll();
  event.notify();
  context.poll();
  for (const auto& each : waiting) CHECK_FALSE(each.done());

  condition = true;
  event.notify();
  for (auto& each : waiting) CHECK(each.wait() == 2);
}

TEST_CASE("one who waits for an event can be cancelled alone") {
  asio::io_context context;
  mcp::event event(context.get_executor());
  bool condition = false;
  auto first = test::start(context, wait_for(event, condition));
  auto second = test::start(context, wait_for(event, condition));
  context.poll();
  first.cancel();
  context.poll();
  CHECK(first.done());  // its next wait threw
  CHECK_THROWS_AS(first.wait(), std::system_error);
  CHECK_FALSE(second.done());
  condition = true;
  event.notify();
  CHECK(second.wait() == 1);
}
