// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/evidence.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/status.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mcp::inline v0 {

/// One attempt that has ended.
struct attempt_event {
  std::string_view method;   ///< of the JSON-RPC message; "GET" for a stream that is listened to
  std::size_t number = 1;    ///< among the attempts of its call
  bool resuming = false;     ///< it took up the stream of an attempt before it
  std::uint64_t generation;  ///< of the session
  const evidence& seen;
  const failure* why = nullptr;  ///< null: it brought the answer
  std::chrono::milliseconds delay{0};
  std::chrono::microseconds elapsed{0};
  /// What follows: "end", "outcome_unknown", "replay" or "resume", after `next_delay`.
  std::string_view next = "end";
  std::chrono::milliseconds next_delay{0};
};

/// Sees what a client does; derive from it and override what is of interest.
///
/// Called synchronously on the client's executor: return quickly, throw nothing. Never given a secret.
class observer {
 public:
  virtual ~observer() = default;

  virtual void attempt_finished(const attempt_event& event) { static_cast<void>(event); }
  virtual void state_changed(const connection_status& status) { static_cast<void>(status); }
  /// A new session stands in the place of one that was lost; `generation` is the new one's.
  virtual void session_replaced(std::uint64_t generation) { static_cast<void>(generation); }
  /// The store could not be read or written, or holds something damaged. Calls go on without it.
  virtual void store_failed(const failure& why) { static_cast<void>(why); }
  /// An event stream asked for a reconnection time out of range (`retry:`), and gets another one.
  virtual void reconnection_clamped(std::uint64_t asked_ms, std::chrono::milliseconds used) {
    static_cast<void>(asked_ms), static_cast<void>(used);
  }
  /// The server sent something that was skipped because it has no meaning where it came
  /// (for instance `errc::rpc_unexpected_id`).
  virtual void message_ignored(const failure& why) { static_cast<void>(why); }
};

}  // namespace mcp::inline v0
