// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/base64.hpp>
#include <mcp/http/fields.hpp>

#include <string>
#include <string_view>

namespace mcp::inline v0::detail {

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

}  // namespace mcp::inline v0::detail
