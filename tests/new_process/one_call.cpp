// SPDX-License-Identifier: MIT
// A process that calls a tool once, and ends or dies: one_call URL STORE end|die
#include <mcp/mcp.hpp>
#include <mcp/store/file_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <unistd.h>

namespace {

asio::awaitable<void> call_once(mcp::client& client, bool dies) {
  auto answer = co_await client.call_tool("add", R"({"a":19,"b":23})");
  if (answer.text() != "42") throw std::runtime_error("another answer");
  std::puts(client.counters().sessions == 0 ? "taken over" : "opened");
  std::fflush(stdout);
  if (dies) ::kill(::getpid(), SIGKILL);
}

}  // namespace

int main(int, char** argv) try {
  asio::io_context context;
  mcp::client_options options;
  options.store = mcp::file_store(argv[2]);
  mcp::client client{context.get_executor(), argv[1], std::move(options)};
  asio::co_spawn(context, call_once(client, argv[3] == std::string_view("die")),
                 [](const std::exception_ptr& failed) {
                   if (failed) std::rethrow_exception(failed);
                 });
  context.run();
} catch (const std::exception& error) {
  return std::printf("%s\n", error.what()), 1;
}
