// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/error.hpp>
#include <mcp/http/exchange.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/associated_allocator.hpp>
#include <asio/associated_cancellation_slot.hpp>
#include <asio/associated_executor.hpp>
#include <asio/async_result.hpp>
#include <asio/awaitable.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace mcp::inline v0::http {

/// The one asynchronous operation of a request: waits for what a machine asks for, until the machine is done.
/// It is itself the handler of all that it waits for, and everything happens on the machine's executor.
///
/// `Owner` owns the machine for as long as the operation lives; destroying it at any point abandons the
/// request. `Output` turns a machine that is done into the outcome: `static type from(machine&)`. Then the
/// machine is given back, and last `Handler` is called with an `std::exception_ptr` and, unless that is void,
/// a `type`. What the machine or `Output` throws is what the pointer points to.
template <class Output, class Owner, class Handler>
class operation {
 public:
  using allocator_type = asio::associated_allocator_t<Handler>;
  allocator_type get_allocator() const noexcept { return asio::get_associated_allocator(handler_); }

  operation(Owner machine, Handler handler) : machine_(std::move(machine)), handler_(std::move(handler)) {}

  /// Begins. The handler is not called from here, and its executor must be the machine's. Throws only where
  /// there is no memory to call the handler later.
  void start() {
    asio::any_io_executor executor = asio::get_associated_executor(handler_, machine_->executor());
    std::exception_ptr fault;
    try {
      if (begin(executor)) return;
    } catch (...) {
      fault = std::current_exception();
    }
    asio::post(executor, [self = std::move(*this), fault]() mutable { self.complete(fault); });
  }

  /// A read has ended.
  void operator()(const std::error_code& ec, std::size_t bytes) {
    resume([&] { machine_->received(bytes, ec); });
  }

  /// A wait has ended. The machine knows why.
  void operator()(const std::error_code&) {
    resume([] {});
  }

 private:
  bool begin(const asio::any_io_executor& executor) {
    if (executor != machine_->executor()) machine_->fail(errc::wrong_executor);
    accept_cancellation();
    return proceed();
  }

  template <class Report>
  void resume(Report report) {
    std::exception_ptr fault;
    try {
      report();
      if (proceed()) return;
    } catch (...) {
      fault = std::current_exception();
    }
    complete(std::move(fault));
  }

  /// Whether there is something to wait for; then this object has moved to where it waits. If that cannot
  /// begin, it throws and this object is as it was: Asio first gets the memory, then moves the handler.
  bool proceed() {
    auto& machine = *machine_;
    switch (machine.advance()) {
      case action::wait: wait(); return true;
      case action::read: {
        const auto target = machine.read_target();
        machine.socket().async_read_some(target, std::move(*this));
        return true;
      }
      case action::write:
        machine.socket().async_wait(asio::ip::tcp::socket::wait_write, std::move(*this));
        return true;
      case action::done: break;
    }
    return false;
  }

  /// A timer is the exception: it may need more memory when it has the handler already, which is then lost.
  void wait() {
    auto& signal = machine_->signal();
    const auto aside = std::make_shared<operation>(std::move(*this));
    try {
      signal.async_wait([aside](const std::error_code& ec) { operation(std::move(*aside))(ec); });
    } catch (...) {
      std::destroy_at(this);
      std::construct_at(this, std::move(*aside));
      throw;
    }
  }

  void accept_cancellation() {
    auto& machine = *machine_;
    auto slot = asio::get_associated_cancellation_slot(handler_);
    if (slot.is_connected()) slot.assign([&machine](asio::cancellation_type) { machine.cancel(); });
    // A coroutine that Asio lets go on when it is cancelled already; the slot does not tell.
    if constexpr (requires { handler_.get_cancellation_state(); }) {
      if (handler_.get_cancellation_state().cancelled() != asio::cancellation_type::none) machine.cancel();
    }
  }

  void complete(std::exception_ptr fault) {
    using type = typename Output::type;
    const auto outcome = [&] {
      try {
        if (!fault) return Output::from(*machine_);
      } catch (...) {
        fault = std::current_exception();
      }
      return type();
    };
    const auto give_back = [&] {
      asio::get_associated_cancellation_slot(handler_).clear();
      const Owner back = std::move(machine_);
    };
    if constexpr (std::is_void_v<type>) {
      outcome();
      give_back();
      std::move(handler_)(std::move(fault));
    } else {
      type value = outcome();
      give_back();
      std::move(handler_)(std::move(fault), std::move(value));
    }
  }

  Owner machine_;
  Handler handler_;
};

template <class Output>
struct initiate {
  template <class Handler, class Owner>
  void operator()(Handler&& handler, Owner machine) const {
    operation<Output, Owner, std::decay_t<Handler>>(std::move(machine), std::forward<Handler>(handler))
        .start();
  }
};

template <class T>
struct completion_signature {
  using type = void(std::exception_ptr, T);
};
template <>
struct completion_signature<void> {
  using type = void(std::exception_ptr);
};

/// Performs the request of a machine when it is awaited. See `operation`.
template <class Output, class Owner>
asio::awaitable<typename Output::type> drive(Owner machine) {
  using signature = typename completion_signature<typename Output::type>::type;
  return asio::async_initiate<const asio::use_awaitable_t<>&, signature>(
      initiate<Output>(), asio::use_awaitable, std::move(machine));
}

}  // namespace mcp::inline v0::http
