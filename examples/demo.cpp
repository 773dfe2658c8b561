// SPDX-License-Identifier: MIT

/// \file
/// What the library does, seen from outside: starts an MCP server on loopback and talks to it in both eras of
/// the protocol, plain and over TLS. Run it with `./dev demo`.

#include "examples/support/mcp_server.hpp"
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using steady = std::chrono::steady_clock;

double milliseconds_since(steady::time_point start) {
  return std::chrono::duration<double, std::milli>(steady::now() - start).count();
}

void line(double milliseconds, std::string_view what) {
  std::printf("  %8.3f ms  %.*s\n", milliseconds, static_cast<int>(what.size()), what.data());
}

std::size_t calls = 0;

asio::awaitable<void> timed_call(mcp::client& client, std::string tool, std::string arguments,
                                 mcp::call_options options = {}) {
  const auto start = steady::now();
  auto answer = co_await client.call_tool(tool, arguments, options);
  line(milliseconds_since(start), tool + ' ' + arguments + "  ->  " + answer.text());
  ++calls;
}

/// Many calls at once, on one thread: the slow ones do not hold up the fast ones.
asio::awaitable<void> many_at_once(mcp::client& client, const example::mcp_server& server) {
  constexpr std::size_t count = 32;
  auto executor = co_await asio::this_coro::executor;
  const std::size_t before = server.counts().connections;
  const auto start = steady::now();
  mcp::event finished(executor);
  std::size_t fast = 0;
  std::size_t slow = 0;
  double last_fast = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_slow = i % 2 == 0;
    client.call_tool(is_slow ? "slow" : "add", is_slow ? R"({"ms":100})" : R"({"a":1,"b":2})", {},
                     [&, is_slow](const mcp::result<mcp::tool_result>& answer) {
                       if (answer) ++(is_slow ? slow : fast);
                       if (!is_slow) last_fast = milliseconds_since(start);
                       finished.notify();
                     });
  }
  std::error_code ignored;
  while (fast + slow < count)
    co_await finished.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  calls += count;
  line(last_fast,
       std::to_string(fast) + " fast calls answered, beside " + std::to_string(slow) + " slow ones");
  line(milliseconds_since(start),
       "all answered; connections opened for them: " + std::to_string(server.counts().connections - before));
}

asio::awaitable<void> tour(const example::mcp_server& server, std::string era) {
  auto executor = co_await asio::this_coro::executor;
  mcp::client_options options;
  options.tls.ca_pem = server.ca_pem();
  mcp::client client{executor, server.url(), options};

  auto start = steady::now();
  auto tools = co_await client.list_tools();
  line(milliseconds_since(start), "connected, found revision " + client.protocol_version() + " (" + era +
                                      "), listed " + std::to_string(tools.size()) + " tools");
  co_await timed_call(client, "echo", R"({"text":"hello"})");
  co_await timed_call(client, "add", R"({"a":19,"b":23})");

  start = steady::now();
  const auto on_progress = [&](const mcp::progress_update& update) {
    line(milliseconds_since(start), "    progress " + std::to_string(static_cast<int>(update.progress)) +
                                        " of " + std::to_string(static_cast<int>(update.total.value_or(0))) +
                                        ", while the tool runs");
  };
  const mcp::call_options watched{.on_progress = on_progress};
  co_await timed_call(client, "countdown", R"({"steps":3,"ms":20})", watched);

  auto failed = co_await client.call_tool("fail");
  std::printf("               fail  ->  the tool reports an error: %s\n", failed.text().c_str());
  auto unknown = co_await client.call_tool("nonsense", "{}", mcp::call_options{}, mcp::as_result);
  if (!unknown) std::printf("               nonsense  ->  %s\n", unknown.error().describe().c_str());
  calls += 2;

  co_await many_at_once(client, server);
  co_await client.close();
}

void show(std::string_view title, const example::server_options& options, std::string era) {
  std::cout << '\n' << title << std::endl;
  const example::mcp_server server(options);
  asio::io_context context{1};
  asio::co_spawn(context, tour(server, std::move(era)), [](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
  });
  context.run();
}

}  // namespace

int main() {
  try {
    show("A modern server, plain HTTP", {.speaks = example::eras::modern},
         "modern: no session, no handshake");
    show("A modern server, TLS", {.tls = true, .speaks = example::eras::modern}, "modern");
    show("A legacy server, plain HTTP", {.speaks = example::eras::legacy}, "legacy: a session");
    show("A legacy server, TLS", {.tls = true, .speaks = example::eras::legacy}, "legacy");
  } catch (const mcp::error& e) {
    std::cerr << "demo: " << e.why().describe() << '\n';
    return 1;
  }
  std::cout << "\ndemo: " << calls << " calls, all answered\n";
}
