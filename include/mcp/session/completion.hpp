// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/http/driver.hpp>
#include <mcp/session/core.hpp>
#include <mcp/types/json_text.hpp>

#include <asio/associator.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>

#include <exception>
#include <type_traits>
#include <utility>

namespace mcp::inline v0 {

/// The form of an operation that is awaited and throws `mcp::error`; every operation's default.
struct throwing_t {};
inline constexpr throwing_t throwing{};

/// The form of an operation that is awaited and returns `mcp::result<T>` instead of throwing:
/// `auto answer = co_await client.call_tool("name", arguments, mcp::call_options{}, mcp::as_result);`
struct as_result_t {};
inline constexpr as_result_t as_result{};

namespace detail {

/// How the result of a call becomes what its operation returns.
template <class T>
struct decoded {
  static result<T> from(result<json_text>&& outcome) {
    if (!outcome) return std::move(outcome).error();
    return T(std::move(*outcome));
  }
};

template <>
struct decoded<void> {
  // By value: the answer's buffer goes back now.
  static result<void> from(result<json_text> outcome) {
    if (!outcome) return std::move(outcome).error();
    return {};
  }
};

template <class T>
struct returning {
  using type = result<T>;
  static type from(call& done) { return decoded<T>::from(done.take_outcome()); }
};

/// The library's one throw site.
template <class T>
struct rethrowing {
  using type = T;
  static type from(call& done) { return unwrap(returning<T>::from(done)); }
  static type unwrap(result<T> outcome) {
    if (!outcome) throw error(std::move(outcome).error());
    if constexpr (!std::is_void_v<T>) return std::move(*outcome);
  }
};

template <class T>
asio::awaitable<T> unwrapped(asio::awaitable<result<T>> operation) {
  auto outcome = co_await std::move(operation);
  co_return rethrowing<T>::unwrap(std::move(outcome));
}

/// Hands the outcome of a coroutine to the handler of any completion token.
template <class Handler, class T>
struct completion_bridge {
  Handler handler;

  void operator()(const std::exception_ptr& fault, result<T> outcome) {
    if (fault) std::rethrow_exception(fault);
    std::move(handler)(std::move(outcome));
  }
};

struct initiate_spawn {
  template <class Handler, class T>
  void operator()(Handler&& handler, asio::any_io_executor executor,
                  asio::awaitable<result<T>> operation) const {
    asio::co_spawn(executor, std::move(operation),
                   completion_bridge<std::decay_t<Handler>, T>{std::forward<Handler>(handler)});
  }
};

/// Completes `operation`, a coroutine, in the form that `token` asks for.
template <class T, class Token>
auto complete(const asio::any_io_executor& executor, asio::awaitable<result<T>> operation, Token&& token) {
  if constexpr (std::is_same_v<std::decay_t<Token>, throwing_t>) {
    return unwrapped<T>(std::move(operation));
  } else if constexpr (std::is_same_v<std::decay_t<Token>, as_result_t>) {
    return operation;
  } else {
    return asio::async_initiate<Token, void(result<T>)>(initiate_spawn{}, token, executor,
                                                        std::move(operation));
  }
}

/// Completes a call in the form that `token` asks for; in the awaited forms with a single coroutine frame.
template <class T, class Token>
auto complete(call_lease&& leased, Token&& token) {
  if constexpr (std::is_same_v<std::decay_t<Token>, throwing_t>) {
    return http::drive<rethrowing<T>>(std::move(leased));
  } else {
    const auto executor = leased->executor();
    return complete<T>(executor, http::drive<returning<T>>(std::move(leased)), std::forward<Token>(token));
  }
}

}  // namespace detail
}  // namespace mcp::inline v0

template <template <class, class> class Associator, class Handler, class T, class Default>
struct asio::associator<Associator, mcp::detail::completion_bridge<Handler, T>, Default>
    : Associator<Handler, Default> {
  using bridge = mcp::detail::completion_bridge<Handler, T>;

  static auto get(const bridge& from) noexcept { return Associator<Handler, Default>::get(from.handler); }
  static auto get(const bridge& from, const Default& otherwise) noexcept {
    return Associator<Handler, Default>::get(from.handler, otherwise);
  }
};
