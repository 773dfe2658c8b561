// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/http/fields.hpp>
#include <mcp/http/header.hpp>
#include <mcp/http/request.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/session/channel.hpp>
#include <mcp/session/headers.hpp>
#include <mcp/session/options.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mcp::inline v0::detail {

/// What a call sends, in one attempt after another.
///
/// What depends only on the caller's arguments is rendered before the call is awaited. What depends on the
/// attempt (id, session, era) is put around it when the attempt begins.
class outgoing {
 public:
  enum class kind { request, message, stream };

  /// A request. The members of its `params` are to be appended to what this returns. `name` is what
  /// `Mcp-Name` mirrors; empty where the method has no such field. `method` must outlive the call.
  http::request_buffer& begin_request(std::string_view method, std::string_view name) {
    kind_ = kind::request;
    method_ = method;
    name_.append(name);
    body_.append(R"("method":")", method, R"(","params":{)");
    return body_;
  }

  /// A notification, or a response to the server; `json` is the whole message. `method` must outlive the
  /// call.
  void begin_message(std::string_view method, std::string_view json) {
    kind_ = kind::message;
    method_ = method;
    body_.append(json);
  }

  /// A GET for what the server says unasked.
  void begin_stream() {
    kind_ = kind::stream;
    method_ = "GET";
  }

  /// For a method whose text does not live as long as the call.
  std::string_view keep(std::string_view method) { return kept_.assign(method); }

  /// Checks what the caller wants in every attempt besides, and takes the header fields.
  result<void> add(const call_options& options) {
    if (!options.meta.empty() && !json::validate("{" + std::string(options.meta) + "}"))
      return failure(errc::invalid_argument, "call_options::meta is not the inside of a JSON object");
    return options.headers.empty() ? result<void>() : append_fields(fields_, options.headers);
  }

  /// All that depends on the caller's arguments is there.
  void fix() noexcept { body_.fix(); }

  kind what() const noexcept { return kind_; }
  std::string_view method() const noexcept { return method_; }
  /// Of the tool, prompt or resource, for methods that mirror it.
  const std::string& name() const noexcept { return name_; }
  /// `params` of the request, as the caller gave them.
  std::string params() const {
    const auto text = body_.fixed();
    return std::string(text.substr(text.find('{'))) + "}";
  }

  /// The POST of one attempt; `id` is the request's, and its progress token as well.
  std::string_view post(const channel& to, std::uint64_t id, const call_options& options) {
    body_.rewind();
    if (kind_ == kind::request) put_around_params(to, id, options);
    if (to.era == protocol_era::legacy || method_.empty()) {
      http::prepend_head(body_, head(to.post_head), fields_);
    } else {
      const bool has_name = !name_.empty();
      http::prepend_head(body_, head(to.post_head), fields_, "Mcp-Method: ", method_,
                         has_name ? "\r\nMcp-Name: " : "", has_name ? mirrored(name_, encoded_) : "", "\r\n");
    }
    return body_.view();
  }

  /// The GET that takes up a stream behind its last event (2025-11-25, "Resumability and Redelivery"), or
  /// that opens one ("Listening for Messages from the Server").
  std::string_view get(const channel& to, std::string_view last_event_id) {
    stream_head_.assign(head(to.get_head)).append(fields_);
    if (!last_event_id.empty()) append_field(stream_head_, "Last-Event-ID", last_event_id);
    return stream_head_.append("\r\n");
  }

  /// The next attempt goes to where a 307 or 308 points, if that is within the origin (RFC 9110 §15.4.8).
  bool redirect(const channel& to, std::string_view location) {
    const auto next = to.endpoint.resolve(location);
    if (!next || !next->same_origin(to.endpoint) || ++redirects_ > to.options.limits.redirects) return false;
    target_ = next->target();
    return true;
  }

  void clear() noexcept {
    body_.clear();
    fields_.clear();
    name_.clear();
    target_.clear();
    redirects_ = 0;
  }

 private:
  /// What all requests begin with, after a redirect with another target.
  std::string_view head(const secret_text& usual) {
    if (target_.empty()) return usual;
    redirected_.assign(usual, 0, usual.find(' ') + 1).append(target_);
    return redirected_.append(usual, usual.find(" HTTP/1.1"));
  }

  void put_around_params(const channel& to, std::uint64_t id, const call_options& options) {
    const bool modern = to.era == protocol_era::modern;
    if (modern || options.on_progress || !options.meta.empty()) {
      const std::string_view own = modern ? std::string_view(to.meta_members) : "";
      const bool both = !own.empty() && !options.meta.empty();
      body_.append(body_.view().back() == '{' ? "" : ",", R"("_meta":{)", options.meta, both ? "," : "", own);
      if (options.on_progress) body_.append(body_.view().back() == '{' ? "" : ",", R"("progressToken":)", id);
      body_.append("}}}");
    } else {
      body_.append("}}");
    }
    body_.prepend(R"({"jsonrpc":"2.0","id":)", id, ",");
  }

  kind kind_ = kind::message;
  std::string_view method_;
  std::string kept_;  // what `method_` shows, where its text does not live as long as the call
  std::string name_;
  secret_text fields_;  // of the caller
  http::request_buffer body_;

  std::string target_;  // after a redirect
  secret_text redirected_;
  std::size_t redirects_ = 0;
  std::string encoded_;      // what mirrors the name, where it is no field value
  secret_text stream_head_;  // of a GET
};

}  // namespace mcp::inline v0::detail
