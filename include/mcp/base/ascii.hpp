// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#if defined(__SSE2__) || defined(_M_X64)
#include <bit>

#include <emmintrin.h>
#define MCP_HAS_SSE2 1
#endif

/// \file
/// Bytes as the text protocols see them: ASCII whatever the locale, and the scans on which the HTTP and SSE
/// parsers spend their time.
namespace mcp::inline v0::ascii {

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr char to_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr bool is_alpha(char c) noexcept { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }

/// Optional whitespace (RFC 9110 §5.6.3).
constexpr bool is_ows(char c) noexcept { return c == ' ' || c == '\t'; }

/// Value of a hexadecimal digit, -1 for anything else.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

namespace detail {

inline constexpr auto tchars = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    table[c] = is_alpha(byte) || is_digit(byte) ||
               std::string_view("!#$%&'*+-.^_`|~").find(byte) != std::string_view::npos;
  }
  return table;
}();

}  // namespace detail

/// A character of a token (RFC 9110 §5.6.2).
constexpr bool is_tchar(char c) noexcept { return detail::tchars[static_cast<unsigned char>(c)]; }

/// A control character other than HTAB; DEL is one.
constexpr bool is_control(char c) noexcept {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

/// Whether `text` is `word`: in place, without a call, which a string view's own comparison takes.
template <std::size_t Size>
constexpr bool is(std::string_view text, const char (&word)[Size]) noexcept {
  return text.size() == Size - 1 && std::char_traits<char>::compare(text.data(), word, Size - 1) == 0;
}

/// Whether `text` equals `lower`, which has no capital letters, without regard to case.
constexpr bool equals_lower(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  if (std::char_traits<char>::compare(text.data(), lower.data(), text.size()) == 0)
    return true;  // as most come
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != lower[i] && to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

/// Value of a text that is decimal digits and nothing else; what does not fit becomes the largest value.
constexpr std::optional<std::uint64_t> parse_decimal(std::string_view text) noexcept {
  constexpr auto max = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const std::uint64_t next = value * 10 + static_cast<std::uint64_t>(c - '0');
    value = text.size() > 19 && (value > max / 10 || next < value) ? max : next;
  }
  return value;
}

/// The first byte of [at, end) that is not a tchar, or `end`.
inline const char* skip_token(const char* at, const char* end) noexcept {
  while (at != end && is_tchar(*at)) ++at;
  return at;
}

/// The first byte of [at, end) that is a control character other than HTAB, or `end`.
inline const char* skip_text(const char* at, const char* end) noexcept {
  while (at != end && !is_control(*at)) ++at;
  return at;
}

/// The first CR or LF of [at, end), or `end`.
inline const char* skip_line(const char* at, const char* end) noexcept {
  while (at != end && *at != '\r' && *at != '\n') ++at;
  return at;
}

/// Where the blocks of the following functions end to lie in [begin, end): each of them reads a block
/// wherever it stands below this limit.
inline const char* block_limit(const char* begin, const char* end) noexcept {
  return end - begin < 16 ? begin : end - 15;
}

// A head start for the functions above: these skip the same bytes, blockwise, but may stop at any of them.
// Without SSE2 they stop where they begin.
#ifdef MCP_HAS_SSE2
namespace detail {

inline __m128i load_block(const char* at) noexcept {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// Moves `at` to the first byte of its block that is not set in `passed`, or behind the block; whether there
/// is such a byte.
inline bool stop_in_block(const char*& at, __m128i passed) noexcept {
  const unsigned stops = static_cast<unsigned>(_mm_movemask_epi8(passed)) ^ 0xffffU;
  at += stops == 0 ? 16 : std::countr_zero(stops);
  return stops != 0;
}

}  // namespace detail

/// Stops at what is neither a letter nor '-'.
inline const char* skip_token_blocks(const char* at, const char* limit) noexcept {
  while (at < limit) {
    const __m128i bytes = detail::load_block(at);
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
    // Shifted so that 'z' is the greatest signed byte, letters are all that is greater than '`'.
    const __m128i letters =
        _mm_cmpgt_epi8(_mm_add_epi8(folded, _mm_set1_epi8(127 - 'z')), _mm_set1_epi8('`' + (127 - 'z')));
    const __m128i hyphens = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    if (detail::stop_in_block(at, _mm_or_si128(letters, hyphens))) break;
  }
  return at;
}

/// Stops at what is neither visible ASCII nor a space.
inline const char* skip_text_blocks(const char* at, const char* limit) noexcept {
  while (at < limit) {
    // Shifted by one, DEL is the smallest signed byte, and all that is passed is greater than ' '.
    const __m128i shifted = _mm_add_epi8(detail::load_block(at), _mm_set1_epi8(1));
    if (detail::stop_in_block(at, _mm_cmpgt_epi8(shifted, _mm_set1_epi8(' ')))) break;
  }
  return at;
}

/// Stops at CR and LF.
inline const char* skip_line_blocks(const char* at, const char* limit) noexcept {
  while (at < limit) {
    const __m128i bytes = detail::load_block(at);
    const __m128i ends =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\r')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n')));
    if (detail::stop_in_block(at, _mm_cmpeq_epi8(ends, _mm_setzero_si128()))) break;
  }
  return at;
}

#undef MCP_HAS_SSE2
#else
inline const char* skip_token_blocks(const char* at, const char*) noexcept { return at; }
inline const char* skip_text_blocks(const char* at, const char*) noexcept { return at; }
inline const char* skip_line_blocks(const char* at, const char*) noexcept { return at; }
#endif

}  // namespace mcp::inline v0::ascii
