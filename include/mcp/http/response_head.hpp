// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/error.hpp>
#include <mcp/http/field_lines.hpp>
#include <mcp/http/fields.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace mcp::inline v0::http {

/// A field as it stands in the buffer.
struct field_view {
  std::string_view name;
  std::string_view value;
};

/// Status line and fields of one response, and what they say about its framing and its connection (RFC 9112
/// §4 to §6, §9). What it refuses is listed at `response_parser`.
///
/// Fields stay in the buffer: the functions that show them take its beginning.
class response_head {
 public:
  enum class progress { need_more, complete, failed };

  explicit response_head(std::size_t max_fields) : fields_(max_fields) {}

  /// Begins a new head.
  void start() noexcept {
    drop_fields();
    lines_.start();
    timeout_.reset();
    reason_ = 0;
    status_ = 0;
    has_length_ = chunked_ = encoded_ = close_ = keep_open_ = false;
  }

  /// Reads lines from `at` on and moves `at` behind each. On `need_more` call again with the same bytes and
  /// more.
  [[gnu::always_inline]] progress parse(const char* data, std::size_t size, std::size_t& at) noexcept;
  /// Why it `failed`.
  errc error() const noexcept { return error_; }

  /// The status code; 0 before the status line is complete.
  int status() const noexcept { return status_; }
  bool is_http_1_0() const noexcept { return http_1_0_; }

  std::size_t field_count() const noexcept { return count_; }
  field_view field(const char* data, std::size_t index) const noexcept {
    const field_span& at = fields_[index];
    return {{data + at.name, at.name_size}, {data + at.value, at.value_size}};
  }
  /// Value of the first field of that name, which is given in lower case.
  std::optional<std::string_view> find(const char* data, std::string_view lower) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      const field_view found = field(data, i);
      if (ascii::equals_lower(found.name, lower)) return found.value;
    }
    return std::nullopt;
  }
  /// Value of the first Content-Type; empty if there is none.
  std::string_view content_type(const char* data) const noexcept {
    return content_type_ == none ? std::string_view() : field(data, content_type_).value;
  }
  /// Forgets where the fields are, for their bytes are gone. What was understood of them stays.
  void drop_fields() noexcept {
    count_ = 0;
    content_type_ = none;
  }

  std::optional<std::uint64_t> content_length() const noexcept {
    return has_length_ ? std::optional(length_) : std::nullopt;
  }
  bool is_chunked() const noexcept { return chunked_; }
  /// Whether there is a Content-Encoding other than identity.
  bool is_encoded() const noexcept { return encoded_; }
  /// Whether the connection persists after this message, as far as its fields say (RFC 9112 §9.3).
  bool keep_alive() const noexcept { return !close_ && (!http_1_0_ || keep_open_); }
  /// Seconds for which the server promises to keep the idle connection, if it does.
  std::optional<std::uint64_t> keep_alive_timeout() const noexcept { return timeout_; }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  progress fail(errc code) noexcept {
    error_ = code;
    return progress::failed;
  }

  [[gnu::always_inline]] line_status parse_status_line(const char* data, std::size_t size,
                                                       std::size_t& at) noexcept;
  [[gnu::always_inline]] errc interpret(const char* data, std::size_t begin) noexcept;
  bool add_content_length(std::string_view value) noexcept;
  void add_connection(std::string_view value) noexcept;
  void add_keep_alive(std::string_view value) noexcept;

  std::vector<field_span> fields_;  // room for as many as are allowed
  std::size_t count_ = 0;
  std::size_t content_type_ = none;  // index
  field_line_reader lines_;
  std::size_t reason_ = 0;  // offset in the status line up to which it was read
  std::uint64_t length_ = 0;
  std::optional<std::uint64_t> timeout_;
  int status_ = 0;
  errc error_{};
  bool http_1_0_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  bool encoded_ = false;
  bool close_ = false;
  bool keep_open_ = false;
};

inline response_head::progress response_head::parse(const char* data, std::size_t size,
                                                    std::size_t& at) noexcept {
  if (status_ == 0) {
    const line_status found = parse_status_line(data, size, at);
    if (found == line_status::malformed) return fail(errc::http_bad_status_line);
    if (found == line_status::need_more) return progress::need_more;
  }
  const std::size_t known = count_;
  const line_status found = lines_.read(data, size, at, fields_, count_);
  if (const errc fault = interpret(data, known); fault != errc{}) return fail(fault);
  switch (found) {
    case line_status::need_more: return progress::need_more;
    case line_status::malformed: return fail(errc::http_bad_header);
    case line_status::table_full: return fail(errc::http_limit_exceeded);
    case line_status::complete: break;
  }
  if (chunked_ && (has_length_ || http_1_0_)) return fail(errc::http_bad_transfer_encoding);
  return progress::complete;
}

/// RFC 9112 §4. The space before an empty reason phrase may be missing.
inline line_status response_head::parse_status_line(const char* data, std::size_t size,
                                                    std::size_t& at) noexcept {
  constexpr std::size_t fixed = 12;  // "HTTP/1.1 200"
  const char* const line = data + at;
  const char* const end = data + size;
  if (reason_ == 0) {
    if (size - at <= fixed) {
      const std::string_view begin(line, std::min<std::size_t>(size - at, 7));
      return std::string_view("HTTP/1.").starts_with(begin) ? line_status::need_more : line_status::malformed;
    }
    http_1_0_ = std::memcmp(line, "HTTP/1.1 ", 9) != 0;
    if (http_1_0_ && std::memcmp(line, "HTTP/1.0 ", 9) != 0) return line_status::malformed;
    const bool three_digits = ascii::is_digit(line[9]) && line[9] != '0' && ascii::is_digit(line[10]) &&
                              ascii::is_digit(line[11]) && (line[12] == ' ' || line[12] == '\r');
    if (!three_digits) return line_status::malformed;
    reason_ = fixed;
  }
  const char* here = line + reason_;
  const line_status found = skip_to_crlf(here, ascii::block_limit(data, end), end);
  reason_ = static_cast<std::size_t>(here - line);
  if (found == line_status::complete) {
    status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    at += reason_ + 2;
  }
  return found;
}

/// Takes in those fields from index `begin` on that say where the message ends and what becomes of the
/// connection.
inline errc response_head::interpret(const char* data, std::size_t begin) noexcept {
  for (std::size_t i = begin; i != count_; ++i) {
    const auto name_is = [&](const auto& lower) { return detail::is_word(data + fields_[i].name, lower); };
    const auto value = [&] { return field(data, i).value; };
    switch (fields_[i].name_size) {
      case 10:
        if (name_is("connection")) add_connection(value());
        if (name_is("keep-alive")) add_keep_alive(value());
        break;
      case 12:
        if (content_type_ == none && name_is("content-type")) content_type_ = i;
        break;
      case 14:
        if (name_is("content-length") && !add_content_length(value())) return errc::http_bad_content_length;
        break;
      case 16:
        if (name_is("content-encoding") && !ascii::equals_lower(value(), "identity")) encoded_ = true;
        break;
      case 17:
        if (!name_is("transfer-encoding")) break;
        if (chunked_ || !ascii::equals_lower(value(), "chunked")) return errc::http_bad_transfer_encoding;
        chunked_ = true;
        break;
      default: break;
    }
  }
  return {};
}

/// RFC 9110 §8.6. A value that is repeated counts once (RFC 9112 §6.3 (5)).
inline bool response_head::add_content_length(std::string_view value) noexcept {
  for (;;) {
    auto length = ascii::parse_decimal(value);
    const std::size_t comma = length ? std::string_view::npos : value.find(',');
    if (!length) length = ascii::parse_decimal(trim_ows(value.substr(0, comma)));
    if (!length || *length == std::numeric_limits<std::uint64_t>::max()) return false;
    if (has_length_ && *length != length_) return false;
    length_ = *length;
    has_length_ = true;
    if (comma == std::string_view::npos) return true;
    value = trim_ows(value.substr(comma + 1));
  }
}

/// RFC 9110 §7.6.1.
inline void response_head::add_connection(std::string_view value) noexcept {
  if (value.size() == 10 && detail::is_word(value.data(), "keep-alive")) {  // what most servers say
    keep_open_ = true;
    return;
  }
  while (const auto option = next_element(value)) {
    if (ascii::equals_lower(*option, "close")) close_ = true;
    if (ascii::equals_lower(*option, "keep-alive")) keep_open_ = true;
  }
}

/// RFC 2068 §19.7.1.1.
inline void response_head::add_keep_alive(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::size_t size = std::min(value.find(','), value.size());
    if (size > 8 && detail::is_word(value.data(), "timeout=")) {
      timeout_ = ascii::parse_decimal(trim_ows(value.substr(8, size - 8)));
    }
    value = trim_ows(value.substr(std::min(size + 1, value.size())));
  }
}

}  // namespace mcp::inline v0::http
