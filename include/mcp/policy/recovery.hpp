// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/policy/backoff.hpp>
#include <mcp/policy/origin_health.hpp>
#include <mcp/policy/outcome.hpp>
#include <mcp/policy/replay.hpp>
#include <mcp/policy/retry_after.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace mcp::inline v0 {

/// What becomes of a call whose session the server has lost.
enum class session_loss {
  replace,  ///< a new session is opened, and the call goes on there
  fail,     ///< it ends with `errc::session_lost`; for callers whose server keeps state in the session
};

/// How hard a client tries. Whatever is allowed here ends at the call's own deadline.
struct recovery_options {
  /// When a call that may have run already is sent again. A call may choose for itself.
  replay_policy replay = replay_policy::never;
  session_loss on_session_loss = session_loss::replace;
  /// Between attempts, where the server does not say how long.
  backoff schedule{};
  /// Attempts in a row that wait for a server in trouble.
  unsigned max_retries = 8;
  /// `Retry-After` counts up to this.
  std::chrono::seconds most_retry_after{300};
  /// `retry:` of an event stream is brought into this range.
  std::chrono::milliseconds least_reconnection{50}, most_reconnection{300'000};
  /// An event stream on which nothing came for so long, not even a comment, counts as broken.
  std::chrono::milliseconds stream_idle{300'000};
};

/// How a call goes on, and when.
struct recovery_step {
  next_step call = next_step::end;
  repair first = repair::none;
  std::chrono::milliseconds delay{0};

  friend bool operator==(const recovery_step&, const recovery_step&) = default;
};

/// What a plan needs to know besides the attempt.
struct recovery_context {
  const recovery_options& options;
  origin_health& health;
  std::chrono::steady_clock::time_point now;
  std::chrono::steady_clock::time_point deadline;  ///< of the call: no wait reaches beyond it
  std::chrono::system_clock::time_point wall_clock;
  std::optional<std::uint64_t> retry{};  ///< `retry:` of the stream that broke, in milliseconds
  bool advanced = false;                 ///< the attempt brought events: it was not in vain
  bool in_doubt = false;                 ///< an attempt before this one may have run
  bool patient = false;                  ///< there is no end to it: a stream that is kept open
  bool authorizes = false;               ///< somebody can be asked for other credentials
  bool charged = true;                   ///< whether the budget is: not where others wait for the same
};

/// The bounds of one call over all of its attempts: `classify()` says what would be right, this says how
/// often, and after which delay. One session, one version, one renewal of the credentials, and `max_retries`
/// waits in a row, which the budget of the origin must grant where the server gave no answer or asked for
/// patience.
class recovery_plan {
 public:
  recovery_step next(const attempt_report& report, const recovery_context& in) {
    const decision wanted = classify(report);
    recovery_step step{.call = wanted.call, .first = wanted.first};
    if (wanted.call == next_step::end || wanted.call == next_step::outcome_unknown) return step;
    const bool unknown = in.in_doubt || (wanted.call == next_step::resume && !report.repeatable);
    const recovery_step given_up{.call = unknown ? next_step::outcome_unknown : next_step::end,
                                 .first = wanted.first};
    if (in.advanced) retries_ = 0;
    if (in.advanced && in.patient) sessions_ = versions_ = renewals_ = 0;
    if (!may_repair(wanted.first, in)) return given_up;
    if (!wanted.wait) return step;

    if (!in.patient) {
      if (retries_ >= in.options.max_retries) return given_up;
      const bool charged =
          !proves_alive(report.seen) || report.seen.status == 429 || report.seen.status == 503;
      if (in.charged && charged && !in.health.budget.withdraw(in.now)) return given_up;
    }
    step.delay = delay(report, wanted, in);
    ++retries_;
    return in.now + step.delay < in.deadline ? step : given_up;
  }

 private:
  /// Before a stream that is kept open is opened again, where the server does not say (HTML §9.2.3: "a few
  /// seconds").
  static constexpr std::chrono::milliseconds reconnection{1'000};

  bool may_repair(repair what, const recovery_context& in) noexcept {
    switch (what) {
      case repair::none: return true;
      case repair::session: return in.options.on_session_loss == session_loss::replace && sessions_++ == 0;
      case repair::version: return versions_++ == 0;
      case repair::token:
      case repair::scope: return in.authorizes && renewals_++ == 0;
      case repair::headers: return false;  // nobody here who could
    }
    return false;
  }

  std::chrono::milliseconds delay(const attempt_report& report, const decision& wanted,
                                  const recovery_context& in) const {
    const auto& how = in.options;
    if (const auto asked = parse_retry_after(report.seen.retry_after, in.wall_clock, how.most_retry_after))
      return in.patient ? std::max<std::chrono::milliseconds>(*asked, reconnection) : *asked;
    if (wanted.call == next_step::resume && in.retry)
      return clamp_retry(*in.retry, how.least_reconnection, how.most_reconnection).delay;
    const auto jittered = how.schedule.delay(retries_, in.health.random());
    return in.patient ? std::max(jittered, reconnection) : jittered;
  }

  unsigned retries_ = 0;  // in a row, without anything gained
  unsigned sessions_ = 0;
  unsigned versions_ = 0;
  unsigned renewals_ = 0;
};

}  // namespace mcp::inline v0
