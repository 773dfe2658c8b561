// SPDX-License-Identifier: MIT
#include <mcp/async/with_deadline.hpp>

#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <support/started.hpp>
#include <support/virtual_time.hpp>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;
using mcp::errc;

namespace {

struct bench {
  asio::io_context context;
  std::shared_ptr<test::virtual_time> time = std::make_shared<test::virtual_time>();
  std::shared_ptr<mcp::deadline_list> deadlines = std::make_shared<mcp::deadline_list>(time);
  std::shared_ptr<mcp::event> never = std::make_shared<mcp::event>(context.get_executor());

  auto start(asio::awaitable<mcp::result<std::string>> operation) {
    auto started = test::start(context, mcp::with_deadline(context.get_executor(), *deadlines,
                                                           time->now() + 1s, std::move(operation)));
    context.restart();
    context.poll();
    return started;
  }
};

asio::awaitable<mcp::result<std::string>> says(std::string text) { co_return text; }
asio::awaitable<mcp::result<std::string>> fails() { co_return errc::resolve_failed; }
asio::awaitable<mcp::result<std::string>> throws() {
  throw std::runtime_error("thrown");
  co_return errc::resolve_failed;
}

/// Waits until it is cancelled, if it minds that at all.
asio::awaitable<mcp::result<std::string>> waits(std::shared_ptr<mcp::event> until, bool minds,
                                                std::shared_ptr<std::string> fate) {
  std::error_code ignored;
  do {
    co_await until->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  } while (!minds && *fate != "over");
  *fate = "ended";
  co_return std::string("too late");
}

}  // namespace

TEST_CASE("an operation that ends in time gives what it gives") {
  bench b;
  CHECK(*b.start(says("well")).wait() == "well");
  CHECK(b.start(fails()).wait().error().code() == errc::resolve_failed);
  CHECK_THROWS_AS(b.start(throws()).wait(), std::runtime_error);
}

TEST_CASE("an operation that takes too long is cancelled, and not waited for") {
  for (const bool minds : {true, false}) {
    bench b;
    const auto fate = std::make_shared<std::string>("waiting");
    auto waiting = b.start(waits(b.never, minds, fate));
    b.time->advance(999ms);
    b.context.poll();
    CHECK_FALSE(waiting.done());
    b.time->advance(1ms);
    CHECK(waiting.wait().error().code() == errc::deadline_exceeded);
    b.context.restart();
    b.context.poll();
    CHECK(*fate == (minds ? "ended" : "waiting"));
    *fate = "over";
    b.never->notify();
    b.context.restart();
    b.context.poll();
  }
}

TEST_CASE("who cancels the wait, cancels the operation") {
  bench b;
  const auto fate = std::make_shared<std::string>("waiting");
  auto waiting = b.start(waits(b.never, true, fate));
  waiting.cancel();
  CHECK(waiting.wait().error().code() == errc::cancelled);
  b.context.restart();
  b.context.poll();
  CHECK(*fate == "ended");
}

TEST_CASE("the context may be destroyed while an operation is waited for") {
  bench b;
  auto waiting = b.start(waits(b.never, true, std::make_shared<std::string>()));
  CHECK_FALSE(waiting.done());
}
