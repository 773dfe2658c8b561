// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/error.hpp>
#include <mcp/base/result.hpp>

#include <asio/awaitable.hpp>
#include <asio/error.hpp>

#include <memory>
#include <new>
#include <system_error>
#include <type_traits>

namespace mcp::inline v0::detail {

/// Awaits operations of a user's class, of which it is a template so that only who has one compiles it.
template <class Wrapped>
struct guarded {
  /// Keeps `owner`, and what `operation` holds, alive meanwhile. What is thrown is the failure `otherwise`,
  /// or `errc::cancelled` where Asio says so; only `std::bad_alloc` comes through.
  template <class Operation>
  static auto run([[maybe_unused]] std::shared_ptr<void> owner, Operation operation, errc otherwise)
      -> std::invoke_result_t<Operation&> {
    try {
      co_return co_await operation();
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::system_error& thrown) {
      if (thrown.code() == asio::error::operation_aborted) co_return errc::cancelled;
    } catch (...) {
    }
    co_return failure(otherwise, "it threw an exception");  // whose text might hold anything
  }
};

}  // namespace mcp::inline v0::detail
