// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/session/completion.hpp>
#include <mcp/session/core.hpp>
#include <mcp/session/operations.hpp>
#include <mcp/session/options.hpp>

#include <asio/any_io_executor.hpp>

#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// A client of one MCP server. There is nothing to connect: the first operation does what is needed, and
/// others that come meanwhile wait for it.
///
///     mcp::client client{executor, "https://example.com/mcp"};
///     auto answer = co_await client.call_tool("get_weather", R"({"location":"Paris"})");
///     std::cout << answer.text() << '\n';
///
/// Belongs to one executor, on which all of its operations must be awaited (`errc::wrong_executor`
/// otherwise); with an `io_context` that several threads run, that is a strand. Operations may overlap
/// freely: each takes a connection of its own from the pool. Destruction ends what is under way with
/// `errc::client_closed`, sends nothing and never blocks.
class client : public operations {
 public:
  /// Throws `mcp::error` (`errc::invalid_url`, `errc::invalid_argument`, `errc::invalid_header_value`) where
  /// the arguments cannot be used. Opens no connection.
  client(const asio::any_io_executor& executor, std::string_view url, client_options options = {})
      : operations(detail::session_core::create(executor, url, std::move(options)).value()) {
    core_->heals = true;
  }

  /// Goes on with a session of an earlier process, as `save()` described it. Throws as well where `saved`
  /// holds what `save()` never gives.
  client(const asio::any_io_executor& executor, std::string_view url, const session_state& saved,
         client_options options = {})
      : client(executor, url, std::move(options)) {
    core_->restore(saved).value();
  }

  /// Requests whose answers were on their way when the session was handed over: what an agent that was
  /// interrupted has set going. Empty where there was no such session, and in the modern era, which cannot
  /// take up a stream.
  template <class Token = throwing_t>
  auto unfinished(Token&& token = {}) {
    return detail::complete<std::vector<unfinished_call>>(
        core_->executor, detail::session_core::list_unfinished<Token>(core_), std::forward<Token>(token));
  }

  /// Awaits the answer to one of `unfinished()`, as JSON text; for `tools/call`, `mcp::tool_result` reads it.
  /// Errors: `errc::outcome_unknown` where the server does not have the stream any more.
  template <class Token = throwing_t>
  auto take_up(const unfinished_call& request, const call_options& options = {}, Token&& token = {}) {
    auto call = lease();
    call->begin_taking_up(request, options);
    std::erase_if(core_->unfinished, [&](const auto& each) { return each.id == request.id; });
    return detail::complete<json_text>(std::move(call), std::forward<Token>(token));
  }

  /// Ends everything that is under way with `errc::client_closed`, as `close()` does, but leaves the session
  /// in the store for the next client, with what is unfinished, and completes when it is there. (Destruction
  /// gives the session back as well, without waiting, as it was when it last changed.) Never fails itself.
  template <class Token = throwing_t>
  auto hand_over(Token&& token = {}) {
    return detail::complete<void>(core_->executor, detail::session_core::hand_over<Token>(core_),
                                  std::forward<Token>(token));
  }
};

}  // namespace mcp::inline v0
