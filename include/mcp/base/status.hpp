// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// How a connection to a server stands.
enum class connection_state {
  idle,                 ///< nothing has been sent yet
  connecting,           ///< a first session is being opened
  authorizing,          ///< a token is being got
  suspect,              ///< a session was taken over from elsewhere: the first answer will tell
  ready,                ///< the last thing that was heard of the server was an answer
  reconnecting,         ///< something broke and is being repaired
  needs_authorization,  ///< nothing goes on without a person, or a credential
  failed,               ///< given up; the next call tries again
  closed,               ///< for good
};

constexpr std::string_view to_string(connection_state state) noexcept {
  constexpr std::array<std::string_view, 9> names = {
      "idle",         "connecting",          "authorizing", "suspect", "ready",
      "reconnecting", "needs_authorization", "failed",      "closed"};
  return names[static_cast<std::size_t>(state)];
}

/// Whether a connection can go from one state to the other.
constexpr bool can_follow(connection_state from, connection_state to) noexcept {
  using enum connection_state;
  if (from == closed || to == idle) return false;
  if (to == closed) return true;
  switch (from) {
    case idle: return to == connecting || to == suspect;
    case ready:
    case suspect: return to != connecting && to != suspect;
    default: return true;
  }
}

/// A connection's state, and why it is in it.
struct connection_status {
  connection_state state = connection_state::idle;
  failure reason{};  ///< `connecting`, `reconnecting`, `needs_authorization`, `failed`: of what came before
  bool has_reason = false;     ///< whether there is one
  std::uint64_t revision = 0;  ///< counts the changes
};

/// What a client has done so far.
struct connection_counters {
  std::uint64_t attempts = 0;          ///< HTTP requests of calls
  std::uint64_t replays = 0;           ///< of these, those that sent a request again
  std::uint64_t resumes = 0;           ///< of these, those that took up a stream
  std::uint64_t sessions = 0;          ///< opened, the first one included
  std::uint64_t outcomes_unknown = 0;  ///< calls that ended with `errc::outcome_unknown`
};

namespace detail {

/// Keeps the status; whether anything changed. No I/O.
class status_board {
 public:
  const connection_status& status() const noexcept { return status_; }
  connection_state state() const noexcept { return status_.state; }

  bool set(connection_state to) {
    if (status_.state == to || !can_follow(status_.state, to)) return false;
    return put(to, failure(), false);
  }
  bool set(connection_state to, const failure& why) {
    const bool same = status_.state == to && status_.has_reason && status_.reason.code() == why.code() &&
                      status_.reason.http_status() == why.http_status();
    if (same || (status_.state != to && !can_follow(status_.state, to)) || to == connection_state::ready)
      return false;
    return put(to, why, true);
  }

 private:
  bool put(connection_state to, failure why, bool has_reason) {
    status_ = {to, std::move(why), has_reason, status_.revision + 1};
    return true;
  }

  connection_status status_;
};

}  // namespace detail
}  // namespace mcp::inline v0
