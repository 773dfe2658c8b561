// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the inside of a JSON string is made of: plain runs, escapes, UTF-8 (RFC 8259 §7, §8.1).

#include <mcp/base/config.hpp>

#include <simdjson.h>

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mcp::inline v0::json {

namespace detail {

/// A quote, a backslash, or a control character: what a string cannot hold unescaped.
constexpr bool is_special(char c) noexcept {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

/// The first special byte of [`p`, `end`), or `end`. Makes `non_ascii` other than 0 if a byte over 0x7F
/// is before it, and perhaps if one is less than a word behind.
///
/// Inlined because most strings end within the first word.
[[gnu::always_inline]] inline const char* find_special(const char* p, const char* end,
                                                       unsigned& non_ascii) noexcept {
#if defined(__SSE2__)
  const auto specials_of = [&non_ascii](__m128i word) {
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(word, _mm_set1_epi8(0x1F)), word);
    const __m128i quote = _mm_cmpeq_epi8(word, _mm_set1_epi8('"'));
    const __m128i backslash = _mm_cmpeq_epi8(word, _mm_set1_epi8('\\'));
    non_ascii |= static_cast<unsigned>(_mm_movemask_epi8(word));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)));
  };
  for (; end - p >= 16; p += 16) {
    const unsigned specials = specials_of(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    if (specials != 0) return p + std::countr_zero(specials);
  }
  if (end - p >= 8) {
    const unsigned specials = specials_of(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))) & 0xFF;
    if (specials != 0) return p + std::countr_zero(specials);
    p += 8;
  }
#else
  constexpr auto repeat = [](unsigned char byte) { return 0x0101'0101'0101'0101u * byte; };
  for (; end - p >= 8; p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    const std::uint64_t quote = word ^ repeat('"');
    const std::uint64_t backslash = word ^ repeat('\\');
    const std::uint64_t special = ((quote - repeat(1)) & ~quote) | ((backslash - repeat(1)) & ~backslash) |
                                  ((word - repeat(0x20)) & ~word);
    non_ascii |= (word & repeat(0x80)) != 0;
    if ((special & repeat(0x80)) != 0) break;
  }
#endif
  for (; p != end && !is_special(*p); ++p) non_ascii |= static_cast<unsigned char>(*p) & 0x80u;
  return p;
}

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

/// Whether `text` is well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
inline bool is_utf8(std::string_view text) noexcept {
  return simdjson::validate_utf8(text.data(), text.size());
}

/// Calls `emit(std::string_view)` with the pieces that `escaped`, the inside of a checked JSON string,
/// stands for. Half a surrogate pair becomes U+FFFD: JavaScript servers send one where they cut a text,
/// and RFC 8259 §8.2 leaves its meaning open.
template <class Emit>
void decode(std::string_view escaped, Emit&& emit) {
  for (;;) {
    const std::size_t slash = escaped.find('\\');
    if (const auto run = escaped.substr(0, slash); !run.empty()) emit(run);
    if (slash == std::string_view::npos || escaped.size() - slash < 2) return;
    char out[4] = {escaped[slash + 1]};  // quote, backslash and solidus stand for themselves
    escaped.remove_prefix(slash + 2);
    std::size_t size = 1;
    switch (out[0]) {
      case 'b': out[0] = '\b'; break;
      case 'f': out[0] = '\f'; break;
      case 'n': out[0] = '\n'; break;
      case 'r': out[0] = '\r'; break;
      case 't': out[0] = '\t'; break;
      case 'u': {
        const auto unit = detail::read_unit(escaped.data(), escaped.data() + escaped.size());
        size = detail::encode_utf8(detail::is_surrogate(unit.point) ? 0xFFFD : unit.point, out);
        escaped.remove_prefix(unit.size);
        break;
      }
      default: break;
    }
    emit(std::string_view(out, size));
  }
}

}  // namespace mcp::inline v0::json
