// SPDX-License-Identifier: MIT

/// \file
/// An agent with several servers whose context is compacted: all of its client objects are destroyed, and
/// made anew from the store. It goes on where it was: with its sessions, and with the tool call that was
/// under way. Prints how each connection stands, as a user interface would. Fails where it costs a request
/// more than it should.

#include "examples/support/mcp_server.hpp"
#include <mcp/mcp.hpp>
#include <mcp/store/file_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// One line of the user interface: a server, and how its connection stands.
struct status_line final : mcp::observer {
  explicit status_line(std::string of) : name(std::move(of)) {}

  void state_changed(const mcp::connection_status& status) override {
    std::cout << "    " << name << ": " << to_string(status.state);
    if (status.has_reason) std::cout << " (" << status.reason.describe() << ')';
    std::cout << '\n';
  }
  void store_failed(const mcp::failure& why) override {
    std::cout << "    " << name << ": " << why.describe() << '\n';
  }

  std::string name;
};

/// A server that the agent has been given.
struct configured {
  configured(std::string called, const example::server_options& how) : name(std::move(called)), server(how) {}

  std::size_t requests() const {
    std::size_t all = 0;
    for (const auto& [method, count] : server.counts().requests) all += count;
    return all;
  }

  std::string name;
  example::mcp_server server;
};
using server_list = std::vector<std::unique_ptr<configured>>;

/// What lives as long as the agent's context: one client for each server. What outlives it is in the store.
class agent_context {
 public:
  agent_context(const asio::any_io_executor& executor, const server_list& servers,
                const mcp::any_credential_store& store) {
    for (const auto& each : servers) {
      mcp::client_options options;
      options.store = store;
      options.observer = std::make_shared<status_line>(each->name);
      clients.push_back(std::make_unique<mcp::client>(executor, each->server.url(), std::move(options)));
    }
  }

  std::vector<std::unique_ptr<mcp::client>> clients;
};

bool as_expected = true;

asio::awaitable<void> call_all(agent_context& context, const server_list& servers,
                               std::array<std::size_t, 3> expected) {
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const std::size_t before = servers[i]->requests();
    auto answer = co_await context.clients[i]->call_tool("add", R"({"a":19,"b":23})");
    const std::size_t cost = servers[i]->requests() - before;
    std::cout << "  " << servers[i]->name << " answers " << answer.text() << " (" << cost
              << (cost == 1 ? " request)\n" : " requests)\n");
    as_expected = as_expected && cost == expected[i];
  }
}

asio::awaitable<void> agent(const server_list& servers, mcp::any_credential_store store) {
  auto executor = co_await asio::this_coro::executor;

  std::cout << "An agent begins, and calls each of its servers.\n";
  auto context = std::make_unique<agent_context>(executor, servers, store);
  const std::array<std::size_t, 3> first_time{4, 2, 4}, known{1, 1, 1}, one_restarted{4, 1, 1};
  co_await call_all(*context, servers, first_time);

  std::cout << "Its context is compacted: every client object is destroyed, and made anew.\n";
  context.reset();
  context = std::make_unique<agent_context>(executor, servers, store);
  co_await call_all(*context, servers, known);

  std::cout << "Again, in the middle of a long call, and one server is restarted meanwhile.\n";
  const auto on_end = [](const mcp::result<mcp::tool_result>& outcome) {
    std::cout << "  the call ends: " << (outcome ? outcome->text() : outcome.error().describe()) << '\n';
  };
  context->clients[2]->call_tool("slow", R"({"ms":1000})", {}, on_end);
  asio::steady_timer until(executor, 150ms);
  co_await until.async_wait(asio::use_awaitable);
  for (auto& each : context->clients) co_await each->hand_over();
  context.reset();
  servers[0]->server.kill();
  servers[0]->server.drop_sessions();
  servers[0]->server.start();
  context = std::make_unique<agent_context>(executor, servers, store);
  co_await call_all(*context, servers, one_restarted);

  auto left = co_await context->clients[2]->unfinished();
  for (const auto& each : left) {
    auto answer = co_await context->clients[2]->take_up(each);
    std::cout << "  " << each.name << ", begun before, answers " << mcp::tool_result(std::move(answer)).text()
              << '\n';
  }
  as_expected = as_expected && left.size() == 1;

  std::cout << "It ends, and says goodbye.\n";
  for (auto& each : context->clients) co_await each->close();
}

}  // namespace

int main() try {
  std::string directory = std::filesystem::temp_directory_path() / "agent-XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) throw std::runtime_error("no temporary directory");

  server_list servers;
  const auto add = [&](std::string name, const example::server_options& how) {
    servers.push_back(std::make_unique<configured>(std::move(name), how));
  };
  add("files", {.speaks = example::eras::legacy});
  add("search", {.speaks = example::eras::modern});
  add("reports", {.speaks = example::eras::legacy, .sse_answers = true});

  asio::io_context context;
  asio::co_spawn(context, agent(servers, mcp::file_store(directory)), [](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
  });
  context.run();
  std::filesystem::remove_all(directory);
  std::cout << (as_expected ? "Everything cost what it should.\n" : "Something cost more than it should.\n");
  return as_expected ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const std::exception& error) {
  std::cerr << "agent_runtime: " << error.what() << '\n';
  return EXIT_FAILURE;
}
