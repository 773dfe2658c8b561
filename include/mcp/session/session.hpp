// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/session/completion.hpp>
#include <mcp/session/core.hpp>
#include <mcp/session/operations.hpp>
#include <mcp/session/options.hpp>

#include <asio/any_io_executor.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

namespace detail {
struct recovery_access;
}

/// One protocol session with one server, without any healing: a call that fails, fails, though a stream that
/// breaks is taken up again. `mcp::with_reinitialize` heals it from outside; `mcp::client` does all of it,
/// and is what most programs want.
///
/// Belongs to one executor, as a client does. Destruction ends what is under way, sends nothing and never
/// blocks.
class session : public operations {
 public:
  /// Throws `mcp::error` (`errc::invalid_url`, `errc::invalid_argument`, `errc::invalid_header_value`) where
  /// the arguments cannot be used. Opens no connection.
  session(const asio::any_io_executor& executor, std::string_view url, client_options options = {})
      : operations(detail::session_core::create(executor, url, std::move(options)).value()) {}

  /// Goes on with a session that was opened elsewhere, as `save()` described it. Nothing is sent: whether the
  /// server still knows it, the first request will tell.
  session(const asio::any_io_executor& executor, std::string_view url, const session_state& saved,
          client_options options = {})
      : session(executor, url, std::move(options)) {
    core_->restore(saved).value();
  }

  /// Finds out which protocol revision the server speaks and, in the legacy era, opens a session
  /// (2026-07-28, Versioning, "Backward Compatibility"; 2025-11-25, Lifecycle). Everything else needs this
  /// first. Errors: those of the exchanges, `errc::unsupported_protocol_version`, `errc::unexpected_result`.
  template <class Token = throwing_t>
  auto open(Token&& token = {}) {
    return detail::complete<void>(core_->executor, detail::session_core::open(core_),
                                  std::forward<Token>(token));
  }

 private:
  friend struct detail::recovery_access;
  using operations::operations;
};

namespace detail {

/// What recovery needs to see of a session.
struct recovery_access {
  static const std::shared_ptr<session_core>& core(const session& of) noexcept { return of.core_; }
  /// Another handle of it, whose calls count together.
  static session within(const session& of, call_scope& scope) { return session(of.core_, &scope); }
  static call_scope* scope(const session& of) noexcept { return of.scope_; }
};

}  // namespace detail

}  // namespace mcp::inline v0
