// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/event.hpp>
#include <mcp/base/result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace mcp::inline v0 {

namespace detail {

/// An operation that somebody waits for, or has waited for.
template <class T>
struct awaited_operation {
  explicit awaited_operation(const asio::any_io_executor& executor) : ended(executor) {}

  event ended;
  asio::cancellation_signal stop;
  std::exception_ptr thrown;
  std::optional<result<T>> outcome;
};

// So that of co_spawn there is one form for operations of all kinds: it takes long to compile.
template <class T>
asio::awaitable<void> carry_out(std::shared_ptr<awaited_operation<T>> shared,
                                asio::awaitable<result<T>> operation) {
  try {
    auto outcome = co_await std::move(operation);
    shared->outcome.emplace(std::move(outcome));
  } catch (...) {
    shared->thrown = std::current_exception();
  }
  shared->ended.notify();
}

}  // namespace detail

/// Awaits an operation, at most until `when`; then it is cancelled, and this ends with
/// `errc::deadline_exceeded` whether the operation minds or not. Likewise at terminal cancellation, with
/// `errc::cancelled`. So the operation must own, or keep alive, all that it uses.
template <class T>
asio::awaitable<result<T>> with_deadline(asio::any_io_executor executor, deadline_list& deadlines,
                                         deadline::time_point when, asio::awaitable<result<T>> operation) {
  const auto shared = std::make_shared<detail::awaited_operation<T>>(executor);
  asio::co_spawn(executor, detail::carry_out(shared, std::move(operation)),
                 asio::bind_cancellation_slot(shared->stop.slot(), asio::detached));
  const auto give_up = [&shared] { shared->ended.notify(); };
  const deadline_action limit(deadlines, when, give_up);
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  std::error_code ignored;
  while (!shared->outcome && !shared->thrown && !limit.passed() &&
         cancellation.cancelled() == asio::cancellation_type::none)
    co_await shared->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (shared->thrown) std::rethrow_exception(shared->thrown);
  if (!shared->outcome) {
    shared->stop.emit(asio::cancellation_type::terminal);
    co_return limit.passed() ? errc::deadline_exceeded : errc::cancelled;
  }
  co_return std::move(*shared->outcome);
}

}  // namespace mcp::inline v0
