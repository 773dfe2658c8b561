// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
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

namespace detail {

/// Whether `text`, of the same length and without control characters, equals `lower` without regard to
/// case. For 8 bytes or more that are letters, '-', '/' or '=': there, setting one bit in each is exact.
template <std::size_t Size>
bool is_word(const char* text, const char (&lower)[Size]) noexcept {
  constexpr std::size_t length = Size - 1;
  static_assert(length >= 8);
  const auto eight = [](const char* at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    return bytes | 0x2020202020202020U;
  };
  for (std::size_t i = 0; i + 8 < length; i += 8) {
    if (eight(text + i) != eight(lower + i)) return false;
  }
  return eight(text + length - 8) == eight(lower + length - 8);
}

}  // namespace detail

/// Whether a Content-Type value names the media type `lower` (in lower case), whatever its parameters
/// (RFC 9110 §8.3.1).
template <std::size_t Size>
bool media_type_is(std::string_view value, const char (&lower)[Size]) noexcept {
  value = trim_ows(value);
  if (value.size() < Size - 1 || !detail::is_word(value.data(), lower)) return false;
  value.remove_prefix(Size - 1);
  value = trim_ows(value);
  return value.empty() || value.front() == ';';
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
