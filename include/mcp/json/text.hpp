// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// White space in JSON text, and what the inside of a string stands for (RFC 8259 §2, §7, §8.1).

#include <mcp/base/config.hpp>

#include <simdjson.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mcp::inline v0::json {

namespace detail {

/// What follows a `\u`: a code point, or half a surrogate pair, and the bytes that it takes (0: none).
struct escaped_unit {
  std::uint32_t point;
  std::size_t size;
};

constexpr bool is_surrogate(std::uint32_t point) noexcept { return point >= 0xD800 && point <= 0xDFFF; }

inline escaped_unit read_unit(const char* p, const char* end) noexcept {
  const auto hex4 = [end](const char* from, std::uint32_t& unit) {
    return end - from >= 4 && std::from_chars(from, from + 4, unit, 16).ptr == from + 4;
  };
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (!hex4(p, high)) return {0, 0};
  if (high < 0xD800 || high > 0xDBFF || end - p < 6 || p[4] != '\\' || p[5] != 'u' || !hex4(p + 6, low) ||
      low < 0xDC00 || low > 0xDFFF) {
    return {high, 4};
  }
  return {0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 10};
}

/// UTF-8 of one code point (RFC 3629 §3) into `out`; the number of bytes.
inline std::size_t encode_utf8(std::uint32_t point, char (&out)[4]) noexcept {
  const std::size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (std::size_t i = size; --i > 0; point >>= 6) out[i] = static_cast<char>(0x80 | (point & 0x3F));
  constexpr unsigned char lead[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
  out[0] = static_cast<char>(lead[size] | point);
  return size;
}

}  // namespace detail

/// White space (RFC 8259 §2).
constexpr bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

constexpr std::string_view without_space_before(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}
constexpr std::string_view without_space_behind(std::string_view text) noexcept {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether `text` is well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
inline bool is_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

/// Calls `emit(std::string_view)` with the pieces that `escaped`, the inside of a JSON string, stands for;
/// false at an escape that JSON does not have. Half a surrogate pair becomes U+FFFD: JavaScript servers send
/// one where they cut a text, and RFC 8259 §8.2 leaves its meaning open. (simdjson 3.0 refuses it, which is
/// why this is not left to simdjson.)
template <class Emit>
bool decode(std::string_view escaped, Emit&& emit) {
  for (;;) {
    const std::size_t slash = escaped.find('\\');
    if (const auto run = escaped.substr(0, slash); !run.empty()) emit(run);
    if (slash == std::string_view::npos) return true;
    if (escaped.size() - slash < 2) return false;
    char out[4] = {escaped[slash + 1]};
    escaped.remove_prefix(slash + 2);
    std::size_t size = 1;
    switch (out[0]) {
      case '"':
      case '\\':
      case '/': break;
      case 'b': out[0] = '\b'; break;
      case 'f': out[0] = '\f'; break;
      case 'n': out[0] = '\n'; break;
      case 'r': out[0] = '\r'; break;
      case 't': out[0] = '\t'; break;
      case 'u': {
        const auto unit = detail::read_unit(escaped.data(), escaped.data() + escaped.size());
        if (unit.size == 0) return false;
        size = detail::encode_utf8(detail::is_surrogate(unit.point) ? 0xFFFD : unit.point, out);
        escaped.remove_prefix(unit.size);
        break;
      }
      default: return false;
    }
    emit(std::string_view(out, size));
  }
}

}  // namespace mcp::inline v0::json
