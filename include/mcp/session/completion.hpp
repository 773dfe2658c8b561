// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/error.hpp>
#include <mcp/base/result.hpp>
#include <mcp/http/driver.hpp>
#include <mcp/session/core.hpp>
#include <mcp/types/json_text.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/associator.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/dispatch.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/this_coro.hpp>

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
  static type unwrap(result<T> outcome) { return outcome; }
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

/// Awaits `operation` on its client's executor only: on another, nothing of it runs.
template <class Output, class T>
asio::awaitable<typename Output::type> awaited_on(asio::any_io_executor executor,
                                                  asio::awaitable<result<T>> operation) {
  const asio::any_io_executor here = co_await asio::this_coro::executor;
  result<T> outcome = errc::wrong_executor;
  if (here == executor) outcome = co_await std::move(operation);
  co_return Output::unwrap(std::move(outcome));
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
    return awaited_on<rethrowing<T>>(executor, std::move(operation));
  } else if constexpr (std::is_same_v<std::decay_t<Token>, as_result_t>) {
    return awaited_on<returning<T>>(executor, std::move(operation));
  } else {
    return asio::async_initiate<Token, void(result<T>)>(initiate_spawn{}, token, executor,
                                                        std::move(operation));
  }
}

/// Hands the outcome of a call to the handler of any completion token, on the handler's own executor. What an
/// application's callback has thrown, or `std::bad_alloc`, comes out of the execution context's `run()`.
template <class Handler, class T>
class token_handler {
 public:
  using allocator_type = asio::associated_allocator_t<Handler>;
  using cancellation_slot_type = asio::associated_cancellation_slot_t<Handler>;
  allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler_); }
  cancellation_slot_type get_cancellation_slot() const noexcept {
    return asio::get_associated_cancellation_slot(handler_);
  }

  token_handler(Handler handler, const asio::any_io_executor& otherwise)
      : handler_(std::move(handler)), work_(asio::make_work_guard(handler_, otherwise)) {}

  void operator()(const std::exception_ptr& fault, result<T> outcome) {
    if (fault) std::rethrow_exception(fault);
    asio::dispatch(work_.get_executor(),
                   [handler = std::move(handler_), outcome = std::move(outcome)]() mutable {
                     std::move(handler)(std::move(outcome));
                   });
  }

 private:
  Handler handler_;
  asio::executor_work_guard<asio::associated_executor_t<Handler, asio::any_io_executor>> work_;
};

template <class T>
struct initiate_call {
  template <class Handler>
  void operator()(Handler&& handler, call_lease leased) const {
    token_handler<std::decay_t<Handler>, T> last(std::forward<Handler>(handler), leased->executor());
    http::initiate<returning<T>>()(std::move(last), std::move(leased));
  }
};

/// Completes a call in the form that `token` asks for; in no form with a coroutine of its own.
template <class T, class Token>
auto complete(call_lease&& leased, Token&& token) {
  if constexpr (std::is_same_v<std::decay_t<Token>, throwing_t>) {
    return http::drive<rethrowing<T>>(std::move(leased));
  } else if constexpr (std::is_same_v<std::decay_t<Token>, as_result_t>) {
    return http::drive<returning<T>>(std::move(leased));
  } else {
    return asio::async_initiate<Token, void(result<T>)>(initiate_call<T>(), token, std::move(leased));
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
