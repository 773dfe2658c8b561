// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

/// \file
/// Field names and values of HTTP (RFC 9110 §5).
namespace mcp::inline v0::http {

/// Whether `text` is a token, as field names and methods are (RFC 9110 §5.6.2).
inline bool is_token(std::string_view text) noexcept {
  const char* const end = text.data() + text.size();
  return !text.empty() && ascii::skip_token(text.data(), end) == end;
}

/// Whether `text` may be sent as a field value: visible ASCII, spaces and tabs, none of these at its ends
/// (RFC 9110 §5.5). obs-text is not sent: no two servers agree on what it means.
inline bool is_field_value(std::string_view text) noexcept {
  if (text.empty()) return true;
  if (ascii::is_ows(text.front()) || ascii::is_ows(text.back())) return false;
  for (const char c : text) {
    if (ascii::is_control(c) || static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

/// `text` without spaces and tabs at its ends.
constexpr std::string_view trim_ows(std::string_view text) noexcept {
  while (!text.empty() && ascii::is_ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && ascii::is_ows(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether a Content-Type value names the media type `lower` (in lower case), whatever its parameters
/// (RFC 9110 §8.3.1).
constexpr bool media_type_is(std::string_view value, std::string_view lower) noexcept {
  return ascii::equals_lower(trim_ows(value.substr(0, value.find(';'))), lower);
}

/// Takes the next element off a comma-separated list (RFC 9110 §5.6.1), trimmed. Empty elements are passed
/// over; a comma inside a quoted string separates nothing. `nullopt` at the end.
constexpr std::optional<std::string_view> next_element(std::string_view& list) noexcept {
  while (!list.empty()) {
    std::size_t size = 0;
    for (bool quoted = false; size < list.size(); ++size) {
      const char c = list[size];
      if (c == ',' && !quoted) break;
      if (c == '"') quoted = !quoted;
      if (c == '\\' && quoted) ++size;
    }
    const std::string_view element = trim_ows(list.substr(0, size));
    list.remove_prefix(std::min(size + 1, list.size()));
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

}  // namespace mcp::inline v0::http
