// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/coroutine_client.hpp"
#include "benchmarks/wire.hpp"
#include <mcp/client.hpp>
#include <mcp/session/session.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

/// Reads the first answer as a user would, and compares every later one with it, byte for byte.
class answer_check {
 public:
  void operator()(const mcp::tool_result& answer) {
    if (expected_.empty()) {
      require(answer.text() == tool_answer, "the library read another answer");
      expected_ = answer.raw();
    }
    require(answer.raw() == expected_, "the library got another answer");
  }

 private:
  std::string expected_;
};

/// For programs that a tool slows down a hundred times: what costs by time and not by call (a connection that
/// was idle for 50 us is looked at, a timer ticks four times a second) would be counted as if it were the
/// call's. Reads the clock as often as the real one.
class standing_time final : public mcp::time_source {
 public:
  time_point now() const noexcept override {
    static_cast<void>(std::chrono::steady_clock::now());
    return began_;
  }
  void wake_at(std::weak_ptr<mcp::deadline_list>, time_point) override {}

 private:
  time_point began_ = std::chrono::steady_clock::now();
};

/// The library, as its users call it: by `mcp::client`, which heals, or `mcp::session`, which does not.
template <class Handle>
class calling_client : public coroutine_client {
 public:
  calling_client(const endpoint& server, const std::string& url,
                 std::shared_ptr<mcp::time_source> time = nullptr)
      : handle_(context_.get_executor(), url, options(server, std::move(time))) {
    if constexpr (std::same_as<Handle, mcp::session>) complete(open());
  }

 protected:
  // The call is measured, not what the user then does with the answer.
  asio::awaitable<void> block(std::size_t calls, stopwatch* watch) override {
    mcp::tool_result answer;
    for (std::size_t i = 0; i != calls; ++i) {
      if (watch != nullptr) watch->start();
      answer = co_await handle_.call_tool(tool_name, tool_arguments);
      check(answer);
      if (watch != nullptr) watch->stop();
    }
  }

  Handle handle_;
  answer_check check;

 private:
  static mcp::client_options options(const endpoint& server, std::shared_ptr<mcp::time_source> time) {
    mcp::client_options out;
    out.time = std::move(time);
    out.protocol_version = protocol_version;
    out.tls.ca_file = server.ca_file;
    return out;
  }

  asio::awaitable<void> open() { co_await handle_.open(); }
};

using library_client = calling_client<mcp::client>;
using session_client = calling_client<mcp::session>;

}  // namespace bench
