// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/event.hpp>
#include <mcp/http/exchange.hpp>
#include <mcp/http/request.hpp>
#include <mcp/json/text.hpp>
#include <mcp/policy/recovery.hpp>
#include <mcp/rpc/code.hpp>
#include <mcp/rpc/message.hpp>
#include <mcp/rpc/write.hpp>
#include <mcp/session/attempts.hpp>
#include <mcp/session/call_scope.hpp>
#include <mcp/session/channel.hpp>
#include <mcp/session/outgoing.hpp>
#include <mcp/session/response.hpp>
#include <mcp/types/json_text.hpp>
#include <mcp/types/notifications.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0::detail {

/// One JSON-RPC message to the server and, if it is a request, the way to its answer: the machine that
/// `http::drive` drives. A plain state machine over an HTTP exchange; reused from call to call.
///
/// After an attempt that failed, the plan says how the call goes on: not at all, by the same request again,
/// or by a GET that takes up its stream.
class call final : private deadline, private response_reader::listener {
 public:
  /// Whether a call waits until the session is open, or is part of opening it.
  enum class admission { when_ready, at_once };

  explicit call(channel& shared)
      : channel_(&shared),
        signal_(shared.executor),
        reader_(shared.options.limits, *this),
        exchange_(signal_, reader_),
        alarm_(*this) {}
  ~call() { release(); }

  // To set up, before the call is awaited.

  /// Puts the call into use; it keeps its channel alive until `release()`.
  void lend(std::shared_ptr<channel> owner) {
    position_ = channel_->active.size();
    channel_->active.push_back(this);
    owner_ = std::move(owner);
    stage_ = stage::leased;
    not_before_.reset();
  }

  /// Makes the call one of several whose effects count together.
  void belong_to(call_scope& scope) noexcept { scope_.join(scope); }

  /// For a method whose text does not live as long as the call.
  std::string_view keep(std::string_view method) { return message_.keep(method); }

  /// A request. The members of its `params` are to be appended to what this returns. `name` is what
  /// `Mcp-Name` mirrors; empty where the method has no such field. `method` must outlive the call.
  http::request_buffer& begin_request(std::string_view method, std::string_view name,
                                      const call_options& options,
                                      admission admitted = admission::when_ready) {
    admission_ = admitted;
    options_ = options;
    auto& body = message_.begin_request(method, name);
    if (!options.headers.empty() || !options.meta.empty()) {
      options_.meta = json::without_space_before(options.meta);
      if (auto added = message_.add(options); !added) fail(std::move(added).error());
    }
    return body;
  }

  /// A notification, or a response to the server; `json` is the whole message. `method` must outlive the
  /// call.
  void begin_message(std::string_view method, std::string_view json,
                     admission admitted = admission::when_ready) {
    admission_ = admitted;
    message_.begin_message(method, json);
  }

  /// The stream of what the server says unasked: a GET that is made again whenever it ends. `on_message`
  /// must outlive the call.
  void begin_listening(function_ref<void(const server_notification&)> on_message) {
    admission_ = admission::when_ready;
    message_.begin_stream();
    on_notification_ = on_message;
  }

  /// Takes up the answer to a request of an earlier client of the session.
  void begin_taking_up(const unfinished_call& request, const call_options& options) {
    admission_ = admission::when_ready;
    options_ = options;
    message_.begin_request(keep(request.method), request.name);
    id_ = static_cast<std::uint64_t>(request.id);
    stream_id_ = request.last_event_id;
    attempts_.resuming = taken_up_ = in_doubt_ = failed_before_ = true;
    attempts_.era = protocol_era::legacy;
    attempts_.generation = channel_->taken_over;
  }

  /// What another client needs to take up the answer, where that is possible.
  std::optional<unfinished_call> unfinished() const {
    const bool possible = message_.what() == kind::request && stage_ != stage::done && !stream_id_.empty() &&
                          attempts_.era == protocol_era::legacy &&
                          attempts_.generation == channel_->generation;
    if (!possible) return std::nullopt;
    return unfinished_call{std::string(message_.method()), message_.name(), stream_id_,
                           static_cast<std::int64_t>(id_)};
  }
  /// The last event id of the stream of what the server says unasked; empty where this is no such stream.
  std::string_view listening_from() const noexcept {
    const bool here = message_.what() == kind::stream && attempts_.generation == channel_->generation;
    return here ? std::string_view(stream_id_) : "";
  }

  /// Ends the call, also from outside and while it waits; its connection is closed.
  void fail(failure why) {
    if (stage_ == stage::done) return;
    finish();
    end(std::move(why));
  }

  /// Something that the call may be waiting for has changed.
  void wake() { signal_.notify(); }

  // The machine.

  const asio::any_io_executor& executor() const noexcept { return channel_->executor; }
  event& signal() noexcept { return signal_; }
  asio::ip::tcp::socket& socket() noexcept { return exchange_.socket(); }
  asio::mutable_buffer read_target() { return exchange_.read_target(); }
  void received(std::size_t bytes, const std::error_code& ec) {
    exchange_.received(bytes, ec);
    if (stage_ == stage::running && exchange_.is_streaming()) stream_lives();
  }
  void cancel() { withdraw(errc::cancelled); }

  http::action advance() {
    for (;;) {
      switch (stage_) {
        case stage::leased:
          message_.fix();
          set_deadline();
          stage_ = stage::waiting;
          [[fallthrough]];
        case stage::waiting:
          if (admitted()) {
            begin_attempt();
          } else if (stage_ == stage::waiting) {
            return http::action::wait;
          }
          break;
        case stage::running: {
          const auto wanted = exchange_.advance();
          if (wanted != http::action::done) return wanted;
          if (stage_ == stage::running) conclude();
          break;
        }
        case stage::done: return http::action::done;
      }
    }
  }

  /// What came of it, once done; an empty text for messages that expect no response.
  result<json_text>&& take_outcome() noexcept { return std::move(outcome_); }
  /// `Mcp-Session-Id` of the response.
  const std::string& session_id() const noexcept { return reader_.session_id(); }
  /// Of the session that the last attempt was made on.
  std::uint64_t generation() const noexcept { return attempts_.generation; }

  /// Ends the loan and abandons what is under way. Sends nothing.
  std::shared_ptr<channel> release() noexcept {
    if (!owner_) return nullptr;
    if (stage_ != stage::done) {  // whoever waited has gone, perhaps with an exception
      if (may_run()) note_effect();
      finish();
    }
    exchange_.abandon();
    message_.clear();
    options_ = {};
    scope_.leave();
    stream_id_.clear();
    if (failed_before_) forget_attempts();
    channel_->active[position_] = channel_->active.back();
    channel_->active[position_]->position_ = position_;
    channel_->active.pop_back();
    if (channel_->active.empty()) channel_->lease_watch.clear();
    return std::move(owner_);
  }

 private:
  using kind = outgoing::kind;
  enum class stage { leased, waiting, running, done };

  /// A second deadline: while the call waits, when it goes on; while a stream runs, when it counts as dead.
  struct alarm final : deadline {
    explicit alarm(call& of) : owner(of) {}
    void expired() noexcept override { owner.alarmed(); }
    call& owner;
  };

  void finish() noexcept {
    stage_ = stage::done;
    deadline::clear();
    alarm_.clear();
  }

  void end(failure why) {
    exchange_.fail(why);
    attempts_.tell(why);
    outcome_ = std::move(why);
    signal_.notify();
  }

  void forget_attempts() noexcept {
    attempts_.clear();
    plan_ = {};
    failed_before_ = learned_ = refused_ = in_doubt_ = taken_up_ = false;
    not_before_.reset();
    retry_.reset();
    learning_.reset();
  }

  void set_deadline() {
    const auto either = [](auto own, auto general) { return own.count() != 0 ? own : general; };
    const auto now = channel_->deadlines->now();
    if (channel_->lease_due != time_point::max()) channel_->hold_lease(now);
    waiting_since_ = channel_->openings_failed;
    attempts_.began = now;
    if (message_.what() == kind::stream) {
      latest_ = time_point::max();
      return;
    }
    timeout_ = either(options_.timeout, channel_->options.request_timeout);
    latest_ = now + std::max(timeout_, either(options_.max_timeout, channel_->options.max_request_timeout));
    channel_->deadlines->set(*this, now + timeout_);
    if (channel_->heals) channel_->health->budget.deposit(now);
  }

  void expired() noexcept override { withdraw(errc::deadline_exceeded); }

  /// Ends the call and, where the server may be at work on it, tells the server: in the legacy era by a
  /// notification (2025-11-25, Cancellation), in the modern one by closing the response stream.
  void withdraw(errc why) {
    if (stage_ == stage::done) return;
    const bool runs = stage_ == stage::running;
    const bool acted = may_run();
    const bool tell = acted && message_.what() == kind::request && admission_ == admission::when_ready &&
                      channel_->era == protocol_era::legacy;
    if (acted) note_effect();
    finish();  // before an observer hears of it, who may end calls
    tell_of_withdrawal(why, runs);
    end(runs ? failure(why) : with_what_it_waited_for(why));
    if (tell) tell_cancelled();
  }

  failure with_what_it_waited_for(errc code) const noexcept try {
    const auto& status = channel_->board.status();
    if (!status.has_reason || code != errc::deadline_exceeded) return code;
    return {code, "the connection was not ready: " + status.reason.describe()};
  } catch (const std::bad_alloc&) {
    return code;
  }

  // Where memory is short, nobody is told of the attempt.
  void tell_of_withdrawal(errc code, bool runs) noexcept try {
    const failure why(code);
    if (runs) {
      remember(why);
      observe(&why, {});
      const bool silent = code == errc::deadline_exceeded && exchange_.seen().status == 0;
      if (!silent || admission_ == admission::at_once) return;
      channel_->health->breaker.failed(channel_->deadlines->now());
      if (attempts_.generation == channel_->generation) channel_->show(connection_state::failed, why);
    } else if (channel_->state == channel::phase::ready && channel_->active.size() == 1 &&
               channel_->board.state() == connection_state::reconnecting) {
      // Nobody is left who would try again.
      channel_->show(connection_state::failed, failure(channel_->board.status().reason));
    }
  } catch (const std::bad_alloc&) {
  }

  // A courtesy: where memory is short, nobody is told.
  void tell_cancelled() noexcept try {
    constexpr std::string_view method = "notifications/cancelled";
    std::string notice;
    rpc::write_notification(notice, method, R"({"requestId":)" + std::to_string(id_) + "}");
    channel_->post(method, notice);
  } catch (const std::bad_alloc&) {
  }

  /// The server may be at work on it.
  bool may_run() const noexcept {
    return attempts_.resuming || (stage_ == stage::running && exchange_.seen().bytes_written != 0);
  }

  /// The server may have acted on the request.
  void note_effect() noexcept {
    if (scope_ && message_.what() != kind::stream && !is_read(message_.method())) scope_.note_effect();
  }

  bool admitted() {
    if (channel_->state == channel::phase::closed) return fail(errc::client_closed), false;
    if (admission_ == admission::at_once) return true;
    if (not_before_ && !is_due(*not_before_)) {
      waiting_since_ = channel_->openings_failed;  // what fails meanwhile is not this call's
      return false;
    }
    if (channel_->state != channel::phase::ready) return opens();
    if (message_.what() == kind::stream && channel_->era == protocol_era::modern)
      return fail(failure(errc::unsupported_protocol_version, "the server has no stream to listen to")),
             false;
    if (learning_ && channel_->lists_tried == *learning_) return false;
    if (learning_) {
      learning_.reset();
      failed(std::move(pending_));
      return stage_ == stage::waiting && admitted();
    }
    if (refused_) {
      attempts_.renewed = channel_->renewals != attempts_.renewals;
      // While the session was being opened, nobody could be asked.
      if (!attempts_.renewed && channel_->renewals_tried == awaited_renewal_)
        return repair_soon(repair::token, pending_), false;
      refused_ = false;
      if (!attempts_.renewed)
        return fail(in_doubt_ ? in_doubt(std::move(pending_)) : std::move(pending_)), false;
    }
    const bool elsewhere = (in_doubt_ || attempts_.resuming) && attempts_.generation != channel_->generation;
    if (elsewhere && !may_go_on_elsewhere()) return false;
    auto& breaker = channel_->health->breaker;
    if (!channel_->heals || !breaker.next_probe_at()) return true;
    const auto now = channel_->deadlines->now();
    if (breaker.allow(now)) return true;
    // Other clients may find out meanwhile that the server lives.
    channel_->deadlines->set(alarm_, std::min(*breaker.next_probe_at(), now + deadline_list::longest_sleep));
    return false;
  }

  /// Waits for the session, and sees to it that it is opened.
  bool opens() {
    if (channel_->openings_failed != waiting_since_) {
      waiting_since_ = channel_->openings_failed;
      if (message_.what() != kind::stream)
        return fail(in_doubt_ ? in_doubt(channel_->last_failure) : channel_->last_failure), false;
      not_before_ = channel_->deadlines->now() + channel_->options.recovery.schedule.cap;
      return is_due(*not_before_);
    }
    if (channel_->state != channel::phase::idle) return false;
    if (!channel_->heals) return fail(errc::session_not_open), false;
    channel_->open_soon();
    return admitted();  // it may have ended at once
  }

  /// The call may have run on a session that was replaced since. A new one knows nothing of its stream, and
  /// its tools are to be asked anew whether they may run twice.
  bool may_go_on_elsewhere() {
    const bool asks = policy() == replay_policy::trusted_annotations && message_.method() == "tools/call";
    if (asks && !channel_->hints && asked_on_ != channel_->generation) {
      asked_on_ = channel_->generation;
      awaited_list_ = channel_->lists_tried;
      channel_->learn_tools_soon();
    }
    if (asks && !channel_->hints && channel_->lists_tried == awaited_list_) return false;
    if (!is_repeatable()) return fail(in_doubt(failure(errc::session_lost))), false;
    attempts_.resuming = false;
    stream_id_.clear();
    attempts_.generation = channel_->generation;
    return true;
  }

  failure in_doubt(failure why) {
    ++channel_->counters.outcomes_unknown;
    why.with_code(errc::outcome_unknown);
    return why;
  }

  /// Nobody needs to wait for a probe any longer.
  void origin_lives() {
    auto& breaker = channel_->health->breaker;
    const bool held_up = breaker.next_probe_at().has_value();
    breaker.succeeded();
    if (!held_up) return;
    for (call* each : channel_->active) each->wake();
  }

  /// Whether that time has come; if not, the call wakes then.
  bool is_due(time_point when) {
    if (channel_->deadlines->now() >= when) return not_before_.reset(), true;
    not_before_ = when;
    channel_->deadlines->set(alarm_, when);
    return false;
  }

  void alarmed() noexcept {
    if (stage_ == stage::running) exchange_.fail(errc::connection_lost);
    signal_.notify();
  }

  /// Bytes came on an event stream.
  void stream_lives() {
    watch_stream();
    const bool fine = exchange_.seen().status < 300;
    if (!fine) return;
    attempts_.advanced = attempts_.advanced || message_.what() == kind::stream;
    origin_lives();
    if (attempts_.generation == channel_->generation) channel_->show_ready();
  }

  void watch_stream() {
    channel_->deadlines->set(alarm_, channel_->deadlines->now() + channel_->options.recovery.stream_idle);
  }

  // An attempt.

  void begin_attempt() {
    attempts_.begin(*channel_);
    ++channel_->counters.attempts;
    alarm_.clear();
    stage_ = stage::running;
    if (attempts_.resuming || message_.what() == kind::stream) return begin_stream();
    if (message_.what() == kind::request) {
      id_ = channel_->next_id++;
      reader_.start(static_cast<std::int64_t>(id_), admission_ == admission::at_once);
    } else {
      reader_.start(std::nullopt);
    }
    exchange_.start(*channel_->pool, message_.post(*channel_, id_, options_));
  }

  void begin_stream() {
    if (message_.what() == kind::stream) {
      if (stream_id_.empty()) stream_id_ = std::exchange(channel_->listening_from, {});
      reader_.start_listening();
    } else {
      reader_.start(static_cast<std::int64_t>(id_));
    }
    exchange_.start(*channel_->pool, message_.get(*channel_, stream_id_));
    watch_stream();
  }

  void conclude() {
    if (!exchange_.why() && !reader_.location().empty() && redirected()) return;
    alarm_.clear();
    if (exchange_.why()) return failed(*exchange_.why());
    if (reader_.why()) return failed(std::move(*reader_.why()));
    finish();
    if (proves_alive(exchange_.seen())) origin_lives();
    channel_->show_ready();
    note_effect();
    outcome_ = take_answer();
    observe(nullptr, {});
    if (message_.what() == kind::request && standing_requests::concerns(message_.method())) {
      channel_->standing.granted(message_.method(), message_.params());
      channel_->keep_soon();
    }
  }

  /// The attempt brought no answer: goes on as the plan says.
  void failed(failure why) {
    auto& seen = exchange_.seen();
    seen.error_has_own_id = reader_.error_has_own_id();
    stage_ = stage::waiting;
    failed_before_ = true;
    // 2025-11-25, "Listening for Messages from the Server": it does not offer a stream.
    if (message_.what() == kind::stream && seen.status == 405) return finish(), void(outcome_ = json_text());
    if (message_.what() == kind::request && !is_read(message_.method())) {
      const auto strictly = classify(report(why, false)).call;
      in_doubt_ = in_doubt_ || strictly == next_step::outcome_unknown || strictly == next_step::resume;
    }
    if (needs_hints(why)) return learn(std::move(why));
    if (scope_ && classify(report(why, false)).call != next_step::replay) note_effect();
    recovery_step step = admission_ == admission::at_once ? recovery_step() : next_step_after(why);
    const bool certain = step.call != next_step::outcome_unknown;
    const bool takes_up = step.call == next_step::resume || (attempts_.resuming && !certain);
    if (!channel_->heals && !takes_up) step.call = next_step::end;
    // A server that refuses the stream on a fresh session, too, offers none.
    if (message_.what() == kind::stream && step.call == next_step::end && seen.status == 404)
      return finish(), void(outcome_ = json_text());

    if (proves_alive(seen)) {
      origin_lives();
    } else if (seen.status != 0 || is_broken(why)) {
      channel_->health->breaker.failed(channel_->deadlines->now());
    }
    const bool lost = step.call == next_step::end && step.first == repair::session;
    if (lost && certain) why.with_code(errc::session_lost);
    remember(why);
    refused_ = is_of_credentials(step.first) && goes_on(step);
    if (refused_) {
      pending_ = why;
      awaited_renewal_ = channel_->renewals_tried;
    }
    observe(&why, step);
    show(why, step);
    if (refused_ || !is_of_credentials(step.first)) repair_soon(step.first, why);
    if (stage_ == stage::done) return;  // an observer has ended the call
    switch (step.call) {
      case next_step::end: return fail(std::move(why));
      case next_step::outcome_unknown: return fail(in_doubt(std::move(why)));
      case next_step::replay: ++channel_->counters.replays; break;
      case next_step::resume: ++channel_->counters.resumes; break;
    }
    attempts_.resuming = step.call == next_step::resume;
    if (!attempts_.resuming) stream_id_.clear();
    attempts_.delay = step.delay;
    attempts_.began = channel_->deadlines->now();
    if (attempts_.delay.count() != 0) not_before_ = attempts_.began + attempts_.delay;
    waiting_since_ = channel_->openings_failed;
  }

  attempt_report report(const failure& why, bool repeatable) const {
    return attempts_.report(why, exchange_.seen(), repeatable);
  }

  static bool goes_on(const recovery_step& step) noexcept {
    return step.call == next_step::replay || step.call == next_step::resume;
  }
  static bool is_of_credentials(repair what) noexcept {
    return what == repair::token || what == repair::scope;
  }
  void repair_soon(repair what, const failure& why) {
    const auto of = is_of_credentials(what) ? attempts_.renewals : attempts_.generation;
    if (what != repair::none) channel_->repair_soon(what, of, why, exchange_.seen());
  }

  recovery_step next_step_after(const failure& why) {
    retry_ = reader_.retry() ? reader_.retry() : retry_;
    const recovery_context circumstances{.options = channel_->options.recovery,
                                         .health = *channel_->health,
                                         .now = channel_->deadlines->now(),
                                         .deadline = deadline::armed() ? deadline::when() : latest_,
                                         .wall_clock = channel_->deadlines->wall_clock(),
                                         .retry = retry_,
                                         .advanced = attempts_.advanced,
                                         .in_doubt = in_doubt_,
                                         .patient = message_.what() == kind::stream,
                                         .authorizes = static_cast<bool>(channel_->options.credentials)};
    const auto step = plan_.next(report(why, is_repeatable()), circumstances);
    const auto& range = channel_->options.recovery;
    if (step.call == next_step::resume && retry_ && channel_->options.observer) {
      const auto used = clamp_retry(*retry_, range.least_reconnection, range.most_reconnection);
      if (used.clamped) channel_->options.observer->reconnection_clamped(*retry_, used.delay);
    }
    return step;
  }

  // Whether the call may run twice.

  replay_policy policy() const noexcept {
    return options_.replay.value_or(channel_->options.recovery.replay);
  }

  bool is_repeatable() const {
    if (taken_up_) return false;  // it is not known in full
    if (message_.what() == kind::stream || is_read(message_.method())) return true;
    if (message_.method() != "tools/call")
      return allows_replay(policy() == replay_policy::always ? policy() : replay_policy::never);
    tool_hints hints;
    if (channel_->hints) {
      const auto found = channel_->hints->find(message_.name());
      if (found != channel_->hints->end()) hints = found->second;
    }
    return allows_replay(policy(), hints);
  }

  /// Whether it depends on annotations that are not known yet.
  bool needs_hints(const failure& why) const {
    if (!channel_->heals || policy() != replay_policy::trusted_annotations ||
        message_.method() != "tools/call")
      return false;
    if (channel_->hints || learned_) return false;
    return !(classify(report(why, true)) == classify(report(why, false)));
  }

  void learn(failure why) {
    const auto found = classify(report(why, true));
    pending_ = std::move(why);
    learning_ = channel_->lists_tried;
    learned_ = true;
    repair_soon(found.first, pending_);
    waiting_since_ = channel_->openings_failed;
    channel_->learn_tools_soon();
  }

  // What is told of it.

  void remember(const failure& why) {
    attempts_.remember(*channel_, message_.method(), why, exchange_.seen());
  }

  void observe(const failure* why, const recovery_step& next) const {
    if (const auto& watching = channel_->options.observer)
      attempts_.tell(*watching, *channel_, message_.method(), why, exchange_.seen(), next);
  }

  static bool is_broken(const failure& why) {
    const auto& code = why.code();
    return code == errc::connection_lost || code == errc::connect_failed || code == errc::resolve_failed ||
           code == errc::tls_failed || code == errc::http_truncated;
  }

  /// Says of the connection only what this attempt shows of the session that is current.
  void show(const failure& why, const recovery_step& step) {
    if (admission_ == admission::at_once || attempts_.generation != channel_->generation) return;
    const bool lost = step.first == repair::session;
    const bool refused = exchange_.seen().status == 401;
    if (refused_) return;  // whoever asks for other credentials will say so
    if (refused && !lost) return channel_->show(connection_state::needs_authorization, why);
    const bool down =
        lost || is_broken(why) || (exchange_.seen().status != 0 && !proves_alive(exchange_.seen()));
    if (!down) return exchange_.seen().status != 0 ? channel_->show_ready() : void();
    const bool repairing = lost && channel_->heals;
    channel_->show(goes_on(step) || repairing ? connection_state::reconnecting : connection_state::failed,
                   why);
  }

  /// The answer, in the buffer that it came in.
  json_text take_answer() {
    if (reader_.answer().empty()) return json_text();
    using buffer = net::buffer_lease::pointer;
    return {reader_.answer(), exchange_.take_buffer().release(),
            [](void* owner) noexcept { net::buffer_lease(static_cast<buffer>(owner)); }};
  }

  /// Sends the same message to where a 307 or 308 points.
  bool redirected() {
    if (message_.redirect(*channel_, reader_.location())) {
      stage_ = stage::waiting;
      return true;
    }
    reader_.why() = failure(errc::redirect_blocked).with_server_text(reader_.location());
    return false;
  }

  // response_reader::listener

  void on_message(const rpc::message& message) override {
    if (message.method == "notifications/tools/list_changed") channel_->forget_tools();
    if (message.kind == rpc::message_kind::request) {
      answer_server(message);
    } else if (message_.what() == kind::stream) {
      tell(message);
    } else if (message.method == "notifications/progress") {
      const auto update = progress_update::parse(message.params);
      if (!update || update->token != std::to_string(id_)) return on_ignored(errc::rpc_unexpected_id);
      channel_->deadlines->set(*this, std::min(channel_->deadlines->now() + timeout_, latest_));
      if (options_.on_progress) options_.on_progress(*update);
    } else if (message.method == "notifications/message" && options_.on_log) {
      if (const auto entry = log_message::parse(message.params)) options_.on_log(*entry);
    }
  }

  /// What came unasked.
  void tell(const rpc::message& message) {
    std::string method;
    message.method.append_to(method);
    if (on_notification_) on_notification_({method, message.params.text()});
  }

  /// The server's own requests exist in the legacy eras only. A ping is answered; for all else there is no
  /// handler.
  void answer_server(const rpc::message& message) {
    if (channel_->era == protocol_era::modern) return on_ignored(errc::rpc_invalid_message);
    std::string answer;
    if (message.method == "ping") {
      rpc::write_response(answer, message.id);
    } else {
      rpc::write_error(answer, message.id, rpc::code::method_not_found, "Method not found");
    }
    channel_->post({}, answer);
  }

  /// An id that no field can carry does not let the stream be resumed. An event without one says nothing.
  void on_event_id(std::string_view id) override {
    if (id.empty() || id == stream_id_) return;
    if (!http::is_field_value(id) || id.size() > channel_->options.limits.event_id)
      return on_ignored(errc::invalid_header_value);
    attempts_.advanced = true;
    stream_id_ = id;
    exchange_.seen().last_event_id = id;
  }
  void on_ignored(errc why) override {
    if (const auto& watching = channel_->options.observer) watching->message_ignored(why);
  }
  bool gone() const override { return stage_ == stage::done; }

  channel* channel_;
  std::shared_ptr<channel> owner_;  // while on loan
  std::size_t position_ = 0;        // in the channel's list of active calls
  event signal_;
  response_reader reader_;
  http::exchange exchange_;

  outgoing message_;
  call_options options_;
  function_ref<void(const server_notification&)> on_notification_{};
  admission admission_ = admission::when_ready;

  stage stage_ = stage::done;
  std::uint64_t id_ = 0;  // of the attempt; its progress token as well
  std::uint64_t waiting_since_ = 0;
  std::chrono::milliseconds timeout_{};
  time_point latest_{};
  result<json_text> outcome_;

  // Over all attempts.
  attempts attempts_;
  call_scope::member scope_;
  alarm alarm_;
  std::optional<time_point> not_before_;
  bool failed_before_ = false;
  recovery_plan plan_;
  std::string stream_id_;  // the last event id of the stream
  std::optional<std::uint64_t> retry_;
  failure pending_;                        // of the attempt, until it is known what follows
  std::optional<std::uint64_t> learning_;  // which list of tools the call waits for
  bool learned_ = false;
  bool refused_ = false;  // the credentials, which are being replaced
  std::uint64_t awaited_renewal_ = 0;
  bool in_doubt_ = false;       // an attempt may have run
  bool taken_up_ = false;       // it was an earlier client's
  std::uint64_t asked_on_ = 0;  // the session on which the tools were asked for again
  std::uint64_t awaited_list_ = 0;
};

}  // namespace mcp::inline v0::detail
