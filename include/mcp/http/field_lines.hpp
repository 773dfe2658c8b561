// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace mcp::inline v0::http {

/// Where the name and the value of a field stand in the buffer.
struct field_span {
  std::uint32_t name, name_size, value, value_size;
};

enum class line_status { need_more, complete, malformed, table_full };

/// Whether CRLF stands at `here`.
inline line_status expect_crlf(const char* here, const char* end) noexcept {
  if (end - here < 2) return here == end || *here == '\r' ? line_status::need_more : line_status::malformed;
  return std::memcmp(here, "\r\n", 2) == 0 ? line_status::complete : line_status::malformed;
}

/// Moves `here` over text, to the CRLF that must stand behind it.
inline line_status skip_to_crlf(const char*& here, const char* limit, const char* end) noexcept {
  here = ascii::skip_text_blocks(here, limit);
  if (expect_crlf(here, end) == line_status::complete) return line_status::complete;
  here = ascii::skip_text(here, end);
  return expect_crlf(here, end);
}

/// Reads the field lines of a head or of a trailer section, and the empty line behind them (RFC 9112 §5).
/// Strict: obs-fold, bare CR or LF, control characters (RFC 9110 §5.5), white space before the colon and
/// empty names are malformed. obs-text is let through.
///
/// Works on any split of its input and scans no byte twice.
class field_line_reader {
 public:
  void start() noexcept { scanned_ = name_size_ = 0; }

  /// Reads lines from `at` on and moves `at` behind each that is complete; where it stands goes into
  /// `table[count++]`. `complete`: the section has ended. `need_more`: call again with the same bytes from
  /// `at` on, and more. `table_full`: there is one more line.
  ///
  /// Inlined by force, as its callers are: reading a head takes a tenth fewer instructions as one function.
  [[gnu::always_inline]] line_status read(const char* data, std::size_t size, std::size_t& at,
                                          std::span<field_span> table, std::size_t& count) noexcept {
    const char* const end = data + size;
    const char* const limit = ascii::block_limit(data, end);
    const char* line = data + at;
    const char* here = line + scanned_;
    const char* colon = name_size_ == 0 ? nullptr : line + name_size_;
    field_span* slot = table.data() + count;
    const auto stop = [&](line_status why) {
      at = static_cast<std::size_t>(line - data);
      scanned_ = static_cast<std::size_t>(here - line);
      name_size_ = colon == nullptr ? 0 : static_cast<std::size_t>(colon - line);
      count = static_cast<std::size_t>(slot - table.data());
      return why;
    };
    for (;;) {
      if (colon == nullptr) {
        here = ascii::skip_token_blocks(here, limit);
        if (here == end || *here != ':') here = ascii::skip_token(here, end);
        if (here == line) {
          const line_status ending = expect_crlf(here, end);
          if (ending == line_status::complete) line = here += 2;
          return stop(ending);
        }
        if (here == end) return stop(line_status::need_more);
        if (*here != ':') return stop(line_status::malformed);
        colon = here;
      }
      const line_status ending = skip_to_crlf(here, limit, end);
      if (ending != line_status::complete) return stop(ending);
      if (slot == table.data() + table.size()) return stop(line_status::table_full);
      *slot++ = place(data, line, colon, here);
      line = here += 2;
      colon = nullptr;
    }
  }

 private:
  static field_span place(const char* data, const char* line, const char* colon, const char* end) noexcept {
    // The value is text: what is not above a space in it is a space or HTAB.
    const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    const char* value = colon + 1;
    if (*value == ' ') ++value;  // nearly always so, and nothing else
    if (is_blank(*value) || is_blank(end[-1])) {
      while (is_blank(end[-1])) --end;  // stops at the colon
      for (value = colon + 1; value < end && is_blank(*value);) ++value;
    }
    const auto distance = [](const char* from, const char* to) {
      return static_cast<std::uint32_t>(to - from);
    };
    return {distance(data, line), distance(line, colon), distance(data, value), distance(value, end)};
  }

  // Of the line that is not complete yet; offsets, since its bytes may move between calls.
  std::size_t scanned_ = 0;
  std::size_t name_size_ = 0;  // 0: the colon is not found yet
};

}  // namespace mcp::inline v0::http
