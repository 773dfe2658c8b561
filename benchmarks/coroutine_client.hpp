// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/client.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <exception>

namespace bench {

/// What every client on coroutines shares: a block of calls is one coroutine, on a context of its own.
class coroutine_client : public client {
 public:
  void run(std::size_t calls, stopwatch* watch) final { complete(block(calls, watch)); }

 protected:
  virtual asio::awaitable<void> block(std::size_t calls, stopwatch* watch) = 0;

  /// Runs the context until `work` has ended, and no longer: a client's own timers must not hold it.
  void complete(asio::awaitable<void> work) {
    std::exception_ptr failure;
    asio::co_spawn(context_, std::move(work), [this, &failure](std::exception_ptr thrown) {
      failure = thrown;
      context_.stop();
    });
    context_.restart();
    context_.run();
    if (failure) std::rethrow_exception(failure);
  }

  asio::io_context context_{1};
};

}  // namespace bench
