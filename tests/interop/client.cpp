// SPDX-License-Identifier: MIT

/// \file
/// The client that tests/interop/run points at servers made by others: lists the tools, calls several, and
/// checks every answer.
///
///     interop_client URL --tools everything|interop --version REVISION [--no-progress] [--ca FILE]
///
/// With --survive it makes 200 calls instead, four at a time, and prints how many it has made at every tenth,
/// so that the script can kill the server meanwhile. The last line counts: calls, answered, outcome unknown,
/// sent again though they may have run, reads that failed and so left the program to help itself.

#include <mcp/mcp.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace {

struct expectations {
  std::string url;
  std::string tools;
  std::string version;
  std::string ca_file;
  bool progress = true;
  bool survive = false;
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

/// Counts the tool calls that were sent again after an attempt of which nothing is known. The tools are such
/// that this must not be.
struct watch final : mcp::observer {
  std::size_t doubled = 0;

  void attempt_finished(const mcp::attempt_event& event) override {
    const bool may_have_run = event.seen.bytes_written != 0 && event.seen.status == 0;
    if (event.method == "tools/call" && event.next == "replay" && may_have_run) ++doubled;
  }
};

class survivor {
 public:
  explicit survivor(expectations expected) : expected_(std::move(expected)) {}

  asio::awaitable<void> run() {
    auto executor = co_await asio::this_coro::executor;
    mcp::client_options options;
    options.observer = watch_;
    client_.emplace(executor, expected_.url, options);
    mcp::event done(executor);
    std::size_t lines = 4;
    for (std::size_t line = 0; line < 4; ++line) {
      asio::co_spawn(executor, work(line), [&](const std::exception_ptr& fault) {
        if (fault) faults_.push_back("an exception");
        --lines, done.notify();
      });
    }
    std::error_code ignored;
    while (lines != 0) co_await done.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_await client_->close();
    for (const auto& fault : faults_) std::cout << fault << '\n';
    std::cout << calls_ << ' ' << answered_ << ' ' << unknown_ << ' ' << watch_->doubled << ' ' << manual_
              << '\n';
    expect(faults_.empty(), "every call to be answered, or a tool call to end as outcome unknown");
  }

 private:
  /// Two reads and two tool calls in turn.
  asio::awaitable<void> work(std::size_t line) {
    for (std::size_t i = 0; i < 50; ++i) {
      const std::size_t kind = (line + i) % 4;
      if (kind == 0) {
        auto tools = co_await client_->list_tools(mcp::call_options{}, mcp::as_result);
        note(tools, true);
      } else if (kind == 1) {
        auto pong = co_await client_->ping(mcp::call_options{}, mcp::as_result);
        note(pong, true);
      } else if (expected_.tools == "everything") {
        auto answer =
            co_await client_->call_tool("trigger-long-running-operation", R"({"duration":0.02,"steps":1})",
                                        mcp::call_options{}, mcp::as_result);
        note(answer, false);
      } else {
        const std::string arguments =
            R"({"key":")" + std::to_string(line) + "-" + std::to_string(i) + R"(","pause_ms":20})";
        auto answer = co_await client_->call_tool("record", arguments, mcp::call_options{}, mcp::as_result);
        note(answer, false);
      }
    }
  }

  template <class T>
  void note(const mcp::result<T>& outcome, bool is_read) {
    if (++calls_ % 10 == 0) std::cout << "made " << calls_ << std::endl;
    if (outcome) {
      ++answered_;
    } else if (!is_read && outcome.error().code() == mcp::errc::outcome_unknown) {
      ++unknown_;
    } else {
      faults_.push_back((is_read ? "a read: " : "a tool call: ") + outcome.error().describe());
      if (is_read) ++manual_;  // a program would have to do something about it
    }
  }

  expectations expected_;
  std::shared_ptr<watch> watch_ = std::make_shared<watch>();
  std::optional<mcp::client> client_;
  std::vector<std::string> faults_;
  std::size_t calls_ = 0, answered_ = 0, unknown_ = 0, manual_ = 0;
};

asio::awaitable<void> survive(expectations expected) {
  survivor user(std::move(expected));
  co_await user.run();
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
    } else if (option == "--survive") {
      expected.survive = true;
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
  auto wanted = expected.survive ? survive(expected) : check(expected);
  asio::co_spawn(context, std::move(wanted), [&](const std::exception_ptr& fault) {
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
