// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/function_ref.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/status.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/rpc/write.hpp>
#include <mcp/session/completion.hpp>
#include <mcp/session/core.hpp>
#include <mcp/session/options.hpp>
#include <mcp/types/notifications.hpp>
#include <mcp/types/server.hpp>
#include <mcp/types/tool.hpp>
#include <mcp/types/tool_result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// The operations that a session and a client have in common.
///
/// **Forms.** Each is awaited and throws `mcp::error`: `co_await client.ping()`. With `mcp::as_result` as the
/// last argument it returns `mcp::result<T>` instead. With any other Asio completion token it completes with
/// `void(mcp::result<T>)`. What a callback of the application throws, or `std::bad_alloc`, comes out of the
/// `co_await`; with a token it comes out of the context's `run()`, and the handler is not called.
///
/// **Lifetimes.** Arguments are copied before an operation returns its awaitable, except what `call_options`
/// refers to. An operation keeps the session alive; it may be started and dropped without being awaited.
///
/// **Cancellation.** Terminal cancellation ends an operation at once with `errc::cancelled`, and the server
/// is told (legacy: `notifications/cancelled`; modern: the response stream closes). Its connection is closed.
///
/// **Errors.** Beyond those named at each operation: whatever stops the exchange, from `errc::resolve_failed`
/// to `errc::rpc_invalid_message`; `errc::deadline_exceeded`; `errc::client_closed` when the session is
/// closed meanwhile; `errc::rpc_error` when the server answers with a JSON-RPC error.
class operations {
 public:
  operations(const operations&) = delete;
  operations& operator=(const operations&) = delete;
  operations(operations&&) noexcept = default;

  /// Sends any request. `params` is a JSON object; `_meta` goes into `call_options::meta`.
  /// Result: the `result` member of the answer, as JSON text.
  /// Errors: `errc::invalid_argument` where `params` is no JSON object, or `method` is not of visible ASCII
  /// characters.
  template <class Token = throwing_t>
  auto request(std::string_view method, std::string_view params = {}, const call_options& options = {},
               Token&& token = {}) {
    auto call = lease();
    if (const auto object = checked(*call, method, params)) {
      const json::value members(*object);
      const json::value name = json::find_member(members, detail::mirrored_member(method));
      auto& body = call->begin_request(call->keep(method), name.string().value_or(""), options);
      body.append(object->substr(1, object->find_last_not_of(" \t\r\n", object->size() - 2)));
      if (json::find_member(members, "_meta").present())
        call->fail(failure(errc::invalid_argument, "_meta belongs into call_options::meta"));
    }
    return detail::complete<json_text>(std::move(call), std::forward<Token>(token));
  }

  /// Sends any notification; complete when the server has accepted it. `params` as for `request()`.
  template <class Token = throwing_t>
  auto notify(std::string_view method, std::string_view params = {}, Token&& token = {}) {
    auto call = lease();
    if (const auto object = checked(*call, method, params)) {
      std::string message;
      rpc::write_notification(message, method, *object);
      call->begin_message(call->keep(method), message);
    }
    return detail::complete<void>(std::move(call), std::forward<Token>(token));
  }

  /// Asks for a sign of life (2025-11-25, Ping).
  template <class Token = throwing_t>
  auto ping(const call_options& options = {}, Token&& token = {}) {
    auto call = lease();
    call->begin_request("ping", {}, options);
    return detail::complete<void>(std::move(call), std::forward<Token>(token));
  }

  /// All tools that the server offers, from all pages (Tools, "Listing Tools"; Pagination).
  /// Errors: `errc::pagination_limit`, `errc::unexpected_result`.
  template <class Token = throwing_t>
  auto list_tools(const call_options& options = {}, Token&& token = {}) {
    return detail::complete<std::vector<tool>>(
        core_->executor, detail::session_core::collect_tools(core_, options), std::forward<Token>(token));
  }

  /// Calls a tool (Tools, "Calling Tools"). `arguments` is a JSON object.
  /// Result: the tool's answer, which may itself report an error (`tool_result::is_error()`).
  /// Errors: `errc::invalid_argument` where `arguments` is no JSON object.
  template <class Token = throwing_t>
  auto call_tool(std::string_view name, std::string_view arguments = {}, const call_options& options = {},
                 Token&& token = {}) {
    auto call = lease();
    auto& params = call->begin_request("tools/call", name, options);
    params.append(R"("name":)");
    if (!json::writer(params).string(name).ok())
      call->fail(failure(errc::invalid_argument, "the tool's name is not UTF-8"));
    if (const auto object = checked(*call, arguments)) params.append(R"(,"arguments":)", *object);
    return detail::complete<tool_result>(std::move(call), std::forward<Token>(token));
  }

  /// Receives what the server says unasked, such as `notifications/tools/list_changed`, for as long as the
  /// operation is not cancelled and the client not closed (2025-11-25, "Listening for Messages from the
  /// Server"). A stream that breaks is taken up again, also on a new session. `on_notification` must live
  /// until then. Completes at once, and well, where the server offers no such stream (405).
  /// Errors: `errc::unsupported_protocol_version` with servers of 2026-07-28, which have no such stream.
  template <class Token = throwing_t>
  auto listen(function_ref<void(const server_notification&)> on_notification, Token&& token = {}) {
    auto call = lease();
    call->begin_listening(on_notification);
    return detail::complete<void>(std::move(call), std::forward<Token>(token));
  }

  /// Ends everything that is under way with `errc::client_closed`, and tells a server that keeps a session
  /// (HTTP DELETE) within 5 s. With a store, what is left there may take as long again for each operation of
  /// the store. Later operations fail. Never fails itself.
  template <class Token = throwing_t>
  auto close(Token&& token = {}) {
    return detail::complete<void>(core_->executor, detail::session_core::close<Token>(core_),
                                  std::forward<Token>(token));
  }

  asio::any_io_executor get_executor() const noexcept { return core_->executor; }

  /// What the server says of itself; empty before the session is open.
  const server_description& server() const noexcept { return core_->server(); }
  /// The protocol revision agreed on; empty before the session is open.
  const std::string& protocol_version() const noexcept { return core_->version; }
  /// How the connection stands.
  const connection_status& status() const noexcept { return core_->board.status(); }
  /// The status once it is newer than revision `seen`: of several changes meanwhile only the newest is told,
  /// so that who looks seldom misses nothing that still holds. Errors: `errc::client_closed` once that state
  /// was seen, `errc::cancelled`.
  ///
  ///     for (auto now = client.status(); ; now = co_await client.status_after(now.revision)) show(now);
  template <class Token = throwing_t>
  auto status_after(std::uint64_t seen, Token&& token = {}) {
    return detail::complete<connection_status>(core_->executor, watch<Token>(core_, seen),
                                               std::forward<Token>(token));
  }
  const connection_counters& counters() const noexcept { return core_->counters; }
  /// What another process needs to go on with this session.
  session_state save() const { return core_->save(); }

 protected:
  /// With a `scope`: another handle of a session that belongs to somebody else.
  explicit operations(std::shared_ptr<detail::session_core> core, detail::call_scope* scope = nullptr)
      : core_(std::move(core)), scope_(scope) {}
  ~operations() {
    if (core_ && scope_ == nullptr) core_->shut();
  }

  detail::call_lease lease() {
    auto leased = core_->lease();
    if (scope_ != nullptr) leased->belong_to(*scope_);
    return leased;
  }

  std::shared_ptr<detail::session_core> core_;
  detail::call_scope* scope_;

 private:
  /// The JSON object that the caller gave; empty text stands for an empty one. Fails the call otherwise.
  std::optional<std::string_view> checked(detail::call& call, std::string_view object) const {
    if (object.empty()) return "{}";
    const auto valid = json::validate(object, core_->options.limits.json_depth);
    if (valid && valid->is_object()) return valid->text();
    call.fail(failure(errc::invalid_argument, valid ? "not a JSON object" : "not valid JSON"));
    return std::nullopt;
  }

  /// The method stands in the message and in a header field as it is.
  std::optional<std::string_view> checked(detail::call& call, std::string_view method,
                                          std::string_view params) const {
    const auto is_plain = [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; };
    if (!method.empty() && std::ranges::all_of(method, is_plain)) return checked(call, params);
    call.fail(failure(errc::invalid_argument, "not a method"));
    return std::nullopt;
  }

  template <class Form>
  static asio::awaitable<result<connection_status>> watch(std::shared_ptr<detail::session_core> core,
                                                          std::uint64_t seen) {
    std::error_code ec;
    while (core->board.status().revision <= seen) {
      if (core->board.state() == connection_state::closed) co_return errc::client_closed;
      const auto cancellation = co_await asio::this_coro::cancellation_state;
      if (cancellation.cancelled() != asio::cancellation_type::none) co_return errc::cancelled;
      co_await core->changed.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
    co_return core->board.status();
  }
};

}  // namespace mcp::inline v0
