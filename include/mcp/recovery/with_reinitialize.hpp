// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/attempt.hpp>
#include <mcp/base/result.hpp>
#include <mcp/policy/recovery.hpp>
#include <mcp/session/completion.hpp>
#include <mcp/session/core.hpp>
#include <mcp/session/session.hpp>

#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// What an operation brought, and the attempts that brought nothing before it did.
template <class T>
struct recovered {
  T value{};
  std::vector<attempt> attempts{};
};

template <>
struct recovered<void> {
  std::vector<attempt> attempts{};
};

/// How hard `with_reinitialize` tries.
struct reinitialize_policy {
  /// `replay_policy::trusted_annotations` counts as `never` here, where nothing is known of tools.
  recovery_options recovery{};
  /// After so long nothing is begun any more; zero: no limit. What is under way has its own time limits.
  std::chrono::milliseconds timeout{0};
};

namespace detail {

template <class T>
struct awaited;
template <class T>
struct awaited<asio::awaitable<T>> {
  using type = T;
  static constexpr bool throws = true;
};
template <class T>
struct awaited<asio::awaitable<result<T>>> {
  using type = T;
  static constexpr bool throws = false;
};
template <class Operation>
using awaited_by = awaited<std::invoke_result_t<Operation&, session&>>;

/// One run of `with_reinitialize`, apart from what it awaits.
class reinitialize_run {
 public:
  using time_point = deadline_list::time_point;

  /// `how` must outlive it.
  reinitialize_run(const session& on, const reinitialize_policy& how)
      : core_(recovery_access::core(on)),
        policy_(how),
        until_(how.timeout.count() == 0 ? time_point::max() : core_->deadlines->now() + how.timeout) {}

  const std::shared_ptr<session_core>& core() const noexcept { return core_; }

  /// The operation, or a repair (`repairing`), has failed: what now?
  recovery_step failed(const failure& why, bool repairing, bool has_acted = false) {
    const auto made = why.attempts();
    std::ranges::copy(made, std::back_inserter(history_));
    if (made.empty()) return {};
    const attempt& last = made.back();
    failure seen_as = why;  // not as what the call made of it
    if (why.code() == errc::outcome_unknown) seen_as.with_code(last.code);
    const bool always = policy_.recovery.replay == replay_policy::always;
    const bool read = repairing || is_read(last.method);
    attempt_report report{.why = seen_as,
                          .seen = last.seen,
                          .era = last.era,
                          .named_session = last.named_session,
                          .resuming = last.resuming,
                          .repeatable = read};
    const auto strictly = classify(report).call;
    in_doubt_ =
        in_doubt_ || (!read && (strictly == next_step::outcome_unknown || strictly == next_step::resume));
    const bool harmless = report.repeatable = read || always;
    auto step = plan_.next(report, {.options = policy_.recovery,
                                    .health = *core_->health,
                                    .now = core_->deadlines->now(),
                                    .deadline = until_,
                                    .wall_clock = core_->deadlines->wall_clock(),
                                    .in_doubt = in_doubt_,
                                    .charged = !repairing});
    // The session takes up streams by itself: what it has given up is in doubt.
    if (step.call == next_step::resume) step.call = harmless ? next_step::replay : next_step::outcome_unknown;
    if (!repairing) generation_ = last.generation;
    if (repairing && in_doubt_ && step.call == next_step::end) step.call = next_step::outcome_unknown;
    // To begin anew would repeat what the operation has done before it failed.
    if (has_acted && !always && step.call == next_step::replay) step.call = next_step::end;
    return step;
  }

  /// It was open once, and is not now.
  bool has_no_session() const noexcept {
    return core_->generation != 0 && core_->state != channel::phase::ready &&
           core_->state != channel::phase::closed;
  }

  /// Gives up the session on which the operation failed, if that helps and nobody has done so since.
  void discard(repair what, const failure& why) {
    if (policy_.recovery.on_session_loss == session_loss::replace) core_->reopen_soon(what, generation_, why);
  }

  failure conclude(failure why, next_step how) {
    if (how == next_step::outcome_unknown) why.with_code(errc::outcome_unknown);
    if (!history_.empty()) why.with_attempts(std::move(history_));
    return why;
  }

  void give_history(std::vector<attempt>& to) noexcept { history_.swap(to); }

 private:
  std::shared_ptr<session_core> core_;
  const reinitialize_policy& policy_;
  time_point until_;
  recovery_plan plan_;
  std::uint64_t generation_ = 0;
  bool in_doubt_ = false;  // a run may have been acted on
  std::vector<attempt> history_;
};

/// Opens the session again, and tries until it is open or that is not worth it any more.
template <class Form>
asio::awaitable<result<void>> reopen(reinitialize_run& run) {
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  for (;;) {
    auto opened = co_await session_core::open(run.core());
    if (cancellation.cancelled() != asio::cancellation_type::none)
      co_return run.conclude(errc::cancelled, next_step::end);
    if (opened) co_return opened;
    failure why = std::move(opened).error();
    const auto step = run.failed(why, true);
    if (step.call != next_step::replay) co_return run.conclude(std::move(why), step.call);
    const auto until = run.core()->deadlines->now() + step.delay;
    if (step.delay.count() != 0) co_await session_core::pause(run.core(), until);
    if (cancellation.cancelled() != asio::cancellation_type::none)
      co_return run.conclude(errc::cancelled, next_step::end);
  }
}

/// What an operation brought, in the form that `Form` (`throwing_t` or `as_result_t`) asks for.
template <class Form, class T>
auto in_form(result<T> outcome) {
  if constexpr (std::is_same_v<Form, throwing_t>) {
    return rethrowing<T>::unwrap(std::move(outcome));
  } else {
    return outcome;
  }
}
template <class Form, class T>
using form_of = decltype(in_form<Form, T>(std::declval<result<T>>()));

template <class Form, class T, class Operation>
asio::awaitable<form_of<Form, recovered<T>>> reinitialize(session& on, Operation operation,
                                                          reinitialize_policy policy) {
  reinitialize_run run(on, policy);
  call_scope scope(recovery_access::scope(on));
  for (;; scope.begin_anew()) {
    if (run.has_no_session()) {
      auto opened = co_await reopen<Form>(run);
      if (!opened) co_return in_form<Form, recovered<T>>(std::move(opened).error());
    }
    session handle = recovery_access::within(on, scope);
    recovered<T> brought;
    std::optional<failure> why;
    if constexpr (!awaited_by<Operation>::throws) {
      auto outcome = co_await operation(handle);
      if (!outcome) {
        why = std::move(outcome).error();
      } else if constexpr (!std::is_void_v<T>) {
        brought.value = *std::move(outcome);
      }
    } else {
      try {
        if constexpr (std::is_void_v<T>) {
          co_await operation(handle);
        } else {
          brought.value = co_await operation(handle);
        }
      } catch (const error& thrown) {
        why = thrown.why();
      }
    }
    if (!why) {
      run.give_history(brought.attempts);
      co_return std::move(brought);
    }
    const auto step = run.failed(*why, false, scope.acted());
    // Where the operation ends, the session is repaired for the next one.
    run.discard(step.first, *why);
    if (step.call != next_step::replay)
      co_return in_form<Form, recovered<T>>(run.conclude(std::move(*why), step.call));
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto until = run.core()->deadlines->now() + step.delay;
    if (cancellation.cancelled() == asio::cancellation_type::none && step.delay.count() != 0)
      co_await session_core::pause(run.core(), until);
    if (cancellation.cancelled() != asio::cancellation_type::none)
      co_return in_form<Form, recovered<T>>(run.conclude(errc::cancelled, next_step::end));
  }
}

}  // namespace detail

/// Runs `operation(session)` and heals the session around it: where the evidence is certain that the server
/// refused the request before it acted on it (a lost session, no connection, 429, 503 with `Retry-After`),
/// the cause is repaired and the operation run again; where it is not, the operation ends with
/// `errc::outcome_unknown`, unless it only read or `replay_policy::always` allows more (see `classify()`).
///
///     const auto add = [](mcp::session& on) { return on.call_tool("add", R"({"a":1,"b":2})"); };
///     auto answer = co_await mcp::with_reinitialize(session, add);
///     std::cout << answer.value.text();
///
/// `operation` takes a handle of the session, which lives for one run of it, must use that one, and returns
/// `asio::awaitable<T>`, or `asio::awaitable<mcp::result<T>>` and then does not throw. It may make several
/// requests: once one that is no read may have been acted on, it is not begun anew, and its failure stands.
///
/// However many operations meet the loss of a session, one new session is opened, and a late failure never
/// touches a newer session. Cancelling an operation does not cancel the repair that others wait for.
///
/// Result: `recovered<T>`, with the history of the attempts; errors carry theirs in `attempts()`.
/// Cancellation: terminal, as for the operation itself. `session` must live until it completes.
template <class Operation, class Token = throwing_t>
auto with_reinitialize(session& session, Operation operation, reinitialize_policy policy = {},
                       Token&& token = {}) {
  using part = typename detail::awaited_by<Operation>::type;
  using form = std::decay_t<Token>;
  if constexpr (std::is_same_v<form, throwing_t> || std::is_same_v<form, as_result_t>) {
    return detail::reinitialize<form, part>(session, std::move(operation), policy);
  } else {
    return detail::complete<recovered<part>>(
        session.get_executor(),
        detail::reinitialize<as_result_t, part>(session, std::move(operation), policy),
        std::forward<Token>(token));
  }
}

}  // namespace mcp::inline v0
