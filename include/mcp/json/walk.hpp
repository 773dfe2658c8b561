// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The one JSON parser of this library: a pass over a text that checks all of it and shows its outer
/// members. Messages are walked once when they arrive; what lies deeper is walked when it is read.

#include <mcp/base/limits.hpp>
#include <mcp/base/result.hpp>
#include <mcp/json/text.hpp>
#include <mcp/json/value.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace mcp::inline v0::json {

/// Nesting beyond which no limit reaches.
inline constexpr std::size_t max_nesting = 1024;

/// What a walk says about its text.
enum class verdict : unsigned char {
  invalid,         ///< not one JSON value in UTF-8 (RFC 8259), or nested too deep
  half_surrogate,  ///< JSON, but a string of it escapes half a surrogate pair and so is not Unicode
  valid,
};

namespace detail {

// A position goes in, the one behind what is skipped comes out, null if it is not there.

inline const char* skip_spaces(const char* p, const char* end) noexcept {
  while (p != end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) ++p;
  return p;
}

/// Servers send compact text, so only the test for white space is inlined.
[[gnu::always_inline]] inline const char* skip_space(const char* p, const char* end) noexcept {
  return p != end && static_cast<unsigned char>(*p) <= ' ' ? skip_spaces(p, end) : p;
}

/// At a backslash.
inline const char* skip_escape(const char* p, const char* end, bool& half_surrogate) noexcept {
  if (end - p < 2) return nullptr;
  const char c = p[1];
  p += 2;
  if (c != 'u') return std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos ? p : nullptr;
  const escaped_unit unit = read_unit(p, end);
  if (unit.size == 0) return nullptr;
  half_surrogate = half_surrogate || is_surrogate(unit.point);
  return p + unit.size;
}

/// At a quote.
[[gnu::always_inline]] inline const char* skip_string(const char* p, const char* end, unsigned& non_ascii,
                                                      bool& half_surrogate) noexcept {
  for (++p;;) {
    p = find_special(p, end, non_ascii);
    if (p == end) return nullptr;
    if (*p == '"') return p + 1;
    if (*p != '\\') return nullptr;
    p = skip_escape(p, end, half_surrogate);
    if (p == nullptr) return nullptr;
  }
}

inline const char* skip_digits(const char* p, const char* end) noexcept {
  if (p == end || *p < '0' || *p > '9') return nullptr;
  while (p != end && *p >= '0' && *p <= '9') ++p;
  return p;
}

/// A number or one of the three literals. Not at the end.
inline const char* skip_scalar(const char* p, const char* end) noexcept {
  const auto literal = [&](std::string_view word) {
    return std::string_view(p, end).starts_with(word) ? p + word.size() : nullptr;
  };
  switch (*p) {
    case 't': return literal("true");
    case 'f': return literal("false");
    case 'n': return literal("null");
    case '-': ++p; break;
    default: break;
  }
  p = p != end && *p == '0' ? p + 1 : skip_digits(p, end);
  if (p != nullptr && p != end && *p == '.') p = skip_digits(p + 1, end);
  if (p == nullptr || p == end || (*p != 'e' && *p != 'E')) return p;
  ++p;
  if (p != end && (*p == '+' || *p == '-')) ++p;
  return skip_digits(p, end);
}

struct no_visit {
  void operator()(std::size_t, const value*, const value&) const noexcept {}
};

}  // namespace detail

/// Checks `text` against the whole grammar of RFC 8259, UTF-8 included, and calls
/// `visit(level, keys, item)` behind each member and element of the outermost `Levels` levels.
///
/// Levels count from 1. `keys[level]` is the member's key, absent for an element; `keys[1]` to
/// `keys[level - 1]` are those that lead to it. A container's members come before it. Visits happen
/// before the verdict is known: forget them if it is `invalid`. Duplicate keys and numbers of any size
/// pass; they concern whoever reads the values.
///
/// Nothing is copied or allocated, depth costs no stack, and the text needs no padding. All values are
/// views into it.
template <std::size_t Levels = 0, class Visit = detail::no_visit>
verdict walk(std::string_view text, std::size_t max_depth, Visit visit = {}) {
  std::array<char, max_nesting + 1> closers;  // by level; deliberately not initialised
  std::array<const char*, Levels + 1> starts;
  std::array<value, Levels + 1> keys;
  if (max_depth > max_nesting) max_depth = max_nesting;
  const char* const end = text.data() + text.size();
  const char* p = detail::skip_space(text.data(), end);
  std::size_t depth = 0;
  unsigned non_ascii = 0;
  bool half_surrogate = false;
  if (p == end) return verdict::invalid;
  for (;;) {  // at a value
    char closer = 0;
    bool entered = false;
    if (depth <= Levels) starts[depth] = p;
    if (*p == '"') {
      p = detail::skip_string(p, end, non_ascii, half_surrogate);
    } else if (*p == '{' || *p == '[') {
      if (depth == max_depth) return verdict::invalid;
      closer = static_cast<char>(*p + 2);  // in ASCII, both closing brackets
      p = detail::skip_space(p + 1, end);
      if (p == end) return verdict::invalid;
      if (*p == closer) {
        ++p;
      } else {
        entered = true;
        ++depth;
        closers[depth] = closer;
        if (depth <= Levels) keys[depth] = value();
      }
    } else {
      p = detail::skip_scalar(p, end);
    }
    if (p == nullptr) return verdict::invalid;

    if (!entered) {
      for (;; ++p, --depth) {  // behind a value
        if (depth == 0) {
          if (detail::skip_space(p, end) != end) return verdict::invalid;
          if (non_ascii != 0 && !is_utf8(text)) return verdict::invalid;
          return half_surrogate ? verdict::half_surrogate : verdict::valid;
        }
        if (depth <= Levels) visit(depth, keys.data(), value({starts[depth], p}));
        p = detail::skip_space(p, end);
        if (p == end) return verdict::invalid;
        closer = closers[depth];
        if (*p == ',') break;
        if (*p != closer) return verdict::invalid;
      }
      p = detail::skip_space(p + 1, end);
      if (p == end) return verdict::invalid;
    }

    if (closer == ']') continue;
    if (*p != '"') return verdict::invalid;
    const char* const key = p;
    p = detail::skip_string(p, end, non_ascii, half_surrogate);
    if (p == nullptr) return verdict::invalid;
    if (depth <= Levels) keys[depth] = value({key, p});
    p = detail::skip_space(p, end);
    if (p == end || *p != ':') return verdict::invalid;
    p = detail::skip_space(p + 1, end);
    if (p == end) return verdict::invalid;
  }
}

/// The one value that a caller's text holds, without the white space around it. Refuses with
/// `errc::invalid_argument` what some server might refuse: anything but `verdict::valid`.
inline result<value> validate(std::string_view text, std::size_t max_depth = limits{}.json_depth) {
  if (walk(text, max_depth) != verdict::valid) return failure(errc::invalid_argument, "not valid JSON");
  constexpr std::string_view space = " \t\r\n";
  text.remove_prefix(text.find_first_not_of(space));
  return value(text.substr(0, text.find_last_not_of(space) + 1));
}

/// Calls `visit(key, item)` for the members of a checked object, in order.
template <class Visit>
void for_each_member(const value& object, Visit&& visit) {
  if (!object.is_object()) return;
  walk<1>(object.text(), max_nesting,
          [&](std::size_t, const value* keys, const value& item) { visit(keys[1], item); });
}

/// Calls `visit(item)` for the elements of a checked array, in order.
template <class Visit>
void for_each_element(const value& array, Visit&& visit) {
  if (!array.is_array()) return;
  walk<1>(array.text(), max_nesting, [&](std::size_t, const value*, const value& item) { visit(item); });
}

/// The member `name` of a checked object; absent if there is none. Of duplicates the last one counts,
/// as in most languages.
inline value find_member(const value& object, std::string_view name) {
  value found;
  for_each_member(object, [&](const value& key, const value& item) {
    if (key == name) found = item;
  });
  return found;
}

}  // namespace mcp::inline v0::json
