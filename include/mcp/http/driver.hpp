// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/error.hpp>
#include <mcp/http/exchange.hpp>

#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <system_error>
#include <utility>

namespace mcp::inline v0::http {

/// The one coroutine of a request: awaits what a machine asks for, until the machine is done.
///
/// `Owner` owns the machine for as long as the coroutine lives; destroying the coroutine at any point
/// abandons the request. `Output` turns a machine that is done into what the coroutine returns:
/// `static type from(machine&)`, the only part that may throw.
template <class Output, class Owner>
asio::awaitable<typename Output::type> drive(Owner machine) {
  const auto executor = co_await asio::this_coro::executor;
  if (executor != machine->executor()) machine->fail(errc::wrong_executor);
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  std::error_code ec;
  for (;;) {
    // Once cancelled, no further operation may be awaited: it would throw before it starts.
    if (cancellation.cancelled() != asio::cancellation_type::none) machine->cancel();
    switch (machine->advance()) {
      case action::wait:
        co_await machine->signal().async_wait(asio::redirect_error(asio::use_awaitable, ec));
        break;
      case action::read: {
        const auto target = machine->read_target();
        const std::size_t bytes =
            co_await machine->socket().async_read_some(target, asio::redirect_error(asio::use_awaitable, ec));
        if (cancellation.cancelled() == asio::cancellation_type::none) machine->received(bytes, ec);
        break;
      }
      case action::write:
        co_await machine->socket().async_wait(asio::ip::tcp::socket::wait_write,
                                              asio::redirect_error(asio::use_awaitable, ec));
        break;
      case action::done: co_return Output::from(*machine);
    }
  }
}

}  // namespace mcp::inline v0::http
