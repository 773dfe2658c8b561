// SPDX-License-Identifier: MIT
// A client whose server restarts, forgets sessions, breaks streams and falls silent.
#include "recovery/fixture.hpp"

#include <asio/cancellation_signal.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using mcp::connection_state;
using mcp::errc;
using namespace std::chrono_literals;
using way = test::delivery::way;
using test::code_of;
using test::legacy;
using test::legacy_streams;
using test::modern;
using test::modern_streams;

namespace {

/// Ends the call of which it hears.
struct stopper final : mcp::observer {
  asio::cancellation_signal* stop = nullptr;
  std::size_t heard = 0;

  void attempt_finished(const mcp::attempt_event& event) override {
    if (event.why == nullptr || stop == nullptr) return;
    ++heard;
    stop->emit(asio::cancellation_type::terminal);
  }
};

const std::string lost_404 = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE_METHOD(legacy, "a lost session is replaced, and the call answered, with four requests",
                 "[recovery]") {
  warm_up();
  const auto before = peer.requests().size();
  peer.restart(false);
  const auto answer = call("a");
  REQUIRE(answer);
  CHECK(answer->text() == "a 1");
  CHECK(peer.requests().size() == before + 4);
  CHECK(peer.requests()[before].find("tools/call") != std::string::npos);
  CHECK(peer.requests()[before + 1].find("\"initialize\"") != std::string::npos);
  CHECK(peer.requests()[before + 2].find("notifications/initialized") != std::string::npos);
  CHECK(peer.requests()[before + 3].find("tools/call") != std::string::npos);
  CHECK(executions("a") == 1);
  CHECK(notes->replaced == 1);
  using enum connection_state;
  CHECK(notes->states == std::vector{idle, connecting, ready, reconnecting, ready});
  CHECK(client().counters().replays == 1);
  CHECK(client().counters().sessions == 2);
}

TEST_CASE_METHOD(legacy, "the other ways to say that a session is lost", "[recovery]") {
  const auto body = [](std::string_view id, std::string_view text) {
    return R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"error":{"code":-32000,"message":")" +
           std::string(text) + "\"}}";
  };
  struct row {
    std::string reply;
    bool certain;
  };
  const std::string_view no_id = "Bad Request: No valid session ID provided";
  const std::vector<row> rows = {
      {test::json_reply(body("null", no_id), "400 Bad Request"), true},
      {test::json_reply(body("\"server-error\"", "Session not found"), "400 Bad Request"), true},
      {test::json_reply(body("null", "Session has been terminated"), "410 Gone"), true},
      {test::json_reply(body("null", "Unauthorized: Session not found"), "401 Unauthorized"), true},
      {"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\nInvalid session ID",
       true},
      {test::json_reply(body("@ID@", "Session not found"), "400 Bad Request"), false},
      {test::json_reply(body("null", "Server not initialized")), false},
  };
  warm_up();
  std::size_t replaced = 0;
  for (const auto& [reply, certain] : rows) {
    CAPTURE(reply);
    const std::string tool = "t" + std::to_string(replaced);
    // Its own id, as far as a peer can know it.
    peer.next("\"" + tool + "\"", {.execute = false, .instead = reply});
    const auto answer = call(tool);
    CHECK(code_of(answer) == (certain ? errc{} : errc::outcome_unknown));
    CHECK(executions(tool) == (certain ? 1 : 0));
    REQUIRE(world.run([&] { return client().status().state == connection_state::ready; }));
    CHECK(notes->replaced == ++replaced);
  }
}

TEST_CASE_METHOD(legacy, "what sounds like a lost session and is none", "[recovery]") {
  warm_up();
  const std::string argument =
      R"({"jsonrpc":"2.0","id":@ID@,"error":{"code":-32602,"message":"session_name is required"}})";
  const std::string tool_error =
      R"({"jsonrpc":"2.0","id":@ID@,"error":{"code":-32000,"message":"the database is down"}})";
  for (const auto& [reply, code] : {std::pair{test::json_reply(argument, "400 Bad Request"), errc::rpc_error},
                                    {test::json_reply(tool_error), errc::rpc_error}}) {
    CAPTURE(reply);
    peer.next("\"a\"", {.execute = false, .instead = reply});
    CHECK(code_of(call("a")) == code);
  }
  CHECK(notes->replaced == 0);
}

TEST_CASE_METHOD(legacy, "many calls that meet the loss of their session open one new one", "[recovery]") {
  warm_up();
  peer.restart(false);
  peer.next("\"initialize\"", {.delay = 2s});
  std::vector<std::shared_ptr<running<mcp::tool_result>>> calls;
  for (int i = 0; i < 100; ++i)
    calls.push_back(start(
        client().call_tool("t" + std::to_string(i), R"({"n":1})", mcp::call_options{}, mcp::as_result)));
  // The one that starts the repair and some that wait for it go.
  world.pass(1s);
  for (std::size_t i = 0; i < 30; ++i) calls[i]->stop.emit(asio::cancellation_type::terminal);
  REQUIRE(world.run([&] {
    return std::ranges::all_of(calls, [](const auto& each) { return each->outcome.has_value(); });
  }));
  for (std::size_t i = 30; i < calls.size(); ++i) CHECK(calls[i]->outcome->has_value());
  CHECK(peer.count("\"initialize\"") == 2);
}

TEST_CASE_METHOD(legacy, "a call that waits for its own time is not ended by what others meet",
                 "[recovery]") {
  warm_up();
  peer.next("\"a\"", {.execute = false,
                      .instead = "HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n"});
  const auto waiting = start(client().call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result));
  world.pass(5s);
  peer.restart(false);
  CHECK(call("b"));  // on a second session
  world.pass(14s);
  peer.restart(false);
  peer.next("\"initialize\"", {.delay = 5s});
  CHECK(call("c"));  // on a third, which is being opened when the first call is due
  REQUIRE(world.run([&] { return waiting->outcome.has_value(); }));
  CHECK(code_of(*waiting->outcome) == errc{});
  CHECK(executions("a") == 1);
}

TEST_CASE_METHOD(legacy, "who keeps state in the session is told that it is lost", "[recovery]") {
  options.recovery.on_session_loss = mcp::session_loss::fail;
  warm_up();
  peer.restart(false);
  const auto answer = call("a");
  CHECK(code_of(answer) == errc::session_lost);
  CHECK(client().status().state == connection_state::failed);
  CHECK(client().status().reason.code() == errc::session_lost);
  CHECK(call("a"));
  CHECK(executions("a") == 1);
}

TEST_CASE_METHOD(modern, "a call that may have run is not sent again", "[recovery]") {
  warm_up();
  for (const auto& how : {test::delivery{.how = way::cut},
                          {.how = way::reset},
                          {.how = way::cut, .bytes = 20},
                          {.how = way::cut, .bytes = -3},
                          {.how = way::reset, .execute = false}}) {
    const int before = executions("a");
    peer.next("\"a\"", how);
    const auto answer = call("a");
    REQUIRE(code_of(answer) == errc::outcome_unknown);
    REQUIRE(answer.error().attempts().size() == 1);
    CHECK(answer.error().attempts()[0].seen.bytes_written != 0);
    CHECK(executions("a") == before + (how.execute ? 1 : 0));
    CHECK(call("b"));
  }
  CHECK(client().counters().outcomes_unknown == 5);
}

TEST_CASE_METHOD(modern, "what does no harm is sent again", "[recovery]") {
  warm_up();
  SECTION("a read") {
    peer.next("tools/list", {.how = way::reset});
    CHECK(run(client().list_tools(mcp::call_options{}, mcp::as_result)));
    CHECK(peer.count("tools/list\",") == 2);
  }
  SECTION("a call whose caller says so") {
    peer.next("\"a\"", {.how = way::reset});
    CHECK(call("a", {.replay = mcp::replay_policy::always}));
    CHECK(executions("a") == 2);
  }
  SECTION("a bare 502, for a read") {
    peer.next("ping", {.execute = false, .instead = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"});
    CHECK(run(client().ping(mcp::call_options{}, mcp::as_result)));
  }
  SECTION("a bare 502, for a call") {
    peer.next("\"a\"",
              {.execute = false, .instead = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"});
    CHECK(code_of(call("a")) == errc::outcome_unknown);
  }
}

TEST_CASE_METHOD(modern, "annotations are asked for when they matter", "[recovery]") {
  options.recovery.replay = mcp::replay_policy::trusted_annotations;
  warm_up();
  peer.annotate("tool-1", R"({"idempotentHint":true})");
  peer.next("\"tool-1\"", {.how = way::reset});
  const auto answer = call("tool-1");
  CHECK(code_of(answer) == errc{});
  CHECK(executions("tool-1") == 2);
  CHECK(peer.count("tools/list\",") == 1);
  peer.next("\"other\"", {.how = way::reset});
  CHECK(code_of(call("other")) == errc::outcome_unknown);
  CHECK(peer.count("tools/list\",") == 1);
}

TEST_CASE_METHOD(legacy, "annotations are learned also where that meets the loss of the session",
                 "[recovery]") {
  options.recovery.replay = mcp::replay_policy::trusted_annotations;
  warm_up();
  peer.annotate("tool-1", R"({"idempotentHint":true})");
  peer.next("\"tool-1\"", {.how = way::reset});
  peer.next("tools/list", {.execute = false, .instead = lost_404});
  CHECK(code_of(call("tool-1")) == errc{});
  CHECK(executions("tool-1") == 2);
  CHECK(notes->replaced == 1);
}

TEST_CASE_METHOD(modern, "contradictory annotations count for nothing", "[recovery]") {
  options.recovery.replay = mcp::replay_policy::trusted_annotations;
  warm_up();
  peer.annotate("tool-1", R"({"readOnlyHint":true,"destructiveHint":true})");
  peer.next("\"tool-1\"", {.how = way::reset});
  CHECK(code_of(call("tool-1")) == errc::outcome_unknown);
}

TEST_CASE_METHOD(legacy_streams, "a stream that breaks is taken up where it broke", "[recovery]") {
  options.protocol_version = "2025-11-25";
  warm_up();
  for (const auto& how : {test::delivery{.how = way::cut, .bytes = -20},
                          {.how = way::cut, .bytes = -60},
                          {.how = way::cut, .bytes = -100}}) {
    const int before = executions("a");
    peer.next("\"a\"", how);
    const auto answer = call("a");
    REQUIRE(code_of(answer) == errc{});
    CHECK(executions("a") == before + 1);
    CHECK(peer.requests().back().starts_with("GET /mcp HTTP/1.1\r\n"));
    CHECK(peer.requests().back().find("\r\nLast-Event-ID: stream-") != std::string::npos);
    CHECK(peer.requests().back().find("\r\nAccept: text/event-stream\r\n") != std::string::npos);
    CHECK(peer.requests().back().find("Content-") == std::string::npos);
  }
  CHECK(client().counters().resumes == 3);
}

TEST_CASE_METHOD(legacy_streams, "a server that is polled says how long to wait", "[recovery]") {
  warm_up();
  const auto poll = [&](std::string_view retry) {
    peer.next("\"a\"", {.how = way::cut, .bytes = -60});
    peer.retry_before_close = retry;
    const auto began = world.now();
    CHECK(call("a"));
    return world.now() - began;
  };
  CHECK(poll("500") == 500ms);
  CHECK(poll("0") == options.recovery.least_reconnection);
  CHECK(poll("2500") == 2500ms);
  CHECK(notes->clamped == std::vector<std::uint64_t>{0});
}

TEST_CASE_METHOD(legacy_streams, "a stream whose session is lost leaves its call in doubt", "[recovery]") {
  warm_up();
  peer.next("\"a\"", {.how = way::cut, .bytes = -60});
  peer.next("Last-Event-ID", {.execute = false, .instead = lost_404});
  CHECK(code_of(call("a")) == errc::outcome_unknown);
  CHECK(executions("a") == 1);
  CHECK(call("b"));
}

TEST_CASE_METHOD(legacy_streams, "a stream is not taken up on another session", "[recovery]") {
  warm_up();
  peer.next("\"a\"", {.how = way::cut, .bytes = -60});
  peer.retry_before_close = "2000";
  SECTION("which leaves its call in doubt") {
    const auto waiting = start(client().call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result));
    world.pass(1s);
    peer.restart(false);
    CHECK(call("b"));
    REQUIRE(world.run([&] { return waiting->outcome.has_value(); }));
    CHECK(code_of(*waiting->outcome) == errc::outcome_unknown);
    CHECK(executions("a") == 1);
  }
  SECTION("but the request sent again where that does no harm") {
    const mcp::call_options harmless{.replay = mcp::replay_policy::always};
    const auto waiting = start(client().call_tool("a", R"({"n":1})", harmless, mcp::as_result));
    world.pass(1s);
    peer.restart(false);
    CHECK(call("b"));
    REQUIRE(world.run([&] { return waiting->outcome.has_value(); }));
    CHECK(code_of(*waiting->outcome) == errc{});
    CHECK(executions("a") == 2);
  }
  CHECK(peer.count("GET ") == 0);
}

TEST_CASE_METHOD(modern_streams, "a modern stream that breaks cannot be taken up", "[recovery]") {
  warm_up();
  peer.next("\"a\"", {.how = way::cut, .bytes = -60});
  CHECK(code_of(call("a")) == errc::outcome_unknown);
  CHECK(peer.count("GET ") == 0);
}

TEST_CASE_METHOD(modern, "a server in trouble is given the time it asks for", "[recovery]") {
  warm_up();
  const auto answer_after = [&](const std::string& reply) {
    peer.next("\"a\"", {.execute = false, .instead = reply});
    const auto began = world.now();
    CHECK(call("a"));
    return world.now() - began;
  };
  CHECK(answer_after("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n") == 7s);
  CHECK(answer_after("HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n") == 3s);
  const auto jittered = answer_after("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n");
  CHECK((jittered > 0ms && jittered <= 250ms));
  CHECK(executions("a") == 3);
  SECTION("but not for more than the call has") {
    peer.next("\"a\"", {.execute = false,
                        .instead = "HTTP/1.1 503 Busy\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n"});
    const auto began = world.now();
    const auto answer = call("a");
    CHECK(code_of(answer) == errc::http_status);
    CHECK(answer.error().http_status() == 503);
    CHECK(world.now() == began);
  }
}

TEST_CASE_METHOD(modern, "a server that is down is waited for", "[recovery]") {
  warm_up();
  peer.restart(true);
  peer.admitting = test::scripted_peer::admission::refused_soon;
  world.after(5s, [&] { peer.admitting = test::scripted_peer::admission::soon; });
  CHECK(call("a"));
  CHECK(executions("a") == 1);
  using enum connection_state;
  CHECK(notes->states == std::vector{idle, connecting, ready, reconnecting, ready});
  SECTION("while there is hope") {
    peer.restart(true);
    peer.admitting = test::scripted_peer::admission::refused_soon;
    const auto answer = call("a", {.timeout = 10s});
    CHECK(code_of(answer) == errc::connect_failed);
    CHECK(answer.error().attempts().size() > 3);
    CHECK(client().status().state == failed);
    peer.admitting = test::scripted_peer::admission::soon;
    CHECK(call("a"));
    CHECK(client().status().state == ready);
  }
}

TEST_CASE_METHOD(legacy, "the first session is opened with patience", "[recovery]") {
  peer.admitting = test::scripted_peer::admission::refused_soon;
  world.after(3s, [&] { peer.admitting = test::scripted_peer::admission::soon; });
  CHECK(call("a"));
  using enum connection_state;
  CHECK(notes->states == std::vector{idle, connecting, ready});
  SECTION("and a new one as well") {
    peer.restart(false);
    peer.next("\"initialize\"", {.how = way::reset});
    peer.next(
        "\"initialize\"",
        {.execute = false, .instead = "HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n"});
    CHECK(call("a"));
    CHECK(notes->replaced == 1);
    CHECK(executions("a") == 2);
  }
}

TEST_CASE_METHOD(modern, "an outage of ten minutes costs few attempts", "[recovery]") {
  warm_up();
  peer.restart(true);
  peer.admitting = test::scripted_peer::admission::refused_soon;
  const auto connections = network.opened();
  std::size_t calls = 0;
  std::size_t answered = 0;
  std::size_t ended = 0;
  std::optional<test::virtual_world::time_point> first_success;
  const auto one = [&] {
    ++calls;
    client().call_tool("t" + std::to_string(calls), R"({"n":1})", mcp::call_options{},
                       [&](const mcp::result<mcp::tool_result>& answer) {
                         ++ended;
                         answered += answer ? 1 : 0;
                         if (answer && !first_success) first_success = world.now();
                       });
  };
  for (int i = 0; i < 11'000; ++i) world.after(i * 60ms, one);
  world.pass(10min);
  CHECK(answered == 0);
  CHECK(static_cast<std::size_t>(network.opened() - connections) <= calls * 12 / 10 + 10);
  CHECK(network.opened() - connections <= 100);  // the circuit breaker: far below what the budget allows
  peer.admitting = test::scripted_peer::admission::soon;
  const auto back = world.now();
  world.pass(3min);
  REQUIRE(first_success);
  CHECK(*first_success - back <= 30s);
  CHECK(ended == 11'000);
}

TEST_CASE_METHOD(modern, "who waits for a probe goes on as soon as the server is known to live",
                 "[recovery]") {
  warm_up();
  peer.restart(true);
  peer.admitting = test::scripted_peer::admission::refused_soon;
  std::vector<std::shared_ptr<running<mcp::tool_result>>> calls;
  const auto begin = [&] {
    calls.push_back(
        start(client().call_tool("t" + std::to_string(calls.size()), R"({"n":1})", {}, mcp::as_result)));
  };
  for (int i = 0; i < 5; ++i) begin();  // which open the circuit breaker
  world.pass(10ms);
  calls.clear();
  for (int i = 0; i < 5; ++i) begin();  // one of them will be the probe
  peer.admitting = test::scripted_peer::admission::soon;
  const auto began = world.now();
  REQUIRE(world.run([&] {
    return std::ranges::all_of(calls, [](const auto& each) { return each->outcome.has_value(); });
  }));
  for (const auto& each : calls) CHECK(each->outcome->has_value());
  CHECK(world.now() - began < 1s);
}

TEST_CASE_METHOD(legacy, "a new session is told what the old one knew", "[recovery]") {
  warm_up();
  const auto request = [&](std::string_view method, std::string_view params) {
    CHECK(run(client().request(method, params, mcp::call_options{}, mcp::as_result)));
  };
  request("logging/setLevel", R"({"level":"info"})");
  request("resources/subscribe", R"({"uri":"file:///a"})");
  request("resources/subscribe", R"({"uri":"file:///b"})");
  request("logging/setLevel", R"({"level":"debug"})");
  request("resources/unsubscribe", R"({"uri": "file:///a"})");
  peer.restart(false);
  const auto before = peer.requests().size();
  CHECK(call("a"));
  world.settle();
  REQUIRE(peer.requests().size() == before + 6);
  CHECK(peer.count(R"("logging/setLevel","params":{"level":"debug"}})") == 2);
  CHECK(peer.count(R"("resources/subscribe","params":{"uri":"file:///b"}})") == 2);
  CHECK(peer.count(R"("resources/subscribe","params":{"uri":"file:///a"}})") == 1);
}

TEST_CASE_METHOD(legacy, "what the server says unasked is heard, over breaks and new sessions",
                 "[recovery]") {
  warm_up();
  std::vector<std::string> heard;
  const auto note = [&](const mcp::server_notification& said) {
    heard.push_back(std::string(said.method) + std::string(said.params));
  };
  const auto listening = start(client().listen(note, mcp::as_result));
  world.settle();
  const auto say = [&](const std::string& what) {
    peer.push(R"({"jsonrpc":"2.0","method":"notifications/)" + what + R"(","params":{}})");
    world.settle();
  };
  say("one");
  peer.restart(true);
  world.pass(5s);
  say("two");
  peer.restart(false);
  world.pass(5s);
  say("three");
  CHECK(heard ==
        std::vector<std::string>{"notifications/one{}", "notifications/two{}", "notifications/three{}"});
  CHECK_FALSE(listening->outcome);
  world.pass(10min);  // silence: the stream is looked after
  say("four");
  CHECK(heard.size() == 4);
  listening->stop.emit(asio::cancellation_type::terminal);
  REQUIRE(world.run([&] { return listening->outcome.has_value(); }));
  CHECK(code_of(*listening->outcome) == errc::cancelled);
}

TEST_CASE_METHOD(legacy, "who listens outlasts an outage, however long", "[recovery]") {
  warm_up();
  std::size_t heard = 0;
  const auto note = [&](const mcp::server_notification&) { ++heard; };
  const auto listening = start(client().listen(note, mcp::as_result));
  world.settle();
  peer.restart(false);
  peer.admitting = test::scripted_peer::admission::refused_soon;
  world.pass(30min);
  const auto answer = call("a");
  CHECK(code_of(answer) == errc::deadline_exceeded);
  CHECK(answer.error().message().find("could not connect") != std::string::npos);
  CHECK_FALSE(listening->outcome);
  peer.admitting = test::scripted_peer::admission::soon;
  world.pass(1min);
  peer.push(R"({"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}})");
  world.settle();
  CHECK(heard == 1);
}

TEST_CASE_METHOD(legacy, "a server without such a stream says so, and that is all", "[recovery]") {
  warm_up();
  peer.next("GET ", {.execute = false, .instead = "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n"});
  const auto nothing = [](const mcp::server_notification&) {};
  CHECK(run(client().listen(nothing, mcp::as_result)));
  CHECK(client().status().state == connection_state::ready);
}

TEST_CASE_METHOD(legacy, "a server that answers 404 to whoever listens loses one session by it",
                 "[recovery]") {
  warm_up();
  for (int i = 0; i < 2; ++i) peer.next("GET ", {.execute = false, .instead = lost_404});
  const auto nothing = [](const mcp::server_notification&) {};
  CHECK(run(client().listen(nothing, mcp::as_result)));
  CHECK(peer.count("\"initialize\"") == 2);
  CHECK(call("a"));
}

TEST_CASE_METHOD(legacy, "a stream that nobody answers is given up and opened again", "[recovery]") {
  warm_up();
  peer.next("GET ", {.how = way::hold});
  std::size_t heard = 0;
  const auto note = [&](const mcp::server_notification&) { ++heard; };
  const auto listening = start(client().listen(note, mcp::as_result));
  world.pass(10min);
  peer.push(R"({"jsonrpc":"2.0","method":"notifications/x"})");
  world.settle();
  CHECK(heard == 1);
}

TEST_CASE_METHOD(legacy_streams, "an event without an id leaves the place where the stream is taken up",
                 "[recovery]") {
  warm_up();
  peer.next("\"a\"", {.how = way::cut, .bytes = -60});
  peer.next("Last-Event-ID", {.execute = false,
                              .instead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                         "Content-Length: 25\r\n\r\nevent: ping\ndata: still\n\n"});
  CHECK(call("a"));
  CHECK(peer.count("\r\nLast-Event-ID: stream-") == 2);
}

TEST_CASE_METHOD(legacy_streams, "a call in doubt does not end as refused", "[recovery]") {
  warm_up();
  SECTION("when its stream can no longer be taken up, for the session was replaced meanwhile") {
    peer.retry_before_close = "5000";
    peer.next("\"a\"", {.how = way::cut, .bytes = -60});
    const auto waiting = start(client().call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result));
    world.pass(1s);
    peer.restart(false);
    CHECK(call("b"));
    REQUIRE(world.run([&] { return waiting->outcome.has_value(); }));
    CHECK(code_of(*waiting->outcome) == errc::outcome_unknown);
    CHECK(executions("a") == 1);
  }
  SECTION("when the server cannot be reached any more") {
    peer.next("\"a\"", {.how = way::reset});
    peer.admitting = test::scripted_peer::admission::refused_soon;
    const auto answer = call("a", {.timeout = 8s, .replay = mcp::replay_policy::always});
    CHECK(code_of(answer) == errc::outcome_unknown);
    CHECK(answer.error().attempts().back().code == errc::connect_failed);
  }
}

TEST_CASE_METHOD(modern, "a server that never answers is not ready, and the attempt is told", "[recovery]") {
  warm_up();
  peer.next("\"a\"", {.how = way::hold});
  const auto answer = call("a");
  CHECK(code_of(answer) == errc::deadline_exceeded);
  REQUIRE(answer.error().attempts().size() == 1);
  CHECK(answer.error().attempts()[0].seen.bytes_written != 0);
  CHECK(client().status().state == connection_state::failed);
  CHECK(call("b"));
  CHECK(client().status().state == connection_state::ready);
}

TEST_CASE_METHOD(modern, "a server that speaks another revision than it did is asked again", "[recovery]") {
  options.protocol_version.clear();
  warm_up();
  CHECK(client().protocol_version() == "2026-07-28");
  peer.restart(false);
  peer.speak({.modern = false});
  CHECK(code_of(call("a")) == errc::rpc_error);
  CHECK(call("a"));
  CHECK(client().protocol_version() == "2025-11-25");
}

TEST_CASE_METHOD(modern, "a modern server has no such stream", "[recovery]") {
  const auto nothing = [](const mcp::server_notification&) {};
  CHECK(code_of(run(client().listen(nothing, mcp::as_result))) == errc::unsupported_protocol_version);
}

TEST_CASE_METHOD(legacy, "a session that was taken over is suspect until its first answer", "[recovery]") {
  made.emplace(world.context.get_executor(), "http://127.0.0.1:4321/mcp",
               mcp::session_state{"2025-11-25", "gone", {}}, options);
  CHECK(client().status().state == connection_state::suspect);
  CHECK(call("a"));
  CHECK(executions("a") == 1);
  using enum connection_state;
  CHECK(notes->states == std::vector{idle, suspect, reconnecting, ready});
}

TEST_CASE_METHOD(legacy, "who watches the state sees the newest, however seldom they look", "[recovery]") {
  const auto first = client().status();
  CHECK(first.state == connection_state::idle);
  const auto watching = start(client().status_after(first.revision, mcp::as_result));
  warm_up();
  REQUIRE(watching->outcome);
  CHECK((*watching->outcome)->revision > first.revision);
  const auto now = run(client().status_after(first.revision, mcp::as_result));
  REQUIRE(now);
  CHECK(now->state == connection_state::ready);
  const auto waiting = start(client().status_after(now->revision, mcp::as_result));
  world.settle();
  CHECK_FALSE(waiting->outcome);
  CHECK(run(client().close(mcp::as_result)));
  REQUIRE(world.run([&] { return waiting->outcome.has_value(); }));
  CHECK((*waiting->outcome)->state == connection_state::closed);
  CHECK(code_of(run(client().status_after((*waiting->outcome)->revision, mcp::as_result))) ==
        errc::client_closed);
}

TEST_CASE_METHOD(legacy, "a server that was upgraded is asked again what it speaks", "[recovery]") {
  options.protocol_version.clear();
  warm_up();
  CHECK(client().protocol_version() == "2025-11-25");
  peer.restart(false);
  peer.speak({.modern = true, .legacy = false});
  CHECK(call("a"));
  CHECK(client().protocol_version() == "2026-07-28");
}

TEST_CASE_METHOD(legacy, "an observer may end the call of which it hears", "[recovery]") {
  const auto watcher = std::make_shared<stopper>();
  options.observer = watcher;
  warm_up();
  const auto end_call = [&] {
    const auto ended = start(client().call_tool("a", R"({"n":1})", mcp::call_options{}, mcp::as_result));
    watcher->stop = &ended->stop;
    REQUIRE(world.run([&] { return ended->outcome.has_value(); }));
    watcher->stop = nullptr;
    return std::move(*ended->outcome);
  };
  SECTION("while it would go on") {
    peer.restart(false);
    world.pass(1s);
    const auto ended = end_call();
    CHECK(code_of(ended) == errc::cancelled);
    CHECK(ended.error().attempts().size() == 1);
    CHECK(executions("a") == 0);
  }
  SECTION("while it ends") {
    peer.next("\"a\"", {.how = way::hold});
    const auto ended = end_call();
    CHECK(code_of(ended) == errc::deadline_exceeded);
    CHECK(ended.error().attempts().size() == 1);
  }
  CHECK(watcher->heard == 1);
  CHECK(call("b"));
  peer.next("\"a\"", {.how = way::reset});
  CHECK(call("a").error().attempts().size() == 1);
}
