// SPDX-License-Identifier: MIT
#include "support/scripted_server.hpp"
#include "support/started.hpp"
#include "support/virtual_time.hpp"
#include <mcp/mcp.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

using mcp::errc;
using namespace std::chrono_literals;
using then_do = test::exchange_script::then_do;

namespace {

/// A client on virtual time, and a server that plays a script.
struct fixture {
  asio::io_context context;
  test::scripted_server server{context};
  std::shared_ptr<test::virtual_time> time = std::make_shared<test::virtual_time>();

  mcp::client_options options(std::string_view version) const {
    mcp::client_options out;
    out.protocol_version = version;
    out.time = time;
    return out;
  }

  /// Runs what is ready, until there is nothing left to do but wait.
  void settle() {
    while (context.run_one_for(20ms) != 0) continue;
  }
};

asio::awaitable<mcp::errc> outcome(mcp::client& client, mcp::call_options options = {}) {
  auto answer = co_await client.call_tool("a", "{}", options, mcp::as_result);
  co_return answer ? errc{} : static_cast<errc>(answer.error().code().value());
}

const std::string stream_head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const std::string progress_event =
    "data: "
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/"
    "progress\",\"params\":{\"progressToken\":1,\"progress\":1}}\n\n";

}  // namespace

TEST_CASE_METHOD(fixture, "a server that never answers") {
  mcp::client client{context.get_executor(), server.url(), options("2026-07-28")};
  server.expect("POST", "", then_do::stall);
  auto running = test::start(context, outcome(client));
  settle();
  time->advance(60s - 1ms);
  settle();
  CHECK_FALSE(running.done());
  time->advance(1ms);
  CHECK(running.wait() == errc::deadline_exceeded);

  SECTION("leaves the client usable") {
    server.expect("POST", test::tool_reply("fine"));
    CHECK(test::start(context, outcome(client)).wait() == errc{});
  }
}

TEST_CASE_METHOD(fixture, "a call's own deadline, also in the middle of a body") {
  mcp::client client{context.get_executor(), server.url(), options("2026-07-28")};
  server.expect("POST", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
                then_do::stall);
  auto running = test::start(context, outcome(client, {.timeout = 2s}));
  settle();
  time->advance(2s - 1ms);
  settle();
  CHECK_FALSE(running.done());
  time->advance(1ms);
  CHECK(running.wait() == errc::deadline_exceeded);
}

TEST_CASE_METHOD(fixture, "progress extends the deadline, up to the maximum") {
  mcp::client client{context.get_executor(), server.url(), options("2026-07-28")};
  const auto on_progress = [](const mcp::progress_update&) {};
  server.expect("POST", stream_head + progress_event, then_do::stall);
  auto running =
      test::start(context, outcome(client, {.timeout = 10s, .max_timeout = 15s, .on_progress = on_progress}));
  settle();  // the notification comes at 0 s
  time->advance(5s);
  server.send_more(progress_event);  // and again at 5 s: the deadline would be at 15 s either way
  settle();
  time->advance(10s - 1ms);
  settle();
  CHECK_FALSE(running.done());
  server.send_more(progress_event);
  settle();
  time->advance(1ms);
  CHECK(running.wait() == errc::deadline_exceeded);
}

TEST_CASE_METHOD(fixture, "a legacy server is told that nobody waits any more") {
  mcp::client client{context.get_executor(), server.url(), mcp::session_state{"2025-11-25", "s", {}},
                     options("")};
  server.expect("tools/call", "", then_do::stall);
  auto running = test::start(context, outcome(client));
  settle();
  server.expect(R"("method":"notifications/cancelled","params":{"requestId":)" +
                    test::id_of(server.requests().back()) + "}",
                "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  time->advance(60s);
  CHECK(running.wait() == errc::deadline_exceeded);
  settle();
  CHECK(server.played_out());
}

TEST_CASE_METHOD(fixture, "an idle connection is trusted only as long as the server said") {
  mcp::client client{context.get_executor(), server.url(), options("2026-07-28")};
  const std::string body = R"({"jsonrpc":"2.0","id":@ID@,"result":{"content":[]}})";
  const auto call = [&](std::string_view fields) {
    server.expect("POST", test::json_reply(body, "200 OK", fields));
    CHECK(test::start(context, outcome(client)).wait() == errc{});
  };
  call("Keep-Alive: timeout=5\r\n");
  time->advance(3900ms);
  call("Keep-Alive: timeout=5\r\n");
  CHECK(server.connections() == 1);
  time->advance(4100ms);  // a second early
  call("");
  CHECK(server.connections() == 2);
  time->advance(29s);
  call("");
  CHECK(server.connections() == 2);
  time->advance(31s);
  call("");
  CHECK(server.connections() == 3);
}

TEST_CASE_METHOD(fixture, "a connection that died while idle is not written to") {
  mcp::client client{context.get_executor(), server.url(), options("2026-07-28")};
  server.expect("POST", test::tool_reply("one"), then_do::close);
  CHECK(test::start(context, outcome(client)).wait() == errc{});
  settle();
  server.expect("POST", test::tool_reply("two"));
  CHECK(test::start(context, outcome(client)).wait() == errc{});
  CHECK(server.connections() == 2);
}

TEST_CASE_METHOD(fixture, "the end of an event stream may come after its answer") {
  mcp::client client{context.get_executor(), server.url(), options("2026-07-28")};
  const std::string head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string event = R"(data: {"jsonrpc":"2.0","id":@ID@,"result":{"content":[]}})"
                            "\n\n";
  char size[9];
  std::snprintf(size, sizeof size, "%zx", event.size());
  server.expect("POST", head + size + "\r\n" + event + "\r\n");
  CHECK(test::start(context, outcome(client)).wait() == errc{});
  server.expect("POST", test::tool_reply("next"));
  SECTION("then the connection is used again") {
    server.send_more("0\r\n\r\n");
    CHECK(test::start(context, outcome(client)).wait() == errc{});
    CHECK(server.connections() == 1);
  }
  SECTION("even if it comes only when the next call waits for it") {
    auto running = test::start(context, outcome(client));
    settle();
    CHECK_FALSE(running.done());
    server.send_more("0\r\n\r\n");
    CHECK(running.wait() == errc{});
    CHECK(server.connections() == 1);
  }
  SECTION("or not at all: then another one is opened") {
    auto running = test::start(context, outcome(client));
    settle();
    time->advance(20ms);
    CHECK(running.wait() == errc{});
    CHECK(server.connections() == 2);
  }
}
