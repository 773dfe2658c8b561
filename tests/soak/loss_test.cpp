// SPDX-License-Identifier: MIT
// A thousand calls are under way when the server loses all sessions.
#include "loopback.hpp"
#include "run.hpp"
#include <mcp/mcp.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <support/started.hpp>

using namespace std::chrono_literals;

TEST_CASE("the loss of all sessions under many calls is repaired once", "[soak]") {
  constexpr std::size_t calls = 1000;
  soak::raise_descriptor_limit();
  const int descriptors = soak::open_descriptors();
  {
    soak::server_process server;
    asio::io_context context{1};
    mcp::client_options options;
    options.protocol_version = "2025-11-25";
    options.max_connections = calls;
    mcp::client client(context.get_executor(), server.url("/json"), options);
    soak::batch todo;
    todo.to = 3 * calls;
    todo.at_once = calls;
    server.lose_sessions_at(calls);
    soak::start(context, client, todo);
    test::run_until(
        context, [&] { return todo.done(); }, 1min);
    const auto counts = server.report(0, todo.to);
    CHECK(todo.complaints() == "");
    CHECK(todo.answered == 3 * calls);
    CHECK(counts.run == 3 * calls);
    CHECK(counts.run_twice == 0);
    CHECK(counts.initialized == 2);
    CHECK(counts.unexpected == 0);
    CHECK(client.counters().sessions == 2);
    CHECK(client.counters().replays == calls);
    soak::figures line("loss of all sessions");
    line.add("calls at once", calls);
    line.add("initialize after the loss", counts.initialized - 1);
    line.add("calls answered", todo.answered);
    line.add("run twice", counts.run_twice);
  }
  CHECK(soak::open_descriptors() == descriptors);
}
