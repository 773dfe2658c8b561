// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/text.hpp>

#include <bit>
#include <charconv>
#include <cmath>
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
    // The second time, what is left and some of what was seen.
    for (const char* const last = end - 8;; p = last) {
      const unsigned specials = specials_of(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))) & 0xFF;
      if (specials != 0) return p + std::countr_zero(specials);
      if (p == last) return end;
    }
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

}  // namespace detail

/// Anything that bytes can be appended to, such as `std::string` or a request buffer.
template <class T>
concept ByteSink = requires(T& sink, std::string_view bytes) { sink.append(bytes); };

/// Appends JSON text to a sink and sets the commas.
///
///     json::writer out(buffer);
///     out.begin_object().key("n").integer(1).key("list").begin_array().string("a").end_array().end_object();
///
/// Nesting and keys are the caller's duty. A string that is not UTF-8 or a number that is not finite has
/// no JSON text: `ok()` is false from then on, and what was appended must not be sent.
template <ByteSink Sink>
class writer {
 public:
  explicit writer(Sink& sink) noexcept : sink_(sink) {}

  bool ok() const noexcept { return ok_; }

  writer& begin_object() { return open("{"); }
  writer& end_object() { return close("}"); }
  writer& begin_array() { return open("["); }
  writer& end_array() { return close("]"); }

  writer& key(std::string_view name) {
    string(name);
    sink_.append(":");
    comma_ = false;
    return *this;
  }

  writer& string(std::string_view text) {
    separate();
    sink_.append("\"");
    const char* p = text.data();
    const char* const end = p + text.size();
    unsigned non_ascii = 0;
    for (;;) {
      const char* const run = p;
      p = detail::find_special(p, end, non_ascii);
      if (p != run) sink_.append(std::string_view(run, p));
      if (p == end) break;
      escape(*p++);
    }
    sink_.append("\"");
    if (non_ascii != 0 && !is_utf8(text)) ok_ = false;
    return *this;
  }

  writer& integer(std::int64_t value) { return number_text(value); }

  /// The shortest text that reads back as the same double.
  writer& number(double value) {
    if (std::isfinite(value)) return number_text(value);
    ok_ = false;
    return *this;
  }

  writer& boolean(bool value) { return raw(value ? "true" : "false"); }
  writer& null() { return raw("null"); }

  /// One value that is JSON text already; it is not looked at.
  writer& raw(std::string_view json) {
    separate();
    sink_.append(json);
    return *this;
  }

 private:
  void separate() {
    if (comma_) sink_.append(",");
    comma_ = true;
  }
  writer& open(std::string_view bracket) {
    separate();
    sink_.append(bracket);
    comma_ = false;
    return *this;
  }
  writer& close(std::string_view bracket) {
    sink_.append(bracket);
    comma_ = true;
    return *this;
  }

  void escape(char c) {
    constexpr std::string_view plain = "\"\\\b\f\n\r\t";
    constexpr std::string_view letters = "\"\\bfnrt";
    constexpr std::string_view digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    char out[] = {'\\', 'u', '0', '0', digits[byte / 16], digits[byte % 16]};
    const std::size_t at = plain.find(c);
    if (at != std::string_view::npos) out[1] = letters[at];
    sink_.append(std::string_view(out, at != std::string_view::npos ? 2 : 6));
  }

  template <class T>
  writer& number_text(T value) {
    char digits[32];  // a double takes 24 at most
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return raw(std::string_view(digits, end));
  }

  Sink& sink_;
  bool comma_ = false;
  bool ok_ = true;
};

}  // namespace mcp::inline v0::json
