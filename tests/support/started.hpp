// SPDX-License-Identifier: MIT
#pragma once

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace test {

/// Runs `context` until `done()`.
template <class Done>
void run_until(asio::io_context& context, Done done,
               std::chrono::steady_clock::duration most = std::chrono::seconds(20)) {
  const auto limit = std::chrono::steady_clock::now() + most;
  context.restart();
  while (!done() && context.run_one_until(limit) != 0) continue;
  if (!done()) FAIL("it hangs");
}

/// A coroutine that runs beside the test. Its result type must be default-constructible.
template <class T>
class started {
 public:
  started(asio::io_context& context, asio::awaitable<T> operation) : context_(context) {
    asio::co_spawn(context, std::move(operation),
                   asio::bind_cancellation_slot(state_->stop.slot(),
                                                [state = state_](const std::exception_ptr& thrown, T value) {
                                                  state->thrown = thrown;
                                                  state->value.emplace(std::move(value));
                                                }));
  }

  bool done() const noexcept { return state_->value.has_value(); }
  void cancel() { state_->stop.emit(asio::cancellation_type::terminal); }

  /// Runs the context until the coroutine is done, and gives what it returned or throws what it threw.
  T& wait() & {
    run_until(context_, [this] { return done(); });
    if (state_->thrown) std::rethrow_exception(state_->thrown);
    return *state_->value;
  }
  T wait() && { return std::move(wait()); }

 private:
  struct shared {
    asio::cancellation_signal stop;
    std::optional<T> value;
    std::exception_ptr thrown;
  };

  asio::io_context& context_;
  std::shared_ptr<shared> state_ = std::make_shared<shared>();
};

template <class T>
started<T> start(asio::io_context& context, asio::awaitable<T> operation) {
  return started<T>(context, std::move(operation));
}

}  // namespace test
