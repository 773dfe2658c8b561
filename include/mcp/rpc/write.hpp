// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/writer.hpp>
#include <mcp/rpc/id.hpp>

#include <cstdint>
#include <string_view>

namespace mcp::inline v0::rpc {

/// Appends a notification. `params` is JSON text of an object; empty for none.
template <json::ByteSink Sink>
void write_notification(Sink& sink, std::string_view method, std::string_view params = {}) {
  json::writer out(sink);
  out.begin_object().key("jsonrpc").string("2.0").key("method").string(method);
  if (!params.empty()) out.key("params").raw(params);
  out.end_object();
}

/// Appends the response to a request that was received under `id`. `result` is JSON text of an object.
template <json::ByteSink Sink>
void write_response(Sink& sink, const request_id& id, std::string_view result = "{}") {
  json::writer out(sink);
  out.begin_object().key("jsonrpc").string("2.0").key("id").raw(id.text());
  out.key("result").raw(result).end_object();
}

/// Appends an error response; with `null` for an id that is none.
template <json::ByteSink Sink>
void write_error(Sink& sink, const request_id& id, std::int64_t code, std::string_view message) {
  json::writer out(sink);
  out.begin_object().key("jsonrpc").string("2.0").key("id").raw(id.present() ? id.text() : "null");
  out.key("error").begin_object().key("code").integer(code).key("message").string(message).end_object();
  out.end_object();
}

}  // namespace mcp::inline v0::rpc
