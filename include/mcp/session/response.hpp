// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/evidence.hpp>
#include <mcp/base/limits.hpp>
#include <mcp/base/result.hpp>
#include <mcp/http/exchange.hpp>
#include <mcp/http/fields.hpp>
#include <mcp/http/response_parser.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/net/buffer.hpp>
#include <mcp/rpc/message.hpp>
#include <mcp/sse/parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0::detail {

static_assert(net::buffer_padding >= json::padding);

/// Reads the HTTP response to one JSON-RPC message (Streamable HTTP, "Sending Messages"): one JSON
/// message, an event stream of messages, an acknowledgement, a redirect or an error. No I/O.
class response_reader final : public http::response_handler {
 public:
  /// Gets what comes on the way to the answer, while it is being read; views live for the call only.
  class listener {
   public:
    virtual void on_message(const rpc::message& message) = 0;
    virtual void on_event_id(std::string_view id) = 0;
    /// Something that has no meaning where it came was skipped.
    virtual void on_ignored(errc why) = 0;
    /// Whether the listener wants no more, for instance because a callback has closed the client.
    virtual bool gone() const = 0;

   protected:
    ~listener() = default;
  };

  response_reader(const limits& caps, listener& owner) : caps_(&caps), owner_(&owner), events_(caps) {}

  /// Before each attempt. Without an `id` the message expects no response, and any 2xx is success.
  void start(std::optional<std::int64_t> id, bool wants_session_id = false) {
    id_ = id;
    listens_ = false;
    wants_session_id_ = wants_session_id;
    error_has_own_id_ = false;
    kind_ = kind::ignored;
    why_.reset();
    answered_ = false;
    answer_ = {};
    location_.clear();
    session_id_.clear();
  }

  /// Before a GET of what the server says unasked: no response is expected, the stream has no end.
  void start_listening() {
    start(std::nullopt);
    listens_ = true;
  }

  // After the exchange.

  /// Why the response is no success, if it is not.
  std::optional<failure>& why() noexcept { return why_; }
  /// JSON text of the result, in the exchange's buffer; empty for a message that expected none.
  std::string_view answer() const noexcept { return answer_; }
  /// Where a 307 or 308 points, unresolved; empty if the response is none.
  const std::string& location() const noexcept { return location_; }
  /// The last `retry:` of the event stream, in milliseconds.
  std::optional<std::uint64_t> retry() const noexcept {
    return kind_ == kind::events ? events_.retry() : std::nullopt;
  }
  /// See `evidence::error_has_own_id`.
  bool error_has_own_id() const noexcept { return error_has_own_id_; }
  /// `Mcp-Session-Id` of the response, if it was wanted.
  const std::string& session_id() const noexcept { return session_id_; }

  // http::response_handler

  errc on_head(const http::response_head& head, const char* bytes) override {
    const auto field = [&](std::string_view name) { return head.find(bytes, name).value_or(""); };
    const std::string_view type = head.content_type(bytes);
    status_ = head.status();
    if (wants_session_id_) session_id_ = field("mcp-session-id");
    if (status_ == 307 || status_ == 308) {
      kind_ = kind::ignored;
      location_ = field("location");
    } else if (status_ < 200 || status_ > 299) {
      kind_ = http::media_type_is(type, "application/json") ? kind::json_error : kind::text_error;
      why_ = failure(errc::http_status).with_http_status(status_);
    } else if (!id_ && !listens_) {
      kind_ = kind::ignored;
    } else if (!listens_ && http::media_type_is(type, "application/json")) {
      kind_ = kind::message;
    } else if (http::media_type_is(type, "text/event-stream")) {
      kind_ = kind::events;
      events_.start();
    } else {
      why_ = failure(errc::bad_content_type).with_http_status(status_);
      return errc::bad_content_type;
    }
    return errc{};
  }

  bool streams_body() const noexcept override { return kind_ == kind::events; }

  taken on_body(char* data, std::size_t size, bool last) override {
    switch (kind_) {
      case kind::message: return last ? read_message(data, size) : taken{};
      case kind::events: return read_events(data, size, last);
      case kind::json_error:
      case kind::text_error:
        if (!last && size < longest_error_body) return {};
        read_error(data, size);
        return {.bytes = size, .finished = true};
      case kind::ignored: break;
    }
    return {.bytes = size};
  }

 private:
  enum class kind { message, events, json_error, text_error, ignored };

  /// More of an error body is not waited for.
  static constexpr std::size_t longest_error_body = 64 * 1024;
  static constexpr std::size_t longest_quotation = 512;

  taken read_message(char* data, std::size_t size) {
    const errc fault = read_json({data, size});
    if (fault != errc{}) return {.error = fault};
    return {.bytes = size, .error = answered_ || owner_->gone() ? errc{} : errc::rpc_unexpected_id};
  }

  taken read_events(char* data, std::size_t size, bool last) {
    for (;;) {
      switch (events_.next(data, size)) {
        case sse::parse_status::failed: return {.error = errc::sse_limit_exceeded};
        case sse::parse_status::need_more: {
          const std::size_t consumed = events_.consumed();
          events_.discard(consumed);
          return {.bytes = consumed, .error = last ? errc::sse_no_response : errc{}};
        }
        case sse::parse_status::event: break;
      }
      const auto& [text, type, has_data] = events_.current();
      // An event without data only tells its id, from which the stream can be resumed.
      if (!text.empty() && (type.empty() || ascii::is(type, "message"))) {
        const errc fault = read_json(text);
        if (fault != errc{}) return {.error = fault};
        if (answered_ || owner_->gone()) return {.bytes = events_.consumed(), .finished = true};
      }
      owner_->on_event_id(events_.last_event_id());
    }
  }

  /// The body of a response that is no success: a JSON-RPC error, or text for a person.
  void read_error(char* data, std::size_t size) {
    if (kind_ == kind::json_error && read_json({data, size}) == errc{} && answered_ && why_->rpc_code())
      return;
    why_ = failure(errc::http_status).with_http_status(status_);
    why_->with_server_text(std::string_view(data, std::min(size, longest_quotation)));
  }

  /// One message, or a batch of them (2025-03-26). `text` lies in a receive buffer.
  errc read_json(std::string_view text) {
    const auto read = rpc::for_each_message({text}, *caps_, [this](const rpc::message& message) {
      if (!answered_ && !owner_->gone()) take(message);
    });
    return read ? errc{} : static_cast<errc>(read.error().code().value());
  }

  void take(const rpc::message& message) {
    switch (message.kind) {
      case rpc::message_kind::response:
        if (!id_ || !(message.id == *id_)) return owner_->on_ignored(errc::rpc_unexpected_id);
        answered_ = true;
        answer_ = message.result.text();
        // Absent in the legacy eras.
        if (message.result_type == "input_required") {
          why_ = failure(errc::input_required);
        } else if (message.result_type.present() && !(message.result_type == "complete")) {
          why_ = failure(errc::unknown_result_type);
        }
        return;
      case rpc::message_kind::error_response:
        // Without an id it answers the only request of this exchange.
        if (listens_) return owner_->on_ignored(errc::rpc_unexpected_id);
        error_has_own_id_ = id_ && message.id == *id_;
        // Our ids are numbers: some servers put a text in place of one that they do not know.
        if (message.id.number() && !error_has_own_id_) return owner_->on_ignored(errc::rpc_unexpected_id);
        answered_ = true;
        why_ = failure(errc::rpc_error);
        why_->with_http_status(status_).with_rpc_code(message.error_code);
        why_->with_server_text(message.error_message.string().value_or(""));
        if (message.error_data.present()) why_->with_server_data(message.error_data.text());
        return;
      case rpc::message_kind::notification:
      case rpc::message_kind::request: return owner_->on_message(message);
    }
  }

  const limits* caps_;
  listener* owner_;
  sse::event_parser events_;
  std::optional<std::int64_t> id_;
  kind kind_ = kind::ignored;
  int status_ = 0;
  bool wants_session_id_ = false;
  bool answered_ = false;
  bool listens_ = false;
  bool error_has_own_id_ = false;
  std::string_view answer_;
  std::optional<failure> why_;
  std::string location_;
  std::string session_id_;
};

}  // namespace mcp::inline v0::detail
