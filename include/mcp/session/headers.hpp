// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/base64.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/url.hpp>
#include <mcp/base/version.hpp>
#include <mcp/http/fields.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace mcp::inline v0 {

/// An HTTP header field that the application adds to requests. Does not own its text.
struct header {
  std::string_view name;
  std::string_view value;
};

namespace detail {

inline void append_field(std::string& block, std::string_view name, std::string_view value) {
  block.append(name).append(": ").append(value).append("\r\n");
}

/// A value as it must stand in `Mcp-Name` and `Mcp-Param-*`: as it is where it is a plain field value,
/// otherwise Base64 in the sentinel form (2026-07-28, Streamable HTTP, "Value Encoding"), which is put into
/// `encoded`.
inline std::string_view mirrored(std::string_view value, std::string& encoded) {
  static constexpr std::string_view prefix = "=?base64?", suffix = "?=";
  const bool looks_encoded = value.starts_with(prefix) && value.ends_with(suffix);
  if (!value.empty() && !looks_encoded && http::is_field_value(value)) return value;
  encoded.assign(prefix);
  mcp::encode_base64(encoded, value);
  return encoded.append(suffix);
}

/// The member of a request's `params` that `Mcp-Name` mirrors; empty for methods that have no such field
/// (2026-07-28, Streamable HTTP, "Standard Request Headers").
inline std::string_view mirrored_member(std::string_view method) noexcept {
  if (method == "tools/call" || method == "prompts/get") return "name";
  return method == "resources/read" ? "uri" : "";
}

/// Adds the application's own fields. Those that frame the message or carry protocol state are refused,
/// so that no request has such a field twice.
inline result<void> append_fields(std::string& block, std::span<const header> fields) {
  static constexpr std::array<std::string_view, 13> reserved = {
      "host",       "content-length",  "content-type", "transfer-encoding", "connection",
      "accept",     "accept-encoding", "expect",       "upgrade",           "te",
      "keep-alive", "trailer",         "user-agent"};
  for (const auto& [name, value] : fields) {
    if (!http::is_token(name) || !http::is_field_value(value))
      return failure(errc::invalid_header_value, "header field " + std::string(name.substr(0, 64)));
    const bool taken =
        std::ranges::any_of(reserved, [&](auto own) { return ascii::equals_lower(name, own); }) ||
        ascii::equals_lower(name.substr(0, 4), "mcp-");
    if (taken)
      return failure(errc::invalid_argument, "header field " + std::string(name) + " is set by the library");
    append_field(block, name, value);
  }
  return {};
}

}  // namespace detail
}  // namespace mcp::inline v0
