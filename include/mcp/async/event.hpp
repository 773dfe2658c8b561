// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <utility>

namespace mcp::inline v0 {

/// Something that any number of coroutines of one executor wait for, as with a condition variable:
/// `while (!condition) co_await event.async_wait(...)`. On one executor nothing can come between the
/// look at the condition and the start of the wait, so no notification is lost.
class event {
 public:
  explicit event(const asio::any_io_executor& executor)
      : timer_(executor, asio::steady_timer::time_point::max()) {}

  /// Wakes everyone who waits now.
  void notify() { timer_.cancel(); }

  /// Completes with `void(std::error_code)` at the next `notify()`, or when the wait is cancelled
  /// through its slot. The code is always `operation_aborted`: look at the condition instead.
  template <class CompletionToken>
  auto async_wait(CompletionToken&& token) {
    return timer_.async_wait(std::forward<CompletionToken>(token));
  }

 private:
  asio::steady_timer timer_;
};

}  // namespace mcp::inline v0
