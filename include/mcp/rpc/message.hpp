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

/// Whether a key that is none of ours may stand there.
inline bool is_key(const json::value& key) {
  if (!key.present()) return false;
  bool holds_nul = false;
  const auto look = [&](std::string_view piece) { holds_nul = holds_nul || piece.find('\0') != piece.npos; };
  return json::decode(key.text().substr(1, key.text().size() - 2), look) && !holds_nul;
}

/// Fills `out`, a new one, from a JSON text; whether that made a message. `is_json` tells whether it was
/// JSON.
inline bool read_message(json::padded_text text, const limits& caps, message& out, bool& is_json) {
  json::value jsonrpc;
  json::value id;
  json::value error;
  json::value code;
  bool good = true;
  const auto keep = [&](json::value& slot, json::value found) {
    good = good && !slot.present();
    slot = found;
  };
  const auto in_result = [&](json::item& member) {
    if (member.key_among("resultType") == 0) out.result_type = member.take();
  };
  const auto in_error = [&](json::item& member) {
    switch (member.key_among("code", "message", "data")) {
      case 0: return keep(code, member.take());
      case 1: return keep(out.error_message, member.take());
      case 2: return keep(out.error_data, member.take());
      default: good = good && is_key(member.key());
    }
  };
  const auto in_envelope = [&](json::item& member) {
    switch (member.key_among("jsonrpc", "id", "result", "error", "method", "params")) {
      case 0: return keep(jsonrpc, member.take());
      case 1: return keep(id, member.take());
      case 2: return keep(out.result, member.take(in_result));
      case 3: return keep(error, member.take(in_error));
      case 4: return keep(out.method, member.take());
      case 5: return keep(out.params, member.take());
      default: good = good && is_key(member.key());
    }
  };
  is_json = json::walk(text, caps.json_depth, in_envelope);

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

inline result<void> parse_new(json::padded_text text, const limits& caps, message& out) {
  bool is_json = false;
  const bool good = read_message(text, caps, out, is_json);
  if (!is_json) return errc::json_invalid;
  if (!good) return errc::rpc_invalid_message;
  return {};
}

}  // namespace detail

/// Parses one message, where it lies. Fails with `errc::json_invalid` if `text` is not an object or array,
/// not UTF-8, unbalanced or nested too deep, and with `errc::rpc_invalid_message` if it is no message; a
/// batch is none.
///
/// The structure of the whole text is checked, its opaque parts too (see `json::walk`). Unknown members are
/// ignored; names count case-sensitively and after unescaping. A member that the envelope or its `error`
/// knows must not repeat (JSON-RPC 2.0 §4, §5; MCP basic protocol, "Messages"). `out` means nothing after a
/// failure.
inline result<void> parse(json::padded_text text, const limits& caps, message& out) {
  out = {};
  return detail::parse_new(text, caps, out);
}

/// Parses one message, or a batch of them (JSON-RPC 2.0 §6, in MCP 2025-03-26 only), and calls
/// `handle(const message&)` for each in order; for none if one of them is faulty. Errors are those of
/// `parse`; an empty batch is `errc::rpc_invalid_message`.
template <class Handle>
result<void> for_each_message(json::padded_text text, const limits& caps, Handle&& handle) {
  message one;
  if (!json::without_space_before(text.text).starts_with('[')) {
    auto parsed = detail::parse_new(text, caps, one);
    if (parsed) handle(std::as_const(one));
    return parsed;
  }
  bool any = false;
  bool good = true;
  const auto each = [&](auto&& use) {
    return json::walk(text, caps.json_depth, [&](json::item& element) {
      any = true;
      good = good && parse({element.take().text()}, caps, one);
      if (good) use(std::as_const(one));
    });
  };
  if (!each([](const message&) {})) return errc::json_invalid;
  if (!any || !good) return errc::rpc_invalid_message;
  each(handle);
  return {};
}

}  // namespace mcp::inline v0::rpc
