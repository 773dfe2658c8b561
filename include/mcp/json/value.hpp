// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/text.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace mcp::inline v0::json {

/// The text of one JSON value: a view, without white space around it, decoded only when asked.
/// Default-constructed, it says "absent". What is malformed reads as no value of any kind.
class value {
 public:
  value() noexcept = default;
  /// `text` is one value that `walk` has shown or `validate` has passed; nothing is looked at here.
  explicit value(std::string_view text) noexcept : text_(text) {}

  std::string_view text() const noexcept { return text_; }
  bool present() const noexcept { return !text_.empty(); }

  bool is_object() const noexcept { return starts_with('{'); }
  bool is_array() const noexcept { return starts_with('['); }
  bool is_string() const noexcept { return starts_with('"'); }
  bool is_null() const noexcept { return text_ == "null"; }

  std::optional<bool> boolean() const noexcept {
    if (text_ == "true") return true;
    if (text_ == "false") return false;
    return std::nullopt;
  }

  /// A number written without fraction and exponent that fits.
  std::optional<std::int64_t> integer() const noexcept {
    // Ids are short: a loop of our own takes a quarter of from_chars.
    const bool negative = starts_with('-');
    const std::string_view digits = text_.substr(negative ? 1 : 0);
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) return std::nullopt;
    if (digits.size() > 18) return number_as<std::int64_t>();
    std::int64_t out = 0;
    for (const char c : digits) {
      if (c < '0' || c > '9') return std::nullopt;
      out = out * 10 + (c - '0');
    }
    return negative ? -out : out;
  }

  /// Any number within the range of a double.
  std::optional<double> number() const noexcept {
    const auto digit_at = [this](std::size_t at) {
      return at < text_.size() && text_[at] >= '0' && text_[at] <= '9';
    };
    // What from_chars takes and JSON does not: "01", ".5", "5.", "inf".
    const std::size_t first = starts_with('-') ? 1 : 0;
    const std::size_t point = text_.find('.');
    if (!digit_at(first) || (text_[first] == '0' && digit_at(first + 1))) return std::nullopt;
    if (point != std::string_view::npos && !digit_at(point + 1)) return std::nullopt;
    return number_as<double>();
  }

  /// Appends the decoded string; false, and perhaps a part of it appended, if this is none.
  template <class Text>
  bool append_to(Text& out) const {
    return is_string() && decode(inside(), [&out](std::string_view piece) { out.append(piece); });
  }

  /// The decoded string.
  std::optional<std::string> string() const {
    std::string out;
    if (!append_to(out)) return std::nullopt;
    return out;
  }

  /// Whether this is a string that decodes to `other`. Inlined so that a literal's length is known.
  [[gnu::always_inline]] friend bool operator==(const value& self, std::string_view other) noexcept {
    const std::size_t size = self.text_.size();
    if (size < other.size() + 2 || !self.is_string()) return false;
    // An escape is longer than what it stands for.
    if (size > other.size() + 2) return self.equals_decoded(other);
    return (other.empty() || std::memcmp(self.text_.data() + 1, other.data(), other.size()) == 0) &&
           std::ranges::find(other, '\\') == other.end();
  }

 private:
  bool starts_with(char c) const noexcept { return !text_.empty() && text_.front() == c; }
  std::string_view inside() const noexcept { return text_.substr(1, text_.size() - 2); }

  bool equals_decoded(std::string_view other) const noexcept {
    if (inside().find('\\') == std::string_view::npos) return false;
    bool equal = true;
    const bool decoded = decode(inside(), [&](std::string_view piece) {
      equal = equal && other.starts_with(piece);
      if (equal) other.remove_prefix(piece.size());
    });
    return decoded && equal && other.empty();
  }

  template <class T>
  std::optional<T> number_as() const noexcept {
    T out{};
    const char* const end = text_.data() + text_.size();
    const auto parsed = std::from_chars(text_.data(), end, out);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return out;
  }

  std::string_view text_;
};

}  // namespace mcp::inline v0::json
