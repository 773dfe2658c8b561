// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/limits.hpp>
#include <mcp/base/result.hpp>
#include <mcp/json/text.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/rpc/id.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace mcp::inline v0::rpc {

enum class message_kind { request, notification, response, error_response };

/// One JSON-RPC 2.0 message. Everything in it is a view into the text that was parsed; members that its
/// kind does not have are absent.
struct message {
  message_kind kind = message_kind::notification;
  request_id id;                ///< request, response; error response, if the sender knew it
  json::value method;           ///< request, notification: a string
  json::value params;           ///< request, notification: an object or array, if present
  json::value result;           ///< response: an object
  json::value result_type;      ///< response: `resultType` of the result, if present (MCP 2026-07-28)
  std::int64_t error_code = 0;  ///< error response
  json::value error_message;    ///< error response: a string
  json::value error_data;       ///< error response: anything, if present
};

namespace detail {

inline bool holds_nul(const json::value& key) {
  bool found = false;
  json::decode(key.text(), [&](std::string_view piece) { found = found || piece.find('\0') != piece.npos; });
  return found;
}

/// Fills `out` from a JSON text; whether that made a message. `verdict` tells whether it was JSON.
inline bool read_message(std::string_view text, const limits& caps, message& out, json::verdict& verdict) {
  json::value jsonrpc;
  json::value id;
  json::value error;
  json::value code;
  bool good = true;
  out = {};
  const auto visit = [&](std::size_t level, const json::value* keys, const json::value& item) {
    // Longest name first: a key that is longer than the name is searched for escapes.
    json::value* slot = nullptr;
    const json::value& key = keys[level];
    if (level == 1) {
      slot = key == "jsonrpc"  ? &jsonrpc
             : key == "result" ? &out.result
             : key == "method" ? &out.method
             : key == "params" ? &out.params
             : key == "error"  ? &error
             : key == "id"     ? &id
                               : nullptr;
    } else if (keys[1] == "result") {
      if (key == "resultType") out.result_type = item;
      return;
    } else if (keys[1] == "error") {
      slot = key == "message" ? &out.error_message
             : key == "code"  ? &code
             : key == "data"  ? &out.error_data
                              : nullptr;
    } else {
      return;
    }
    good = good && (slot != nullptr ? !slot->present() : !holds_nul(key));
    if (slot != nullptr) *slot = item;
  };
  verdict = json::walk<2>(text, caps.json_depth, visit);

  const auto received_id = request_id::from(id);
  if (!good || jsonrpc != "2.0" || !received_id) return false;
  out.id = *received_id;
  if (out.method.present()) {
    out.kind = id.present() ? message_kind::request : message_kind::notification;
    return out.method.is_string() && !out.result.present() && !error.present() && !id.is_null() &&
           (!out.params.present() || out.params.is_object() || out.params.is_array());
  }
  if (out.result.present()) {
    out.kind = message_kind::response;
    return out.result.is_object() && !error.present() && out.id.present();
  }
  const auto number = code.integer();
  out.kind = message_kind::error_response;
  out.error_code = number.value_or(0);
  return error.is_object() && number && out.error_message.is_string();
}

}  // namespace detail

/// Parses one message. Fails with `errc::json_invalid` if `text` is not JSON in UTF-8 or nested too
/// deep, and with `errc::rpc_invalid_message` if it is JSON but no message; a batch is none.
///
/// The whole text is checked, its opaque parts too. Unknown members are ignored; names count
/// case-sensitively and after unescaping. A member that the envelope or its `error` knows must not
/// repeat (JSON-RPC 2.0 §4, §5; MCP basic protocol, "Messages"). `out` means nothing after a failure.
inline result<void> parse(std::string_view text, const limits& caps, message& out) {
  json::verdict verdict{};
  const bool good = detail::read_message(text, caps, out, verdict);
  if (verdict == json::verdict::invalid) return errc::json_invalid;
  if (!good) return errc::rpc_invalid_message;
  return {};
}

/// Parses one message, or a batch of them (JSON-RPC 2.0 §6, in MCP 2025-03-26 only), and calls
/// `handle(const message&)` for each in order; for none if one of them is faulty. Errors are those of
/// `parse`; an empty batch is `errc::rpc_invalid_message`.
template <class Handle>
result<void> for_each_message(std::string_view text, const limits& caps, Handle&& handle) {
  message one;
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '[') {
    auto parsed = parse(text, caps, one);
    if (parsed) handle(std::as_const(one));
    return parsed;
  }
  if (json::walk(text, caps.json_depth) == json::verdict::invalid) return errc::json_invalid;
  const json::value batch(text.substr(first));
  bool any = false;
  bool good = true;
  json::for_each_element(batch, [&](const json::value& item) {
    any = true;
    good = good && parse(item.text(), caps, one);
  });
  if (!any || !good) return errc::rpc_invalid_message;
  json::for_each_element(batch, [&](const json::value& item) {
    if (parse(item.text(), caps, one)) handle(std::as_const(one));
  });
  return {};
}

}  // namespace mcp::inline v0::rpc
