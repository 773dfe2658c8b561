// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/session/completion.hpp>
#include <mcp/session/core.hpp>
#include <mcp/session/operations.hpp>
#include <mcp/session/options.hpp>

#include <asio/any_io_executor.hpp>

#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// One protocol session with one server, without any healing: opened once, lost for good when the server
/// loses it. `mcp::client` is what most programs want.
///
/// Belongs to one executor and is not thread-safe. Destruction ends what is under way, sends nothing and
/// never blocks.
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
};

}  // namespace mcp::inline v0
