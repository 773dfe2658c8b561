// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/attempt.hpp>
#include <mcp/base/observer.hpp>
#include <mcp/policy/recovery.hpp>
#include <mcp/session/channel.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// The attempts of one call: what is known of the one under way, and what is told of all.
class attempts {
 public:
  using time_point = deadline_list::time_point;

  // The attempt under way.
  std::uint64_t generation = 0;  ///< of the session that it is made on
  protocol_era era = protocol_era::modern;
  std::uint64_t renewals = 0;  ///< of the credentials that it carries
  bool renewed = false;        ///< these replace some that were refused
  bool named_session = false;  ///< it carries `Mcp-Session-Id`
  bool resuming = false;       ///< it is a GET that takes up the stream of an attempt before it
  bool advanced = false;       ///< its stream has shown an event id that is new
  time_point began{};
  std::chrono::milliseconds delay{0};  ///< waited before it

  void begin(const channel& on) noexcept {
    generation = on.generation;
    era = on.era;
    renewals = on.renewals;
    named_session = era == protocol_era::legacy && !on.session_id.empty();
    advanced = false;
  }

  attempt_report report(const failure& why, const evidence& seen, bool repeatable) const noexcept {
    return {.why = why,
            .seen = seen,
            .era = era,
            .named_session = named_session,
            .resuming = resuming,
            .repeatable = repeatable,
            .token_renewed = renewed};
  }

  /// It brought no answer.
  void remember(const channel& on, std::string_view method, const failure& why, const evidence& seen) {
    ++failed_;
    if (history_.size() == most_remembered) history_.erase(history_.begin() + 1);
    history_.push_back({.method = std::string(method),
                        .code = why.code(),
                        .seen = seen,
                        .era = era,
                        .generation = generation,
                        .named_session = named_session,
                        .resuming = resuming,
                        .delay = delay,
                        .elapsed = elapsed(on)});
  }

  /// It has ended, and been remembered if it brought no answer; `next` is what follows.
  void tell(observer& watching, const channel& on, std::string_view method, const failure* why,
            const evidence& seen, const recovery_step& next) const {
    constexpr std::array<std::string_view, 4> names = {"end", "outcome_unknown", "replay", "resume"};
    watching.attempt_finished({.method = method,
                               .number = failed_ + (why == nullptr ? 1 : 0),
                               .resuming = resuming,
                               .generation = generation,
                               .seen = seen,
                               .why = why,
                               .delay = delay,
                               .elapsed = elapsed(on),
                               .next = names[static_cast<std::size_t>(next.call)],
                               .next_delay = next.delay});
  }

  /// Gives the history to the failure of the call; where memory is short, it comes without.
  void tell(failure& why) noexcept try {
    if (!history_.empty()) why.with_attempts(std::move(history_));
  } catch (const std::bad_alloc&) {
  }

  void clear() noexcept {
    history_.clear();
    failed_ = 0;
    resuming = renewed = false;
    delay = {};
  }

 private:
  /// Attempts of which a failure tells: the first one and the last ones.
  static constexpr std::size_t most_remembered = 16;

  std::chrono::microseconds elapsed(const channel& on) const {
    return std::chrono::duration_cast<std::chrono::microseconds>(on.deadlines->now() - began) - delay;
  }

  std::vector<attempt> history_;
  std::size_t failed_ = 0;  // of which it tells
};

}  // namespace mcp::inline v0::detail
