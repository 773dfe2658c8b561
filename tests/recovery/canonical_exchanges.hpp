// SPDX-License-Identifier: MIT
#pragma once

#include "fault_bench.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <new>
#include <string>
#include <system_error>
#include <vector>

// The exchanges that are run with every fault, in the table at the end. An entry says how the server is, what
// happens before (`prepare`, without faults) and the exchange itself (`act`): a coroutine that answers no
// code when all went as it must without a fault. What it does for the test alone, in a scope with
// `allocation_faults::pause`, is not counted.

namespace test {

using namespace std::chrono_literals;

template <class T>
outcome code_of(const mcp::result<T>& answer) {
  return answer ? outcome() : answer.error().code();
}

inline const std::string much = R"({"n":1,"text":")" + std::string(100'000, 'x') + "\"}";
inline const std::string redirect =
    "HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
inline const std::string broken =
    R"({"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"broken","data":[1]}})";

// --- What exchanges are made of ---------------------------------------------------------------------

inline asio::awaitable<outcome> call(fault_bench& bench) {
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
  co_return code_of(answer);
}

inline asio::awaitable<outcome> throwing_call(fault_bench& bench) {
  try {
    auto answer = co_await bench.client->call_tool("a", R"({"n":1})");
    co_return outcome();
  } catch (const mcp::error& failed) {
    co_return failed.code();
  }
}

inline asio::awaitable<outcome> other_call(fault_bench& bench) {
  auto answer = co_await bench.client->call_tool("b", R"({"n":2})", mcp::call_options{}, mcp::as_result);
  co_return code_of(answer);
}

inline asio::awaitable<outcome> call_with_progress(fault_bench& bench) {
  int seen = 0;
  const auto on_progress = [&seen](const mcp::progress_update&) { ++seen; };
  mcp::call_options options;
  options.on_progress = on_progress;
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", options, mcp::as_result);
  if (answer && seen != 1) co_return std::make_error_code(std::errc::no_message);
  co_return code_of(answer);
}

inline asio::awaitable<outcome> construct_and_call(fault_bench& bench) {
  bench.make_client();
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
  co_return code_of(answer);
}

inline asio::awaitable<outcome> list(fault_bench& bench) {
  auto tools = co_await bench.client->list_tools(mcp::call_options{}, mcp::as_result);
  if (tools && tools->size() != 2) co_return std::make_error_code(std::errc::no_message);
  co_return code_of(tools);
}

inline asio::awaitable<outcome> close(fault_bench& bench) {
  auto closed = co_await bench.client->close(mcp::as_result);
  co_return code_of(closed);
}

inline asio::awaitable<outcome> hand_over(fault_bench& bench) {
  auto handed_over = co_await bench.client->hand_over(mcp::as_result);
  co_return code_of(handed_over);
}

inline asio::awaitable<outcome> call_that_is_cancelled(fault_bench& bench) {
  {
    const allocation_faults::pause test_code;
    bench.world.after(1s, [&bench] { bench.stop.emit(asio::cancellation_type::terminal); });
    bench.peer.next(R"("name":"a")", {.how = delivery::way::hold});
  }
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
  const outcome code = code_of(answer);
  co_return code == mcp::errc::cancelled ? outcome() : code;
}

inline asio::awaitable<outcome> large_call(fault_bench& bench) {
  auto answer = co_await bench.client->call_tool("a", much, mcp::call_options{}, mcp::as_result);
  co_return code_of(answer);
}

inline asio::awaitable<outcome> call_that_fails(fault_bench& bench) {
  {
    const allocation_faults::pause test_code;
    bench.peer.next(R"("name":"a")", {.instead = json_reply(broken, "500 Oops", "Retry-After: 1\r\n")});
  }
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
  const outcome code = code_of(answer);
  co_return code == mcp::errc::rpc_error ? outcome() : code;
}

inline asio::awaitable<outcome> call_that_is_redirected(fault_bench& bench) {
  {
    const allocation_faults::pause test_code;
    bench.peer.next("/mcp HTTP/1.1", {.execute = false, .instead = redirect});
  }
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
  co_return code_of(answer);
}

inline asio::awaitable<outcome> call_without_answer(fault_bench& bench) {
  {
    const allocation_faults::pause test_code;
    bench.peer.next(R"("name":"a")", {.how = delivery::way::hold, .bytes = 60});
  }
  auto answer = co_await bench.client->call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result);
  const outcome code = code_of(answer);
  co_return code == mcp::errc::deadline_exceeded ? outcome() : code;
}

// A call beside the exchange, which must have an outcome as well.
inline asio::awaitable<void> call_beside(fault_bench* bench) {
  std::error_code ignored;
  while (!bench->go) co_await bench->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  try {
    auto answer = co_await bench->client->call_tool("c", "{}", mcp::call_options{}, mcp::as_result);
    const allocation_faults::pause test_code;
    if (!answer) CHECK(answer.error().code().category() == mcp::error_category());
  } catch (const std::bad_alloc&) {
    const allocation_faults::pause test_code;
    CHECK(allocation_faults::count() != 0);
  }
  --bench->beside;
}

inline asio::awaitable<outcome> listen(fault_bench& bench) {
  int heard = 0;
  const auto note = [&heard](const mcp::server_notification&) { ++heard; };
  {
    const test::allocation_faults::pause test_code;
    bench.world.after(1s, [&bench] {
      bench.peer.push(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed"})");
    });
    bench.world.after(20s, [&bench] { bench.stop.emit(asio::cancellation_type::terminal); });
  }
  auto listened = co_await bench.client->listen(note, mcp::as_result);
  const outcome code = code_of(listened);
  co_return code == mcp::errc::cancelled ? outcome() : code;
}

inline asio::awaitable<outcome> read_that_is_reset(fault_bench& bench) {
  {
    const test::allocation_faults::pause test_code;
    bench.peer.next(R"("method":"ping")", {.how = test::delivery::way::reset});
  }
  auto answer = co_await bench.client->ping(mcp::call_options{}, mcp::as_result);
  co_return code_of(answer);
}

inline void with_client(fault_bench& bench) { bench.make_client(); }

inline void warmed_up(fault_bench& bench) {
  bench.make_client();
  REQUIRE(bench.run(other_call) == outcome());
}

// By a client that has gone.
inline void with_a_session_in_the_store(fault_bench& bench) {
  warmed_up(bench);
  bench.client.reset();
  bench.world.settle();
}

inline void with_a_session_in_the_store_that_is_lost(fault_bench& bench) {
  with_a_session_in_the_store(bench);
  bench.peer.restart(false);
}

inline void with_a_lease_to_renew(fault_bench& bench) {
  warmed_up(bench);
  bench.world.pass(61s);
}

inline void with_credentials(fault_bench& bench) {
  bench.peer.token = bench.token = "one";
  bench.make_client();
}

inline void with_refused_credentials(fault_bench& bench) {
  bench.peer.token = bench.token = "one";
  warmed_up(bench);
  bench.peer.token = bench.token = "two";
}

// The end of its last answer has not arrived yet.
inline void warmed_up_with_a_tail(fault_bench& bench) {
  bench.make_client();
  bench.peer.next("tools/call", {.how = delivery::way::hold, .bytes = -5});
  REQUIRE(bench.run(other_call) == outcome());
}

inline void with_a_lost_session(fault_bench& bench) {
  warmed_up(bench);
  bench.world.pass(1s);
  bench.peer.restart(false);
}

// As `server-everything` answers a stale session.
inline void with_a_stale_session(fault_bench& bench) {
  warmed_up(bench);
  bench.world.pass(1s);
  bench.peer.next(R"("name":"a")", {.execute = false,
                                    .instead = test::json_reply(
                                        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":)"
                                        R"("Bad Request: No valid session ID provided"}})",
                                        "400 Bad Request")});
}

inline void with_a_stream_that_breaks(fault_bench& bench) {
  warmed_up(bench);
  bench.peer.next(R"("name":"a")", {.how = test::delivery::way::cut, .bytes = -60});
}

inline void with_a_server_that_is_down(fault_bench& bench) {
  warmed_up(bench);
  bench.world.pass(1s);
  bench.peer.restart(true);
  bench.peer.admitting = test::scripted_peer::admission::refused_soon;
  bench.world.after(2s, [&bench] { bench.peer.admitting = test::scripted_peer::admission::soon; });
}

inline void with_others(fault_bench& bench) {
  bench.make_client();
  for (bench.beside = 0; bench.beside < 3; ++bench.beside)
    asio::co_spawn(bench.world.context, call_beside(&bench), asio::detached);
  bench.world.settle();
}

// --- The table --------------------------------------------------------------------------------------

inline const std::vector<canonical_exchange>& canonical_exchanges() {
  static const std::vector<canonical_exchange> all = {
      {.name = "construction and a cold call", .version = "2026-07-28", .act = construct_and_call},
      {.name = "cold call", .version = "2026-07-28", .prepare = with_client, .act = call},
      {.name = "cold call to a host with a name",
       .version = "2026-07-28",
       .host = "server.test",
       .prepare = with_client,
       .act = call},
      {.name = "warm call", .version = "2026-07-28", .prepare = warmed_up, .act = call},
      {.name = "warm call that throws", .version = "2026-07-28", .prepare = warmed_up, .act = throwing_call},
      {.name = "call with progress",
       .server = {.event_streams = true},
       .version = "2026-07-28",
       .prepare = warmed_up,
       .act = call_with_progress},
      {.name = "legacy handshake and call",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = with_client,
       .act = call},
      {.name = "legacy call with progress",
       .server = {.modern = false, .event_streams = true},
       .version = "2025-11-25",
       .prepare = warmed_up,
       .act = call_with_progress},
      {.name = "call while the end of an answer is awaited",
       .server = {.event_streams = true},
       .version = "2026-07-28",
       .prepare = warmed_up_with_a_tail,
       .act = call},
      {.name = "call of a server that pings",
       .server = {.modern = false, .event_streams = true, .pings = true},
       .version = "2025-11-25",
       .prepare = warmed_up,
       .act = call},
      {.name = "large call with a large answer",
       .server = {.padding = 100'000},
       .version = "2026-07-28",
       .prepare = with_client,
       .act = large_call},
      {.name = "call that fails", .version = "2026-07-28", .prepare = warmed_up, .act = call_that_fails},
      {.name = "call that is redirected",
       .version = "2026-07-28",
       .prepare = warmed_up,
       .act = call_that_is_redirected},
      {.name = "call without an answer",
       .version = "2026-07-28",
       .prepare = warmed_up,
       .act = call_without_answer},
      {.name = "legacy call without an answer",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = warmed_up,
       .act = call_without_answer},
      {.name = "burst of calls", .version = "2026-07-28", .prepare = with_others, .act = call},
      {.name = "burst of calls, one connection",
       .connections = 1,
       .version = "2026-07-28",
       .prepare = with_others,
       .act = call},
      {.name = "burst of calls, legacy handshake",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = with_others,
       .act = call},
      {.name = "call that meets a lost session",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = with_a_lost_session,
       .act = call},
      {.name = "call that meets a stale session",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = with_a_stale_session,
       .act = call},
      {.name = "call that meets a lost session, over TLS",
       .server = {.modern = false},
       .version = "2025-11-25",
       .tls = true,
       .prepare = with_a_lost_session,
       .act = call},
      {.name = "stream that is taken up again",
       .server = {.modern = false, .event_streams = true},
       .version = "2025-11-25",
       .prepare = with_a_stream_that_breaks,
       .act = call},
      {.name = "stream that is taken up again, over TLS",
       .server = {.modern = false, .event_streams = true},
       .version = "2025-11-25",
       .tls = true,
       .prepare = with_a_stream_that_breaks,
       .act = call},
      {.name = "listening",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = warmed_up,
       .act = listen},
      {.name = "read that is sent again",
       .version = "2026-07-28",
       .prepare = warmed_up,
       .act = read_that_is_reset},
      {.name = "call of a server that is down",
       .version = "2026-07-28",
       .prepare = with_a_server_that_is_down,
       .act = call},
      {.name = "goodbye",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = warmed_up,
       .act = close,
       .ends_client = true},
      {.name = "discovery of a modern server and call", .prepare = with_client, .act = call},
      {.name = "first call with a store",
       .server = {.modern = false},
       .stored = true,
       .act = construct_and_call},
      {.name = "call on a session from the store",
       .server = {.modern = false},
       .stored = true,
       .prepare = with_a_session_in_the_store,
       .act = construct_and_call},
      {.name = "call on a session from the store that is lost",
       .server = {.modern = false},
       .stored = true,
       .prepare = with_a_session_in_the_store_that_is_lost,
       .act = construct_and_call},
      {.name = "call of a modern server that the store knows",
       .stored = true,
       .prepare = with_a_session_in_the_store,
       .act = construct_and_call},
      {.name = "call that renews the lease",
       .server = {.modern = false},
       .stored = true,
       .prepare = with_a_lease_to_renew,
       .act = call},
      {.name = "goodbye with a store",
       .server = {.modern = false},
       .stored = true,
       .prepare = warmed_up,
       .act = close,
       .ends_client = true},
      {.name = "handing over",
       .server = {.modern = false},
       .stored = true,
       .prepare = warmed_up,
       .act = hand_over,
       .ends_client = true},
      {.name = "cold call with credentials",
       .server = {.modern = false},
       .version = "2025-11-25",
       .authorizes = true,
       .prepare = with_credentials,
       .act = call},
      {.name = "call whose credentials are refused",
       .server = {.modern = false},
       .version = "2025-11-25",
       .authorizes = true,
       .prepare = with_refused_credentials,
       .act = call},
      {.name = "discovery of a legacy server and call",
       .server = {.modern = false},
       .prepare = with_client,
       .act = call},
      {.name = "two pages of tools",
       .server = {.tool_pages = 2},
       .version = "2026-07-28",
       .prepare = warmed_up,
       .act = list,
       .deadline = 120s},
      {.name = "call that is cancelled",
       .version = "2026-07-28",
       .prepare = warmed_up,
       .act = call_that_is_cancelled},
      {.name = "legacy call that is cancelled",
       .server = {.modern = false},
       .version = "2025-11-25",
       .prepare = warmed_up,
       .act = call_that_is_cancelled},
      {.name = "construction and a cold call over TLS",
       .version = "2026-07-28",
       .host = "localhost",
       .tls = true,
       .act = construct_and_call},
      {.name = "warm call over TLS", .version = "2026-07-28", .tls = true, .prepare = warmed_up, .act = call},
  };
  return all;
}

}  // namespace test
