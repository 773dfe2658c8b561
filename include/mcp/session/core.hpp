// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/http/driver.hpp>
#include <mcp/http/fetch.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/rpc/write.hpp>
#include <mcp/session/call.hpp>
#include <mcp/session/channel.hpp>
#include <mcp/session/era.hpp>
#include <mcp/session/keeping.hpp>  // IWYU pragma: keep
#include <mcp/session/kept_session.hpp>
#include <mcp/types/server.hpp>
#include <mcp/types/tool.hpp>

#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// One session with one server: keeps it open, for calls that wait, and closes it. Shared by the handles that
/// users hold and by the calls under way.
class session_core final : public kept_session {
 public:
  using time_point = deadline_list::time_point;

  /// Fails where the options or the URL cannot be used.
  static result<std::shared_ptr<session_core>> create(const asio::any_io_executor& executor,
                                                      std::string_view where, client_options how) {
    auto endpoint = url::parse(where);
    if (!endpoint) return std::move(endpoint).error();
    std::string client_info;
    json::writer write(client_info);
    implementation{how.name, how.version, {}}.write(write);
    if (!write.ok()) return failure(errc::invalid_argument, "client_options: name or version is not UTF-8");
    const auto capabilities = json::validate(how.capabilities);
    if (!capabilities || !capabilities->is_object())
      return failure(errc::invalid_argument, "client_options::capabilities is not a JSON object");
    if (how.max_connections == 0)
      return failure(errc::invalid_argument, "client_options::max_connections is 0");
    http::pool_options connections{.max_connections = how.max_connections,
                                   .connect_timeout = how.connect_timeout,
                                   .idle_timeout = how.idle_timeout,
                                   .tls = {},
                                   .policy = how.policy,
                                   .caps = how.limits};
    if (endpoint->is_tls()) {
      auto context = net::tls_context::create(how.tls);
      if (!context) return std::move(context).error();
      connections.tls = std::move(*context);
    }
    secret_text own_fields;
    for (const auto& [name, value] : how.headers) {
      const header field{name, value};
      if (auto added = append_fields(own_fields, {&field, 1}); !added) return std::move(added).error();
    }
    for (auto& [name, value] : how.headers) wipe(value.data(), value.size());
    how.headers.clear();
    auto pool =
        std::make_shared<http::pool>(executor, *endpoint, std::move(connections),
                                     deadline_list::make(executor, how.time), net::buffer_pool::make());
    auto core =
        std::make_shared<session_core>(executor, std::move(*endpoint), std::move(how), std::move(pool));
    core->client_info_ = std::move(client_info);
    core->own_fields_ = std::move(own_fields);
    return core;
  }

  using kept_session::kept_session;

  void open_soon() override {
    if (state != phase::idle) return;
    state = phase::opening;
    show(generation == 0 ? connection_state::connecting : connection_state::reconnecting);
    try {
      asio::co_spawn(executor, open_now(shared_from_base()), asio::detached);
    } catch (...) {
      if (state == phase::opening) state = phase::idle;
      throw;
    }
  }

  void repair_soon(repair what, std::uint64_t broken, const failure& why, const evidence& seen) override {
    if (!heals) return;
    if (what == repair::token || what == repair::scope) return renew_credentials_soon(broken, why, seen);
    if (options.recovery.on_session_loss == session_loss::replace) return reopen_soon(what, broken, why);
    if (discard(what, broken)) show(connection_state::failed, why);
  }

  void reopen_soon(repair what, std::uint64_t broken, const failure& why) {
    if (!discard(what, broken)) return;
    show(connection_state::reconnecting, why);
    open_soon();
  }

  /// Asks for other credentials. Calls wait meanwhile.
  void renew_credentials_soon(std::uint64_t refused, const failure& why, const evidence& seen) {
    if (!options.credentials || state != phase::ready || refused != renewals) return;
    state = phase::authorizing;
    show(connection_state::authorizing, why);
    try {
      asio::co_spawn(executor, renew_credentials(shared_from_base(), why, seen), asio::detached);
    } catch (...) {
      if (state == phase::authorizing) state = phase::ready;
      throw;
    }
  }

  /// Forgets the session of that generation; false if it is forgotten already, if that would mend nothing, or
  /// if it has to wait until credentials were asked for.
  bool discard(repair what, std::uint64_t broken) {
    const bool mends = what == repair::version || what == repair::session;
    if (!mends || !has_session() || broken != generation) return false;
    if (state == phase::authorizing) return lost_ = what, false;
    if (what == repair::version) known_ = {};
    forget_session();
    return true;
  }

  void learn_tools_soon() override {
    if (std::exchange(learning_, true)) return;
    try {
      asio::co_spawn(executor, learn_tools(shared_from_base()), asio::detached);
    } catch (...) {
      learning_ = false;
      throw;
    }
  }

  void post(std::string_view method, std::string_view message) override {
    if (state == phase::closed) return;
    auto leased = lease();
    leased->begin_message(leased->keep(method), message, call::admission::at_once);
    asio::co_spawn(executor, carry_out_alone(std::move(leased)), asio::detached);
  }

  /// All tools, from all pages.
  static asio::awaitable<result<std::vector<tool>>> collect_tools(std::shared_ptr<session_core> self,
                                                                  call_options how) {
    const auto until =
        self->deadlines->now() + (how.timeout.count() != 0 ? how.timeout : self->options.request_timeout);
    const bool looked = co_await look(self, until);
    if (!looked) co_return errc::deadline_exceeded;
    const auto& kept = self->kept_tools;
    if (!kept.tools.empty() && self->deadlines->wall_clock() < kept.until) co_return kept.tools;
    kept_list found{.tools = {}, .until = std::chrono::system_clock::time_point::max()};
    auto& tools = found.tools;
    std::string cursor;
    std::optional<std::uint64_t> of;  // the session that all pages so far are of; 0: of more than one
    const auto changes = self->lists_changed;
    for (std::size_t page = 0; page < self->options.limits.pages; ++page) {
      auto asked = self->lease();
      json::writer write(asked->begin_request("tools/list", {}, how));
      if (!cursor.empty()) write.key("cursor").string(cursor);
      auto answer = co_await http::drive<own_answer>(std::move(asked));
      if (!answer.outcome) co_return std::move(answer.outcome).error();
      if (of.value_or(answer.generation) != answer.generation) answer.generation = 0;
      of = answer.generation;
      auto parsed = list_tools_result::parse(json::value(answer.outcome->text()));
      if (!parsed) co_return std::move(parsed).error();
      std::ranges::move(parsed->tools, std::back_inserter(tools));
      found.until = std::min(found.until, self->deadlines->wall_clock() + parsed->cache.ttl);
      if (tools.size() > self->options.limits.list_items) break;
      if (!parsed->next_cursor) {
        if (self->has_session() && of == self->generation && changes == self->lists_changed) {
          self->learned(tools);
          if (found.until > self->deadlines->wall_clock()) self->keep_tools(found);
        }
        co_return std::move(tools);
      }
      if (*parsed->next_cursor == cursor) break;
      cursor = std::move(*parsed->next_cursor);
    }
    co_return failure(errc::pagination_limit);
  }

  /// Opens the session, or waits until an attempt that is under way has ended.
  static asio::awaitable<result<void>> open(std::shared_ptr<session_core> self) {
    if (self->state == phase::closed) co_return errc::client_closed;
    const auto before = self->openings_failed;
    self->open_soon();
    std::error_code ignored;
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while ((self->state == phase::opening || self->state == phase::authorizing) &&
           cancellation.cancelled() == asio::cancellation_type::none)
      co_await self->settled_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (self->state == phase::ready) co_return result<void>();
    if (self->state == phase::closed) co_return errc::client_closed;
    if (self->openings_failed == before) co_return errc::cancelled;
    co_return self->last_failure;
  }

  /// Ends every call with `client_closed` and refuses new ones. Sends nothing.
  void shut() {
    if (state == phase::closed) return;
    leave_soon();
    end_calls();
    gone();
  }

  /// `shut()`, and says goodbye to a server that keeps a session (2025-11-25, "Session Management").
  /// (A template, as all coroutines that not every program uses: GCC 12 compiles each that it sees, and what
  /// does not depend on the template's parameter is seen.)
  template <class Form>
  static asio::awaitable<result<void>> close(std::shared_ptr<session_core> self) {
    if (self->state == phase::closed) co_return co_await wait_until_gone<Form>(self);
    const bool goodbye = self->has_session() && !self->session_id.empty();
    std::optional<session_record> left;
    if (self->has_session()) left = self->describe();
    if (goodbye) left->open = false;
    self->end_calls();
    try {
      if (goodbye) co_await say_goodbye<Form>(self);
      co_await put_away<Form>(self, std::move(left));
    } catch (...) {  // a courtesy: out of memory, or cancelled already
      self->leave_soon();
    }
    self->gone();
    co_return result<void>();
  }

  /// `shut()`, after the session was left in the store for the next client.
  template <class Form>
  static asio::awaitable<result<void>> hand_over(std::shared_ptr<session_core> self) {
    if (self->state == phase::closed) co_return co_await wait_until_gone<Form>(self);
    std::optional<session_record> left;
    if (self->has_session()) left = self->describe(true);
    self->end_calls();
    try {
      co_await put_away<Form>(self, std::move(left));
    } catch (...) {  // out of memory, or cancelled already
      self->leave_soon();
    }
    self->gone();
    co_return result<void>();
  }

  /// What the session's earlier client left unfinished.
  template <class Form>
  static asio::awaitable<result<std::vector<unfinished_call>>> list_unfinished(
      std::shared_ptr<session_core> self) {
    const auto until = self->deadlines->now() + self->options.request_timeout;
    const bool looked = co_await look(self, until);
    if (!looked) co_return errc::deadline_exceeded;
    co_return self->unfinished;
  }

  /// Waits until it is known what is in the store, or cannot be known; false if that took too long.
  static asio::awaitable<bool> look(std::shared_ptr<session_core> self, time_point until) {
    if (!self->to_be_looked_at()) co_return true;
    self->open_soon();
    std::error_code ignored;
    const auto wake = [&self] { self->settled_.notify(); };
    const deadline_action alarm(*self->deadlines, until, wake);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (self->to_be_looked_at() && self->state == phase::opening && !alarm.passed() &&
           cancellation.cancelled() == asio::cancellation_type::none)
      co_await self->settled_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return !alarm.passed();
  }

  /// Waits; not beyond the end of the session.
  static asio::awaitable<void> pause(std::shared_ptr<session_core> self, time_point until) {
    std::error_code ignored;
    const auto wake = [&self] { self->settled_.notify(); };
    deadline_action alarm(*self->deadlines, until, wake);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (!alarm.passed() && self->state != phase::closed &&
           cancellation.cancelled() == asio::cancellation_type::none)
      co_await self->settled_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

 private:
  std::shared_ptr<session_core> shared_from_base() {
    return std::static_pointer_cast<session_core>(shared_from_this());
  }

  static constexpr auto longest_goodbye = std::chrono::seconds(5);

  template <class Form>
  static asio::awaitable<void> say_goodbye(std::shared_ptr<session_core> self) {
    http::fetch_request farewell;
    farewell.method = "DELETE";
    farewell.target = self->endpoint.target();
    farewell.fields = self->post_head.substr(self->post_head.find('\n') + 1);
    const auto until = self->deadlines->now() + longest_goodbye;
    // Whatever comes back: many servers do not let clients end sessions (405).
    const auto ignored = co_await http::fetch(self->executor, self->pool, farewell, until);
    static_cast<void>(ignored);
  }

  /// All that the end of the session takes has been done.
  void gone() {
    pool->close();
    gone_ = true;
    settled_.notify();
  }

  template <class Form>
  static asio::awaitable<result<void>> wait_until_gone(std::shared_ptr<session_core> self) {
    std::error_code ignored;
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    while (!self->gone_ && cancellation.cancelled() == asio::cancellation_type::none)
      co_await self->settled_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return result<void>();
  }

  void end_calls() {
    state = phase::closed;
    show(connection_state::closed);
    for (call* each : active) each->fail(errc::client_closed);  // which leaves them where they are
    settled_.notify();
  }

  /// How the attempt to have a session has ended.
  enum class opening { opened, taken_over };

  void opened(const result<opening>& outcome) {
    if (state == phase::closed) return;
    state = outcome ? phase::ready : phase::idle;
    if (outcome) {
      ++generation;
    } else {
      ++openings_failed;
      last_failure = outcome.error();
    }
    settle();
    if (outcome && *outcome == opening::taken_over) {
      show(connection_state::suspect);
    } else if (outcome) {
      ++counters.sessions;
      if (take_heard()) show_ready();  // else the first answer will
      if (generation > 1 && options.observer) options.observer->session_replaced(generation);
      tell_again();
      keep_soon();
    } else {
      show_refusal(last_failure);
    }
  }

  /// No session, or no credentials: whether a person can do something about it.
  void show_refusal(const failure& why) {
    const bool refused = why.http_status() == 401 || why.code() == errc::credential_missing;
    show(refused ? connection_state::needs_authorization : connection_state::failed, why);
  }

  /// Wakes whoever waits for what has ended now.
  void settle() {
    for (call* each : active) each->wake();
    settled_.notify();
  }

  /// Tells a new session what the one before it was told. A courtesy: where memory is short, it is not told.
  void tell_again() noexcept try {
    if (era != protocol_era::legacy || generation == 1) return;
    for (const auto& each : std::vector(standing.all())) {
      auto asked = lease();
      const call_options defaults;
      asked->begin_request(asked->keep(each.method), {}, defaults)
          .append(std::string_view(each.params).substr(1, each.params.size() - 2));
      asio::co_spawn(executor, carry_out_alone(std::move(asked)), asio::detached);
    }
  } catch (const std::bad_alloc&) {
  }

  /// A call whose answer nobody waits for.
  static asio::awaitable<void> carry_out_alone(call_lease leased) {
    const auto ignored = co_await http::drive<own_answer>(std::move(leased));
    static_cast<void>(ignored);
  }

  // Tells the outcome itself: a completion handler is lost where memory is too short to call it.
  static asio::awaitable<void> open_now(std::shared_ptr<session_core> self) {
    result<opening> outcome = errc::connection_lost;
    try {
      outcome = co_await open_with_patience(self);
    } catch (...) {  // out of memory, or an observer threw
    }
    self->opened(outcome);
  }

  /// Opens the session for calls that wait, and tries again while it is worth it.
  static asio::awaitable<result<opening>> open_with_patience(std::shared_ptr<session_core> self) {
    if (self->options.credentials) {
      const auto prepared = co_await self->options.credentials.prepare();
      if (!prepared) co_return prepared.error();
      if (self->state == phase::closed) co_return errc::client_closed;
    }
    recovery_plan plan;
    for (;;) {
      const bool taken_over = co_await take_over(self);
      self->settled_.notify();
      if (taken_over) co_return opening::taken_over;
      auto& breaker = self->health->breaker;
      while (self->heals && self->state == phase::opening && !breaker.allow(self->deadlines->now())) {
        const auto probe = *breaker.next_probe_at();
        co_await pause(self, probe);
      }
      const auto outcome = co_await negotiate(self);
      if (self->state == phase::closed) co_return errc::client_closed;
      const bool ours = self->acts_for(self->owner());
      if (outcome && ours) co_return opening::opened;
      if (outcome) continue;  // for an owner of the credentials that was replaced meanwhile
      if (!self->heals) co_return outcome.error();
      const auto next = self->after_failed_opening(plan, outcome.error());
      if (!next) co_return outcome.error();
      if (next->renews) {
        const auto renewed = co_await ask_for_credentials(self, next->seen);
        if (!renewed) co_return renewed.error();
        if (!*renewed) co_return outcome.error();
      }
      co_await pause(self, next->when);
      if (self->state == phase::closed || self->active.empty()) co_return outcome.error();
    }
  }

  /// How to try again.
  struct next_opening {
    time_point when;
    bool renews = false;  ///< other credentials are to be asked for first
    evidence seen{};
  };

  /// Whether to try again. What was refused was not run: to try again is always safe.
  std::optional<next_opening> after_failed_opening(recovery_plan& plan, const failure& why) {
    const auto now = deadlines->now();
    const auto made = why.attempts();
    const evidence seen = made.empty() ? evidence() : made.back().seen;
    const recovery_step step = plan.next(
        {.why = why, .seen = seen, .era = era, .named_session = !session_id.empty(), .repeatable = true},
        {.options = options.recovery,
         .health = *health,
         .now = now,
         .deadline = time_point::max(),
         .wall_clock = deadlines->wall_clock(),
         .authorizes = static_cast<bool>(options.credentials)});
    session_id.clear();
    // A stream of the handshake is not taken up: there is no session yet.
    if (step.call != next_step::replay && step.call != next_step::resume) {
      // The server may speak another revision since it was last asked.
      const bool refused = why.http_status() == 401 || why.http_status() == 403;
      if (refused || std::exchange(known_, {}).version.empty()) return std::nullopt;
      return next_opening{now};
    }
    if (step.first == repair::version) known_ = {};
    show(board.state(), why);
    const bool renews = step.first == repair::token || step.first == repair::scope;
    return next_opening{now + step.delay, renews, seen};
  }

  /// Whether there are others now than those that were refused.
  static asio::awaitable<result<bool>> ask_for_credentials(std::shared_ptr<session_core> self,
                                                           const evidence& seen) {
    // Other clients use them too, and may have asked before, or meanwhile.
    if (self->credentials_changed()) co_return true;
    const auto repaired = co_await self->options.credentials.repair(seen);
    if (!repaired) co_return repaired.error();
    co_return *repaired || self->credentials_changed();
  }

  static asio::awaitable<void> renew_credentials(std::shared_ptr<session_core> self, failure why,
                                                 evidence seen) {
    result<bool> renewed = errc::authorizer_failed;
    std::string whom;
    try {
      renewed = co_await ask_for_credentials(self, seen);
      if (self->state == phase::closed) co_return;
      whom = self->owner();
      if (renewed && *renewed && self->acts_for(whom)) self->speak(self->era, self->version);
    } catch (...) {  // out of memory
      renewed = errc::authorizer_failed;
    }
    if (self->state == phase::closed) co_return;
    self->state = phase::ready;
    ++self->renewals_tried;
    self->settle();
    const repair lost = std::exchange(self->lost_, repair::none);
    if (!renewed || !*renewed) {
      self->discard(lost, self->generation);
      if (renewed) co_return self->show(connection_state::needs_authorization, why);
      co_return self->show_refusal(renewed.error());
    }
    self->act_for(std::move(whom));
    if (self->state == phase::idle) co_return self->open_soon();
    self->repair_soon(lost, self->generation, why, seen);
    if (self->state != phase::ready) co_return;
    self->keep_soon();
    if (self->lease_due != time_point::max()) self->hold_lease(self->deadlines->now());
  }

  static asio::awaitable<void> learn_tools(std::shared_ptr<session_core> self) {
    try {
      const call_options defaults;
      const auto ignored = co_await collect_tools(self, defaults);
      static_cast<void>(ignored);
    } catch (...) {  // out of memory, or an observer threw
    }
    self->learning_ = false;
    ++self->lists_tried;
    for (call* each : self->active) each->wake();
  }

  bool learning_ = false;
  bool gone_ = false;
  repair lost_ = repair::none;  // what the session needs once credentials were asked for
  event settled_{executor};     // an attempt to open the session has ended, or the session is closed
};

}  // namespace mcp::inline v0::detail
