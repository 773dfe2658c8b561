// SPDX-License-Identifier: MIT

/// \file
/// The client that tests/interop/run points at servers made by others: lists the tools, calls several, and
/// checks every answer.
///
///     interop_client URL --tools everything|interop --version REVISION [--no-progress] [--ca FILE]

#include <mcp/mcp.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

struct expectations {
  std::string url;
  std::string tools;
  std::string version;
  std::string ca_file;
  bool progress = true;
};

void expect(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("expected " + what);
}

/// 1 MB of text that needs escaping.
std::string long_message() {
  std::string out;
  for (int i = 0; i < 100'000; ++i) out += "grüß\n \"x\"";
  return out;
}

std::string message_argument(std::string_view message) {
  std::string out;
  mcp::json::writer write(out);
  write.begin_object().key("message").string(message).end_object();
  return out;
}

asio::awaitable<void> call_everything(mcp::client& client) {
  auto arguments = message_argument("grüß\n \"x\"");
  auto echo = co_await client.call_tool("echo", arguments);
  expect(echo.text() == "Echo: grüß\n \"x\"", "echo to answer with the message");
  auto sum = co_await client.call_tool("get-sum", R"({"a":2,"b":3})");
  expect(sum.text() == "The sum of 2 and 3 is 5.", "get-sum to add");
  auto image = co_await client.call_tool("get-tiny-image");
  auto blocks = image.content();
  expect(blocks.size() == 3 && std::holds_alternative<mcp::image_content>(blocks[1].value), "an image");
  auto weather = co_await client.call_tool("get-structured-content", R"({"location":"Chicago"})");
  expect(weather.structured_content().find("\"temperature\":36") != std::string_view::npos,
         "structured content");
}

asio::awaitable<void> call_interop(mcp::client& client) {
  const std::string text = long_message();
  auto arguments = message_argument(text);
  auto echo = co_await client.call_tool("echo", arguments);
  expect(echo.text() == text, "echo to answer with the message");
  auto sum = co_await client.call_tool("add", R"({"a":2,"b":3})");
  expect(sum.text() == "5" && sum.structured_content() == R"({"sum":5})", "add to add");
  auto gallery = co_await client.call_tool("gallery");
  auto blocks = gallery.content();
  std::string kinds;
  for (const auto& block : blocks) kinds += std::to_string(block.value.index());
  expect(kinds == "012443", "one block of each kind, not " + kinds);
  expect(gallery.structured_content() == R"({"kinds":6})", "structured content");
  auto failed = co_await client.call_tool("fail");
  expect(failed.is_error() && failed.text().find("failed on purpose") != std::string::npos,
         "the tool to fail");
  auto unknown = co_await client.call_tool("no such tool", "{}", mcp::call_options{}, mcp::as_result);
  expect(!unknown || unknown->is_error(), "an unknown tool to be an error");
}

asio::awaitable<void> count_with_progress(mcp::client& client, const expectations& expected) {
  std::vector<int> steps;
  const auto note = [&](const mcp::progress_update& update) {
    steps.push_back(static_cast<int>(update.progress));
  };
  const mcp::call_options options{.on_progress = note};
  if (expected.tools == "everything") {
    co_await client.call_tool("trigger-long-running-operation", R"({"duration":0.3,"steps":3})", options);
  } else {
    auto counted = co_await client.call_tool("count", R"({"steps":3,"pause_ms":20})", options);
    expect(counted.text() == "counted to 3", "count to count");
  }
  const auto wanted = expected.progress ? std::vector{1, 2, 3} : std::vector<int>{};
  expect(steps == wanted, "progress for each step");
}

asio::awaitable<void> check(expectations expected) {
  auto executor = co_await asio::this_coro::executor;
  mcp::client_options options;
  options.tls.ca_file = expected.ca_file;
  mcp::client client{executor, expected.url, options};
  auto tools = co_await client.list_tools();
  expect(client.protocol_version() == expected.version, "revision " + expected.version);
  expect(std::ranges::count(tools, "echo", &mcp::tool::name) == 1, "a tool named echo");
  if (expected.tools == "everything") {
    co_await call_everything(client);
  } else {
    co_await call_interop(client);
  }
  co_await count_with_progress(client, expected);
  // ping left the protocol with the legacy era.
  if (expected.version < "2026") co_await client.ping();
  co_await client.close();
  std::cout << tools.size() << " tools, " << client.server().info.name << ", " << client.protocol_version()
            << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  expectations expected;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--no-progress") {
      expected.progress = false;
    } else if (i + 1 < argc && option == "--tools") {
      expected.tools = argv[++i];
    } else if (i + 1 < argc && option == "--version") {
      expected.version = argv[++i];
    } else if (i + 1 < argc && option == "--ca") {
      expected.ca_file = argv[++i];
    } else {
      expected.url = option;
    }
  }
  int status = 0;
  asio::io_context context{1};
  asio::co_spawn(context, check(expected), [&](const std::exception_ptr& fault) {
    try {
      if (fault) std::rethrow_exception(fault);
    } catch (const mcp::error& e) {
      std::cout << e.why().describe() << ": " << e.server_text() << '\n';
      status = 1;
    } catch (const std::exception& e) {
      std::cout << e.what() << '\n';
      status = 1;
    }
  });
  context.run();
  return status;
}
