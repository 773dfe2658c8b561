// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/evidence.hpp>
#include <mcp/base/result.hpp>

#include <string_view>

namespace mcp::inline v0 {

/// Sees what a client does; derive from it and override what is of interest.
///
/// Called synchronously on the client's executor: return quickly, throw nothing. Never given a secret.
class observer {
 public:
  virtual ~observer() = default;

  /// An HTTP exchange for the JSON-RPC method `method` ended, well (`why` is null) or badly.
  virtual void exchange_finished(std::string_view method, const evidence& seen, const failure* why) {
    static_cast<void>(method), static_cast<void>(seen), static_cast<void>(why);
  }

  /// The server sent something that was skipped because it has no meaning where it came
  /// (for instance `errc::rpc_unexpected_id`).
  virtual void message_ignored(const failure& why) { static_cast<void>(why); }
};

}  // namespace mcp::inline v0
