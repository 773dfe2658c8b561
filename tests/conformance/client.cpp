// SPDX-License-Identifier: MIT

/// \file
/// The client that the official conformance suite runs, once per scenario: the URL is the last argument, the
/// scenario is in the environment. It chooses configuration and calls by scenario; the library does not know
/// of any.

#include <mcp/mcp.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

namespace {

using scenario = asio::awaitable<void> (*)(mcp::client&);

asio::awaitable<void> list_tools(mcp::client& client) { co_await client.list_tools(); }

asio::awaitable<void> add_numbers(mcp::client& client) {
  co_await client.list_tools();
  auto sum = co_await client.call_tool("add_numbers", R"({"a":5,"b":3})");
  std::cout << sum.text() << '\n';
}

asio::awaitable<void> every_named_request(mcp::client& client) {
  auto tools = co_await client.list_tools();
  for (const auto& tool : tools) {
    auto answer = co_await client.call_tool(tool.name);
    std::cout << answer.text() << '\n';
  }
  auto resources = co_await client.request("resources/list");
  std::string uri;
  mcp::json::for_each_element(
      mcp::json::find_member(mcp::json::value(resources.text()), "resources"),
      [&](const mcp::json::value& item) { uri = mcp::json::find_member(item, "uri").string().value_or(""); });
  auto call = "{\"uri\":\"" + uri + "\"}";
  co_await client.request("resources/read", call);
  co_await client.request("prompts/list");
  co_await client.request("prompts/get", R"({"name":"test_prompt"})");
}

/// The schema that the server gave goes back to it.
asio::awaitable<void> echo_schema(mcp::client& client) {
  auto tools = co_await client.list_tools();
  const auto focal = std::ranges::find(tools, "json_schema_2020_12_tool", &mcp::tool::name);
  if (focal == tools.end()) co_return;
  const std::string arguments = "{\"schema\":" + focal->input_schema + "}";
  co_await client.call_tool("json_schema_echo", arguments);
}

/// The server ends the stream of this call before its answer, and says when to take it up again.
asio::awaitable<void> reconnect(mcp::client& client) {
  co_await client.list_tools();
  auto answer = co_await client.call_tool("test_reconnection");
  std::cout << answer.text() << '\n';
}

const std::map<std::string_view, scenario> scenarios = {
    {"initialize", list_tools},
    {"tools_call", add_numbers},
    {"sse-retry", reconnect},
    {"request-metadata", list_tools},
    {"http-standard-headers", every_named_request},
    {"json-schema-ref-no-deref", list_tools},
    {"json-schema-2020-12-preservation", echo_schema},
};

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

asio::awaitable<void> run(std::string url, scenario chosen) {
  auto executor = co_await asio::this_coro::executor;
  mcp::client client{executor, url};
  co_await chosen(client);
  co_await client.close();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = environment("MCP_CONFORMANCE_SCENARIO");
  const auto found = scenarios.find(name);
  if (argc < 2 || found == scenarios.end()) {
    std::cerr << "no such scenario: " << name << '\n';
    return 2;
  }
  int status = 0;
  asio::io_context context{1};
  asio::co_spawn(context, run(argv[argc - 1], found->second), [&](const std::exception_ptr& fault) {
    try {
      if (fault) std::rethrow_exception(fault);
    } catch (const mcp::error& e) {
      std::cerr << e.why().describe() << ": " << e.server_text() << '\n';
      status = 1;
    }
    context.stop();
  });
  context.run_for(std::chrono::seconds(25));
  if (!context.stopped()) status = 3;
  return status;
}
