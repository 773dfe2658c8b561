// SPDX-License-Identifier: MIT
#include "recovery/fixture.hpp"

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using mcp::errc;
using namespace std::chrono_literals;
using test::code_of;
using way = test::delivery::way;

namespace {

/// A session without healing of its own.
template <class Fixture>
struct with_session : Fixture {
  with_session() {
    session.emplace(this->world.context.get_executor(), this->url(), this->options);
    REQUIRE(this->run(session->open(mcp::as_result)));
  }

  /// `operation` within the wrapper.
  template <class Operation>
  auto heal(const Operation& operation, const mcp::reinitialize_policy& policy = {}) {
    return this->run(mcp::with_reinitialize(*session, operation, policy, mcp::as_result));
  }

  std::optional<mcp::session> session;
};

struct legacy_session : with_session<test::legacy> {};
struct legacy_streams_session : with_session<test::legacy_streams> {};
struct modern_session : with_session<test::modern> {};

const auto call_a = [](mcp::session& on) {
  return on.call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
};
const auto ping = [](mcp::session& on) { return on.ping(mcp::call_options{}, mcp::as_result); };

asio::awaitable<std::string> two_calls(mcp::session& on) {
  auto first = co_await on.call_tool("a", R"({"n":1})");
  auto second = co_await on.call_tool("b", R"({"n":1})");
  co_return first.text() + " " + second.text();
}

asio::awaitable<std::string> call_with_own_handle(mcp::session on) {
  auto answer = co_await on.call_tool("a", R"({"n":1})");
  co_return answer.text();
}

asio::awaitable<std::string> nested_then_call(mcp::session& on) {
  auto first = co_await mcp::with_reinitialize(on, call_a);
  auto second = co_await on.call_tool("b", R"({"n":1})");
  co_return first.value.text() + " " + second.text();
}

asio::awaitable<void> call_that_throws_then_ping(mcp::session& on) {
  const auto on_progress = [](const mcp::progress_update&) { throw std::runtime_error("no more"); };
  const mcp::call_options options{.on_progress = on_progress};
  try {
    co_await on.call_tool("a", R"({"n":1})", options);
  } catch (const std::runtime_error&) {
  }
  co_await on.ping();
}

asio::awaitable<void> list_then_call(mcp::session& on) {
  co_await on.list_tools();
  co_await on.call_tool("a", R"({"n":1})");
}

}  // namespace

TEST_CASE_METHOD(legacy_session, "an operation without trouble has no history", "[recovery]") {
  const auto answer = heal(call_a);
  REQUIRE(answer);
  CHECK(answer->value.text() == "a 1");
  CHECK(answer->attempts.empty());
}

TEST_CASE_METHOD(legacy_session, "an operation that meets a lost session is run again on a new one",
                 "[recovery]") {
  peer.restart(false);
  world.pass(1s);
  const auto before = peer.requests().size();
  const auto answer = heal(call_a);
  REQUIRE(answer);
  CHECK(answer->value.text() == "a 1");
  REQUIRE(answer->attempts.size() == 1);
  CHECK(answer->attempts[0].seen.status == 404);
  CHECK(answer->attempts[0].method == "tools/call");
  CHECK(peer.requests().size() == before + 4);
  CHECK(executions("a") == 1);
  CHECK(notes->replaced == 1);
}

TEST_CASE_METHOD(legacy_session, "a session alone only says that it is lost", "[recovery]") {
  peer.restart(false);
  world.pass(1s);
  CHECK(code_of(run(call_a(*session))) == errc::session_lost);
  CHECK(peer.count("\"initialize\"") == 1);
}

TEST_CASE_METHOD(legacy_session, "many operations, some of them cancelled, open one new session",
                 "[recovery]") {
  peer.restart(false);
  world.pass(1s);
  peer.next("\"initialize\"", {.delay = 2s});
  using outcome = mcp::recovered<mcp::tool_result>;
  std::vector<std::shared_ptr<running<outcome>>> all;
  const mcp::reinitialize_policy policy;
  for (int i = 0; i < 100; ++i)
    all.push_back(start(mcp::with_reinitialize(*session, call_a, policy, mcp::as_result)));
  world.pass(1s);
  for (std::size_t i = 0; i < 30; ++i) all[i]->stop.emit(asio::cancellation_type::terminal);
  REQUIRE(world.run(
      [&] { return std::ranges::all_of(all, [](const auto& each) { return each->outcome.has_value(); }); }));
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(code_of(*all[i]->outcome) == (i < 30 ? errc::cancelled : errc{}));
  CHECK(peer.count("\"initialize\"") == 2);
  CHECK(executions("a") == 70);
}

TEST_CASE_METHOD(modern_session, "an operation that is in doubt ends so, unless it may be repeated",
                 "[recovery]") {
  peer.next("\"a\"", {.how = way::reset});
  const auto answer = heal(call_a);
  CHECK(code_of(answer) == errc::outcome_unknown);
  REQUIRE(answer.error().attempts().size() == 1);
  CHECK(answer.error().attempts()[0].code == errc::connection_lost);

  peer.next("\"a\"", {.how = way::reset});
  CHECK(heal(call_a, {.recovery = {.replay = mcp::replay_policy::always}}));
  CHECK(executions("a") == 3);

  peer.next("ping", {.how = way::reset});
  const auto read = heal(ping);
  REQUIRE(read);
  CHECK(read->attempts.size() == 1);
}

TEST_CASE_METHOD(legacy_session, "an operation that has done something is not begun anew", "[recovery]") {
  peer.next("\"b\"", {.execute = false, .instead = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"});
  CHECK(code_of(heal(two_calls)) == errc::session_lost);
  CHECK(executions("a") == 1);
  CHECK(executions("b") == 0);
  // The session is there for the next one.
  const auto answer = heal(two_calls);
  REQUIRE(answer);
  CHECK(answer->value == "a 2 b 1");
  CHECK(peer.count("\"initialize\"") == 2);
}

TEST_CASE_METHOD(legacy_session, "an operation that has only read is", "[recovery]") {
  peer.next("\"a\"", {.execute = false, .instead = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"});
  const auto answer = heal(list_then_call);
  REQUIRE(answer);
  CHECK(answer->attempts.size() == 1);
  CHECK(executions("a") == 1);
  CHECK(peer.count("tools/list\",") == 2);
}

TEST_CASE_METHOD(legacy_session, "a server that is down while the session is repaired is waited for",
                 "[recovery]") {
  peer.restart(false);
  world.pass(1s);
  peer.next("\"initialize\"", {.how = way::reset});
  peer.next(
      "\"initialize\"",
      {.execute = false, .instead = "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"});
  const auto began = world.now();
  const auto answer = heal(call_a);
  REQUIRE(answer);
  CHECK(answer->attempts.size() == 3);
  CHECK(world.now() - began >= 2s);
  CHECK(executions("a") == 1);

  SECTION("but not for ever") {
    peer.restart(true);
    peer.admitting = test::scripted_peer::admission::refused_soon;
    world.pass(1s);
    const auto failed = heal(call_a, {.timeout = 5s});
    CHECK(code_of(failed) == errc::connect_failed);
    CHECK(failed.error().attempts().size() > 1);
    peer.restart(false);
    CHECK(code_of(heal(call_a, {.timeout = 5s})) == errc::connect_failed);
    peer.admitting = test::scripted_peer::admission::soon;
    CHECK(heal(call_a));
    CHECK(executions("a") == 2);
  }
}

TEST_CASE_METHOD(legacy_session, "the text of a tool is no lost session", "[recovery]") {
  const std::string doubtful =
      R"({"jsonrpc":"2.0","id":@ID@,"error":{"code":-32000,"message":"Session not found"}})";
  peer.next("\"a\"", {.execute = false, .instead = test::json_reply(doubtful)});
  CHECK(code_of(heal(call_a)) == errc::outcome_unknown);
  CHECK(executions("a") == 0);
  world.settle();
  CHECK(heal(call_a));  // on the new session that was opened to be safe
  CHECK(peer.count("\"initialize\"") == 2);
}

TEST_CASE_METHOD(legacy_session, "an operation that is cancelled while it runs says so, in every form",
                 "[recovery]") {
  peer.next("\"a\"", {.how = way::hold});
  const mcp::reinitialize_policy policy;
  SECTION("awaited") {
    const auto held = start(mcp::with_reinitialize(*session, call_a, policy, mcp::as_result));
    world.pass(1s);
    held->stop.emit(asio::cancellation_type::terminal);
    REQUIRE(world.run([&] { return held->outcome.has_value(); }));
    CHECK(code_of(*held->outcome) == errc::cancelled);
    CHECK(held->outcome->error().attempts().size() == 1);
  }
  SECTION("awaited and throwing") {
    std::optional<errc> thrown;
    asio::cancellation_signal stop;
    asio::co_spawn(world.context, mcp::with_reinitialize(*session, call_a, policy),
                   asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& why, const auto&) {
                     try {
                       if (why) std::rethrow_exception(why);
                     } catch (const mcp::error& e) {
                       thrown = code_of(e.why());
                     }
                   }));
    world.pass(1s);
    stop.emit(asio::cancellation_type::terminal);
    REQUIRE(world.run([&] { return thrown.has_value(); }));
    CHECK(*thrown == errc::cancelled);
  }
  SECTION("with a handler") {
    std::optional<errc> got;
    asio::cancellation_signal stop;
    mcp::with_reinitialize(
        *session, call_a, policy,
        asio::bind_cancellation_slot(stop.slot(), [&](const auto& outcome) { got = code_of(outcome); }));
    world.pass(1s);
    stop.emit(asio::cancellation_type::terminal);
    REQUIRE(world.run([&] { return got.has_value(); }));
    CHECK(*got == errc::cancelled);
  }
}

TEST_CASE_METHOD(legacy_session, "an operation may keep its handle to itself", "[recovery]") {
  peer.restart(false);
  world.pass(1s);
  const auto answer = run(mcp::with_reinitialize(
      *session, [](mcp::session& on) { return call_with_own_handle(std::move(on)); },
      mcp::reinitialize_policy(), mcp::as_result));
  REQUIRE(answer);
  CHECK(answer->value == "a 1");
}

TEST_CASE_METHOD(legacy_session, "what an operation within an operation has done counts for both",
                 "[recovery]") {
  peer.next("\"b\"", {.execute = false, .instead = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"});
  CHECK(code_of(heal(nested_then_call)) == errc::session_lost);
  CHECK(executions("a") == 1);
}

TEST_CASE_METHOD(legacy_streams_session, "a call that was left by an exception has been made", "[recovery]") {
  peer.next("ping", {.execute = false, .instead = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"});
  CHECK(code_of(heal(call_that_throws_then_ping)) == errc::session_lost);
  CHECK(executions("a") == 1);
}

TEST_CASE_METHOD(legacy_session, "a repair that fails does not make refused what may have run",
                 "[recovery]") {
  const std::string doubtful =
      R"({"jsonrpc":"2.0","id":@ID@,"error":{"code":-32000,"message":"Session not found"}})";
  peer.next("\"a\"", {.execute = false, .instead = test::json_reply(doubtful)});
  peer.next("\"initialize\"",
            {.execute = false, .instead = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"});
  const auto answer = heal(call_a, {.recovery = {.replay = mcp::replay_policy::always}});
  CHECK(code_of(answer) == errc::outcome_unknown);
  CHECK(answer.error().http_status() == 403);
}

TEST_CASE_METHOD(legacy_streams_session, "a stream that cannot be taken up is seen through by the wrapper",
                 "[recovery]") {
  peer.next("\"a\"", {.how = way::cut, .bytes = -60});
  peer.next("Last-Event-ID", {.execute = false, .instead = "HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"});
  SECTION("where that does no harm") {
    CHECK(heal(call_a, {.recovery = {.replay = mcp::replay_policy::always}}));
    CHECK(executions("a") == 2);
  }
  SECTION("or else the session is repaired for the next one") {
    CHECK(code_of(heal(call_a)) == errc::outcome_unknown);
    CHECK(executions("a") == 1);
    world.settle();
    CHECK(heal(call_a));
  }
  CHECK(peer.count("\"initialize\"") == 2);
}
