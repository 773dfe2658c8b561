// SPDX-License-Identifier: MIT
#include <mcp/http/fetch.hpp>
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <support/certificates.hpp>
#include <support/mcp_peer.hpp>
#include <support/script_peer.hpp>
#include <support/scripted_network.hpp>
#include <support/virtual_world.hpp>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;
using mcp::errc;
using test::delivery;

namespace {

/// A server of the real client, and the time that its calls take.
struct bench {
  test::virtual_world world;
  test::mcp_peer peer;
  test::scripted_network network;
  test::virtual_world::duration took{};

  explicit bench(test::mcp_peer::options how) : peer(world, how), network(peer) {}
  bench(test::mcp_peer::options how, const test::identity& own) : peer(world, how), network(peer, own) {}

  mcp::client_options options(std::string version) const {
    mcp::client_options made;
    made.protocol_version = std::move(version);
    made.time = world.time;
    made.recovery.max_retries = 0;  // the network is on trial here, not the client's patience
    return made;
  }

  template <class T>
  std::optional<T> run(asio::awaitable<T> operation) {
    const auto begin = world.now();
    std::optional<T> got;
    asio::co_spawn(world.context, std::move(operation), [&got](const std::exception_ptr& thrown, T value) {
      if (!thrown) got.emplace(std::move(value));
    });
    CHECK(world.run([&got] { return got.has_value(); }));
    took = world.now() - begin;
    return got;
  }

  /// The text of the answer, or the code of the failure.
  std::string call(mcp::client& client, const std::string& tool) {
    const auto got = run(client.call_tool(tool, "{}", {}, mcp::as_result));
    if (!got) return "";
    return *got ? (*got)->text() : got->error().code().message();
  }
};

const mcp::session_state saved{"2025-11-25", "s", {}};

}  // namespace

TEST_CASE("a script is played byte for byte, without any real time") {
  test::virtual_world world;
  test::script_peer peer;
  test::scripted_network network(peer);
  mcp::client_options options;
  options.time = world.time;
  mcp::client client{world.context.get_executor(), "http://192.0.2.1:4321/mcp", saved, options};
  peer.expect(
      "POST /mcp HTTP/1.1\r\nHost: 192.0.2.1:4321\r\nAccept: application/json, text/event-stream\r\n"
      "Content-Type: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: asio-mcp/0.1.0\r\n"
      "MCP-Protocol-Version: 2025-11-25\r\nMcp-Session-Id: s\r\n"
      "Content-Length: 67\r\n\r\n",
      [](test::link&) {});
  // The id is the time: the session has served before.
  const std::string ping = R"({"jsonrpc":"2.0","id":1800003600000000,"method":"ping","params":{}})";
  peer.expect(ping, [&](test::link& to) {
    to.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 51\r\n\r\n{\"jsonrpc\"");
    world.after(5s, [&to] { to.send(R"(:"2.0","id":1800003600000000,"result":{}})"); });
  });
  std::optional<bool> done;
  client.ping({}, [&done](const mcp::result<void>& answer) { done = answer.has_value(); });
  const auto begin = world.now();
  CHECK(world.run([&done] { return done.has_value(); }));
  CHECK(done == true);
  CHECK(world.now() - begin == 5s);
  CHECK(peer.played_out());
  CHECK(network.opened() == 1);
}

TEST_CASE("a server drips, stalls, breaks and refuses at chosen times") {
  bench b({});
  mcp::client client{b.world.context.get_executor(), "http://server.test/mcp", b.options("2026-07-28")};
  using way = delivery::way;
  SECTION("an answer in pieces") {
    b.peer.next("tools/call", {.how = way::drip, .bytes = 10, .every = 2s});
    CHECK(b.call(client, "a") == "a 1");
    CHECK(b.took > 10s);
  }
  SECTION("a byte a second, for longer than the call may take") {
    b.peer.next("tools/call", {.how = way::drip, .bytes = 1});
    CHECK(b.call(client, "a") == "deadline exceeded");
    CHECK(b.took == 60s);
  }
  SECTION("half of an answer, then the end or a reset") {
    b.peer.next("tools/call", {.how = way::cut, .bytes = -10, .delay = 3s});
    CHECK(b.call(client, "a") == "request sent, outcome unknown");
    CHECK(b.took == 3s);
    b.peer.next("tools/call", {.how = way::reset, .execute = false});
    CHECK(b.call(client, "b") == "request sent, outcome unknown");
    CHECK_FALSE(b.peer.executions().contains("b{}"));
  }
  SECTION("no connection") {
    b.peer.admitting = test::scripted_peer::admission::refused_soon;
    CHECK(b.call(client, "a") == "could not connect");
    b.peer.admitting = test::scripted_peer::admission::never;
    CHECK(b.call(client, "a") == "could not connect");
    CHECK(b.took == 10s);
    b.peer.admitting = test::scripted_peer::admission::at_once;
  }
  CHECK(b.call(client, "last") == "last 1");
}

TEST_CASE("a server restarts, with its sessions or without") {
  bench b({.modern = false});
  mcp::client client{b.world.context.get_executor(), "http://127.0.0.1/mcp", b.options("")};
  CHECK(b.call(client, "a") == "a 1");
  CHECK(b.peer.sessions().size() == 1);
  b.world.pass(1s);  // lest the client takes the connection for too fresh to be dead
  b.peer.restart(true);
  CHECK(b.call(client, "a") == "a 2");
  b.world.pass(1s);
  b.peer.restart(false);
  CHECK(b.call(client, "a") == "a 3");
  CHECK(b.peer.executions().at("a{}") == 3);
  CHECK(b.peer.count("\"initialize\"") == 2);
  CHECK(b.network.opened() == 3);
}

TEST_CASE("thousands of calls that wait learn one after the other that no socket can be had") {
  bench b({});
  auto options = b.options("2026-07-28");
  const mcp::circuit_breaker::settings no_breaker{.failures = 1'000'000};
  options.origins =
      std::make_shared<mcp::origin_registry>(nullptr, mcp::retry_budget::settings(), no_breaker);
  mcp::client client{b.world.context.get_executor(), "http://127.0.0.1/mcp", options};
  CHECK(b.call(client, "a") == "a 1");
  b.peer.next("tools/call", {.how = delivery::way::hold});
  int failed = 0;
  b.network.no_sockets = true;
  for (int i = 0; i < 3000; ++i) {
    client.call_tool("b", "{}", {}, [&failed](const mcp::result<mcp::tool_result>& answer) {
      failed += !answer && answer.error().code() == errc::connect_failed ? 1 : 0;
    });
  }
  b.world.settle();
  CHECK(failed == 2999);  // and one waits for the answer on the connection that there was
}

TEST_CASE("a broken event stream is resumed behind the last event that was seen, over TLS too") {
  const test::certificate_authority authority;
  const bool tls = GENERATE(false, true);
  auto b = tls ? std::make_unique<bench>(test::mcp_peer::options{.event_streams = true}, authority.issue())
               : std::make_unique<bench>(test::mcp_peer::options{.event_streams = true});
  const auto executor = b->world.context.get_executor();
  auto options = b->options("2025-11-25");
  options.recovery = {};
  options.tls.ca_pem = authority.pem();
  const std::string url = tls ? "https://localhost/mcp" : "http://localhost/mcp";
  mcp::client client{executor, url, options};
  b->peer.next("tools/call", {.how = delivery::way::cut, .bytes = 150});
  CHECK(b->call(client, "a") == "a 1");
  CHECK(b->peer.count("\r\nLast-Event-ID: stream-1/1\r\n") == 1);
  CHECK(b->peer.executions().at("a{}") == 1);
}
