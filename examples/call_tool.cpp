// SPDX-License-Identifier: MIT

/// \file
/// A command line for any MCP server: lists its tools, or calls one.

#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace {

constexpr std::string_view usage = R"(Usage: call_tool [OPTIONS] URL [TOOL [ARGUMENTS]]

Calls a tool of an MCP server over Streamable HTTP; without TOOL, lists the tools.
ARGUMENTS is a JSON object, such as '{"location":"Paris"}'.

  -H, --header 'NAME: VALUE'  a header field for every request, such as Authorization (repeatable)
      --ca FILE               trust the certificates in this PEM file instead of the system's
      --timeout SECONDS       for the answer; progress extends it (default 60)
      --version REVISION      speak this protocol revision instead of finding out which
      --json                  print the result as JSON, as it came
      --help                  print this

Exit status: 0 answered, 1 failed, 2 the tool itself reported an error, 64 wrong usage.
)";

struct arguments {
  std::string url;
  std::string tool;
  std::string tool_arguments;
  bool json = false;
  bool help = false;
  mcp::client_options options;
};

struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::chrono::milliseconds parse_seconds(std::string_view text) {
  double seconds = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || !(seconds > 0 && seconds < 1e6))
    throw usage_error("--timeout needs a number of seconds");
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::pair<std::string, std::string> parse_header(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) throw usage_error("--header needs 'NAME: VALUE'");
  std::string_view value = text.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return {std::string(text.substr(0, colon)), std::string(value)};
}

arguments parse(int argc, char** argv) {
  arguments out;
  std::string* const positional[] = {&out.url, &out.tool, &out.tool_arguments};
  std::size_t next = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    const auto value = [&]() -> std::string_view {
      if (++i >= argc) throw usage_error(std::string(option) + " needs a value");
      return argv[i];
    };
    if (option == "--help") {
      out.help = true;
    } else if (option == "--json") {
      out.json = true;
    } else if (option == "-H" || option == "--header") {
      out.options.headers.push_back(parse_header(value()));
    } else if (option == "--ca") {
      out.options.tls.ca_file = value();
    } else if (option == "--timeout") {
      out.options.request_timeout = parse_seconds(value());
    } else if (option == "--version") {
      out.options.protocol_version = value();
    } else if (option.starts_with("-")) {
      throw usage_error("unknown option " + std::string(option));
    } else if (next < std::size(positional)) {
      *positional[next++] = option;
    } else {
      throw usage_error("too many arguments");
    }
  }
  if (!out.help && out.url.empty()) throw usage_error("URL is missing");
  return out;
}

struct print_block {
  void operator()(const mcp::text_content& block) const { std::cout << block.text << '\n'; }
  void operator()(const mcp::image_content& block) const {
    describe("image", block.mime_type, block.data.size());
  }
  void operator()(const mcp::audio_content& block) const {
    describe("audio", block.mime_type, block.data.size());
  }
  void operator()(const mcp::resource_link& block) const { std::cout << "[link] " << block.uri << '\n'; }
  void operator()(const mcp::embedded_resource& block) const {
    std::cout << "[resource] " << block.uri << '\n' << block.text.value_or("") << '\n';
  }
  void operator()(const mcp::unknown_content& block) const { std::cout << block.raw << '\n'; }

  static void describe(std::string_view kind, std::string_view mime_type, std::size_t base64_size) {
    std::cout << '[' << kind << "] " << mime_type << ", " << base64_size / 4 * 3 << " bytes\n";
  }
};

asio::awaitable<int> list(mcp::client& client, const arguments& wanted) {
  auto tools = co_await client.list_tools();
  for (const auto& tool : tools) {
    if (wanted.json) {
      std::cout << tool.raw << '\n';
    } else {
      std::cout << tool.name << "\n    " << tool.description << "\n    " << tool.input_schema << '\n';
    }
  }
  co_return 0;
}

asio::awaitable<int> call(mcp::client& client, const arguments& wanted) {
  const auto on_progress = [](const mcp::progress_update& update) {
    std::cerr << "progress: " << update.progress;
    if (update.total) std::cerr << " of " << *update.total;
    std::cerr << ' ' << update.message << '\n';
  };
  const auto on_log = [](const mcp::log_message& message) {
    std::cerr << mcp::to_string(message.level) << ": " << message.data << '\n';
  };
  const mcp::call_options options{.on_progress = on_progress, .on_log = on_log};
  auto answer = co_await client.call_tool(wanted.tool, wanted.tool_arguments, options);
  if (wanted.json) {
    std::cout << answer.raw() << '\n';
  } else {
    for (const auto& block : answer.content()) std::visit(print_block{}, block.value);
  }
  co_return answer.is_error() ? 2 : 0;
}

asio::awaitable<int> run(const arguments& wanted) {
  auto executor = co_await asio::this_coro::executor;
  mcp::client client{executor, wanted.url, wanted.options};
  int status = 0;
  if (wanted.tool.empty()) {
    status = co_await list(client, wanted);
  } else {
    status = co_await call(client, wanted);
  }
  co_await client.close();
  co_return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const arguments wanted = parse(argc, argv);
    if (wanted.help) {
      std::cout << usage;
      return 0;
    }
    int status = 1;
    std::exception_ptr failed;
    asio::io_context context{1};
    asio::co_spawn(context, run(wanted), [&](std::exception_ptr fault, int outcome) {
      failed = std::move(fault);
      status = outcome;
    });
    context.run();
    if (failed) std::rethrow_exception(failed);
    return status;
  } catch (const usage_error& e) {
    std::cerr << "call_tool: " << e.what() << "\n\n" << usage;
    return 64;
  } catch (const mcp::error& e) {
    std::cerr << "call_tool: " << e.why().describe() << '\n';
    if (!e.server_text().empty()) std::cerr << "the server says: " << e.server_text() << '\n';
    return 1;
  } catch (const std::exception& e) {
    std::cerr << "call_tool: " << e.what() << '\n';
    return 1;
  }
}
