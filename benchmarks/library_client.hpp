// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/coroutine_client.hpp"
#include "benchmarks/wire.hpp"
#include <mcp/client.hpp>
#include <mcp/session/session.hpp>

#include <asio/awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

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

/// The library, as its users call it: by `mcp::client`, which heals, or `mcp::session`, which does not.
template <class Handle>
class calling_client : public coroutine_client {
 public:
  calling_client(const endpoint& server, const std::string& url)
      : handle_(context_.get_executor(), url, options(server)) {
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
  static mcp::client_options options(const endpoint& server) {
    mcp::client_options out;
    out.protocol_version = protocol_version;
    out.tls.ca_file = server.ca_file;
    return out;
  }

  asio::awaitable<void> open() { co_await handle_.open(); }
};

using library_client = calling_client<mcp::client>;
using session_client = calling_client<mcp::session>;

}  // namespace bench
