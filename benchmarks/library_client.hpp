// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/coroutine_client.hpp"
#include "benchmarks/wire.hpp"
#include <mcp/client.hpp>

#include <asio/awaitable.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace bench {

/// What is measured: the library, as its users call it.
class library_client final : public coroutine_client {
 public:
  library_client(const endpoint& server, const scenario& which, std::string_view target)
      : client_(context_.get_executor(), server.url(which, target), options(server)) {}

 private:
  static mcp::client_options options(const endpoint& server) {
    mcp::client_options out;
    out.protocol_version = protocol_version;
    out.tls.ca_file = server.ca_file;
    return out;
  }

  // The call is measured, not what the user then does with the answer: each answer is searched for the text,
  // and read as a user would only once a block.
  asio::awaitable<void> block(std::size_t calls, stopwatch* watch) override {
    mcp::tool_result answer;
    for (std::size_t i = 0; i != calls; ++i) {
      if (watch != nullptr) watch->start();
      answer = co_await client_.call_tool(tool_name, tool_arguments);
      require(answer.raw().find(tool_answer) != std::string_view::npos, "the library got another answer");
      if (watch != nullptr) watch->stop();
    }
    require(answer.text() == tool_answer, "the library read another answer");
  }

  mcp::client client_;
};

}  // namespace bench
