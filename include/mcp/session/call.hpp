// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/event.hpp>
#include <mcp/http/exchange.hpp>
#include <mcp/http/request.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/rpc/code.hpp>
#include <mcp/rpc/message.hpp>
#include <mcp/rpc/write.hpp>
#include <mcp/session/channel.hpp>
#include <mcp/session/headers.hpp>
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
/// What depends only on the caller's arguments is rendered before the call is awaited. What depends on the
/// attempt (id, session, era) is put around it when the attempt begins.
class call final : private deadline, private response_reader::listener {
 public:
  /// Whether a call waits until the session is open, or is part of opening it.
  enum class admission { when_ready, at_once };

  explicit call(channel& shared)
      : channel_(&shared),
        signal_(shared.executor),
        reader_(shared.options.limits, *this),
        exchange_(signal_, reader_) {}
  ~call() { release(); }

  // To set up, before the call is awaited.

  /// Puts the call into use; it keeps its channel alive until `release()`.
  void lend(std::shared_ptr<channel> owner) {
    position_ = channel_->active.size();
    channel_->active.push_back(this);
    owner_ = std::move(owner);
    stage_ = stage::leased;
    redirects_ = 0;
    target_.clear();
  }

  /// A request. The members of its `params` are to be appended to what this returns. `name` is what
  /// `Mcp-Name` mirrors; empty where the method has no such field.
  http::request_buffer& begin_request(std::string_view method, std::string_view name,
                                      const call_options& options,
                                      admission admitted = admission::when_ready) {
    expects_response_ = true;
    admission_ = admitted;
    method_ = method;
    name_ = name;
    options_ = options;
    if (auto added = append_fields(fields_, options.headers); !added) fail(std::move(added).error());
    if (!options.meta.empty() && !json::validate("{" + std::string(options.meta) + "}"))
      fail(failure(errc::invalid_argument, "call_options::meta is not the inside of a JSON object"));
    request_.append(R"("method":")", method, R"(","params":{)");
    return request_;
  }

  /// A notification, or a response to the server; `json` is the whole message.
  void begin_message(std::string_view method, std::string_view json,
                     admission admitted = admission::when_ready) {
    expects_response_ = false;
    admission_ = admitted;
    method_ = method;
    request_.append(json);
  }

  /// Ends the call, also from outside and while it waits; its connection is closed.
  void fail(failure why) {
    if (stage_ == stage::done) return;
    finish();
    exchange_.fail(why);
    outcome_ = std::move(why);
    signal_.notify();
  }

  /// Something that the call may be waiting for has changed.
  void wake() { signal_.notify(); }

  // The machine.

  const asio::any_io_executor& executor() const noexcept { return channel_->executor; }
  event& signal() noexcept { return signal_; }
  asio::ip::tcp::socket& socket() noexcept { return exchange_.socket(); }
  asio::mutable_buffer read_target() { return exchange_.read_target(); }
  void received(std::size_t bytes, std::error_code ec) { exchange_.received(bytes, ec); }
  void cancel() { withdraw(errc::cancelled); }

  http::action advance() {
    for (;;) {
      switch (stage_) {
        case stage::leased:
          request_.fix();
          set_deadline();
          stage_ = stage::waiting;
          break;
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
  result<json_text> take_outcome() noexcept { return std::move(outcome_); }
  /// `Mcp-Session-Id` of the response.
  const std::string& session_id() const noexcept { return reader_.session_id(); }

  /// Ends the loan and abandons what is under way. Sends nothing.
  std::shared_ptr<channel> release() noexcept {
    if (!owner_) return nullptr;
    finish();
    exchange_.abandon();
    request_.clear();
    fields_.clear();
    name_.clear();
    options_ = {};
    channel_->active[position_] = channel_->active.back();
    channel_->active[position_]->position_ = position_;
    channel_->active.pop_back();
    return std::move(owner_);
  }

 private:
  enum class stage { leased, waiting, running, done };

  void finish() noexcept {
    stage_ = stage::done;
    deadline::clear();
  }

  void set_deadline() {
    const auto either = [](auto own, auto general) { return own.count() != 0 ? own : general; };
    const auto now = channel_->deadlines->now();
    timeout_ = either(options_.timeout, channel_->options.request_timeout);
    latest_ = now + std::max(timeout_, either(options_.max_timeout, channel_->options.max_request_timeout));
    waiting_since_ = channel_->attempts;
    channel_->deadlines->set(*this, now + timeout_);
  }

  void expired() noexcept override { withdraw(errc::deadline_exceeded); }

  /// Ends the call and, where the server may be at work on it, tells the server: in the legacy era by a
  /// notification (2025-11-25, Cancellation), in the modern one by closing the response stream.
  void withdraw(errc why) {
    const bool may_run = stage_ == stage::running && exchange_.seen().bytes_written != 0;
    const bool tell = may_run && expects_response_ && admission_ == admission::when_ready &&
                      channel_->era == protocol_era::legacy;
    fail(why);
    if (tell) tell_cancelled();
  }

  // A courtesy: where memory is short, nobody is told.
  void tell_cancelled() noexcept try {
    constexpr std::string_view method = "notifications/cancelled";
    std::string notice;
    rpc::write_notification(notice, method, R"({"requestId":)" + std::to_string(id_) + "}");
    channel_->post(method, notice);
  } catch (const std::bad_alloc&) {
  }

  bool admitted() {
    if (channel_->state == channel::phase::closed) return fail(errc::client_closed), false;
    if (channel_->state == channel::phase::ready || admission_ == admission::at_once) return true;
    if (channel_->attempts != waiting_since_) return fail(channel_->last_failure), false;
    if (channel_->state == channel::phase::idle) {
      if (!channel_->opens_itself) return fail(errc::session_not_open), false;
      channel_->open_soon();
      return admitted();  // it may have ended at once
    }
    return false;
  }

  // An attempt.

  void begin_attempt() {
    request_.rewind();
    const bool modern = channel_->era == protocol_era::modern;
    if (expects_response_) render_around_params(modern);
    if (modern) {
      mirrored_.clear();
      if (!method_.empty()) append_field(mirrored_, "Mcp-Method", method_);
      if (!name_.empty()) append_mirrored_field(mirrored_, "Mcp-Name", name_);
    }
    const std::string_view target = target_.empty() ? channel_->endpoint.target() : target_;
    http::prepend_head(request_, "POST", target, channel_->header_block, fields_, mirrored_);
    stage_ = stage::running;
    reader_.start(expects_response_ ? std::optional(static_cast<std::int64_t>(id_)) : std::nullopt,
                  admission_ == admission::at_once);
    exchange_.start(*channel_->pool, request_.view());
  }

  void render_around_params(bool modern) {
    id_ = channel_->next_id++;
    if (modern || options_.on_progress || !options_.meta.empty()) {
      const auto separate = [this] { return std::string_view(request_.view().back() == '{' ? "" : ","); };
      request_.append(separate(), R"("_meta":{)", options_.meta);
      if (modern) request_.append(separate(), channel_->meta_members);
      if (options_.on_progress) request_.append(separate(), R"("progressToken":)", id_);
      request_.append("}");
    }
    request_.append("}}");
    request_.prepend(R"({"jsonrpc":"2.0","id":)", id_, ",");
  }

  void conclude() {
    if (!exchange_.why() && !reader_.location().empty() && redirected()) return;
    finish();
    if (exchange_.why()) {
      outcome_ = *exchange_.why();
    } else if (reader_.why()) {
      outcome_ = std::move(*reader_.why());
      if (session_is_lost()) outcome_ = failure(errc::session_lost).with_http_status(404);
    } else {
      outcome_ = take_answer();
    }
    if (const auto& watching = channel_->options.observer)
      watching->exchange_finished(method_, exchange_.seen(), outcome_ ? nullptr : &outcome_.error());
  }

  /// 2025-11-25, "Session Management": a 404 to a request that named a session.
  bool session_is_lost() const {
    return exchange_.seen().status == 404 && channel_->era == protocol_era::legacy &&
           !channel_->session_id.empty();
  }

  /// The answer, in the buffer that it came in.
  json_text take_answer() {
    if (reader_.answer().empty()) return json_text();
    using buffer = net::buffer_lease::pointer;
    return {reader_.answer(), exchange_.take_buffer().release(),
            [](void* owner) noexcept { net::buffer_lease(static_cast<buffer>(owner)); }};
  }

  /// Sends the same message to where a 307 or 308 points, within the origin (RFC 9110 §15.4.8).
  bool redirected() {
    const auto next = channel_->endpoint.resolve(reader_.location());
    if (next && next->same_origin(channel_->endpoint) && ++redirects_ <= channel_->options.limits.redirects) {
      target_ = next->target();
      stage_ = stage::waiting;
      return true;
    }
    reader_.why() = failure(errc::redirect_blocked).with_server_text(reader_.location());
    return false;
  }

  // response_reader::listener

  void on_message(const rpc::message& message) override {
    if (message.kind == rpc::message_kind::request) {
      answer_server(message);
    } else if (message.method == "notifications/progress") {
      const auto update = progress_update::parse(message.params);
      if (!update || update->token != std::to_string(id_)) return on_ignored(errc::rpc_unexpected_id);
      channel_->deadlines->set(*this, std::min(channel_->deadlines->now() + timeout_, latest_));
      if (options_.on_progress) options_.on_progress(*update);
    } else if (message.method == "notifications/message" && options_.on_log) {
      if (const auto entry = log_message::parse(message.params)) options_.on_log(*entry);
    }
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

  void on_event_id(std::string_view id) override { exchange_.seen().last_event_id = id; }
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
  http::request_buffer request_;

  std::string method_;
  std::string name_;
  std::string target_;    // after a redirect
  std::string fields_;    // of the caller
  std::string mirrored_;  // modern: Mcp-Method and Mcp-Name
  call_options options_;
  admission admission_ = admission::when_ready;
  bool expects_response_ = false;

  stage stage_ = stage::done;
  std::uint64_t id_ = 0;  // of the attempt; its progress token as well
  std::size_t redirects_ = 0;
  std::uint64_t waiting_since_ = 0;
  std::chrono::milliseconds timeout_{};
  time_point latest_{};
  result<json_text> outcome_;
};

}  // namespace mcp::inline v0::detail
