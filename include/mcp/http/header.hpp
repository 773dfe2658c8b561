// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/result.hpp>
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

template <class Text>
void append_field(Text& block, std::string_view name, std::string_view value) {
  block.append(name).append(": ").append(value).append("\r\n");
}

/// Adds the application's own fields. Those that frame the message or carry protocol state are refused,
/// so that no request has such a field twice.
template <class Text>
result<void> append_fields(Text& block, std::span<const header> fields) {
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
