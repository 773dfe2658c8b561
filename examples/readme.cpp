// SPDX-License-Identifier: MIT

/// \file
/// The example of README.md. Usage: readme URL
// [readme]
#include <mcp/mcp.hpp>

#include <asio.hpp>

#include <iostream>

asio::awaitable<void> agent(std::string url) {
  auto executor = co_await asio::this_coro::executor;
  mcp::client client{executor, url};
  auto answer = co_await client.call_tool("add", R"({"a":19,"b":23})");
  std::cout << answer.text() << '\n';
  co_await client.close();
}

int main(int, char** argv) {
  asio::io_context context;
  asio::co_spawn(context, agent(argv[1]), [](std::exception_ptr failed) {
    if (failed) std::rethrow_exception(failed);
  });
  context.run();
}
// [/readme]
