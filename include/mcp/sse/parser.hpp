// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/limits.hpp>

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace mcp::inline v0::sse {

/// One event of a stream. The views are into the buffer and the parser: they hold until the next call of
/// `next()` or `discard()`, and while the buffer stays where it is.
struct event {
  std::string_view data;  ///< the data lines, joined by LF
  std::string_view type;  ///< empty stands for "message"
  bool has_data = false;  ///< whether there was a data line, be it an empty one
};

enum class parse_status {
  need_more,  ///< everything was read, more bytes must come
  event,      ///< see `current()`; call again, there may be more
  failed,     ///< a cap was crossed: `sse_limit_exceeded`
};

/// Parser of event streams (WHATWG HTML §9.2.5 and §9.2.6), without I/O. It works in place in the
/// caller's buffer, on any split of the input, and allocates nothing but room for long ids and types.
///
/// The caller appends what it receives to a buffer, hands all of it to `next()` until that says
/// `need_more`, drops the first `consumed()` bytes and tells the parser by `discard()`. An event that the end
/// of the stream cuts off is none.
///
/// Other than a browser, it also shows events that have an id and no data: they move the point at which
/// the stream can be resumed.
///
/// Caps: `sse_line` for a line, `sse_fields` for the lines of an event, `sse_event` for the bytes of the
/// stream from an event's first data to its last line.
class event_parser {
 public:
  explicit event_parser(const limits& caps) : caps_(caps) {}

  /// Begins a new stream at the beginning of the buffer.
  void start() noexcept {
    begin_event();
    last_event_id_.clear();
    retry_.reset();
    comments_ = line_ = scanned_ = 0;
    at_start_ = true;
    after_cr_ = failed_ = false;
  }

  /// Reads on, up to the end of the next event. `data` begins with the first byte that was not discarded;
  /// bytes that were there before must still be, with what the parser has written among them.
  parse_status next(char* data, std::size_t size);

  /// After `parse_status::event`.
  const event& current() const noexcept { return event_; }

  /// Bytes at the beginning of the buffer that are not needed any more, once the current event is not.
  std::size_t consumed() const noexcept { return has_open_data() ? data_begin_ : line_; }

  /// The first `count` bytes of the buffer are gone; at most `consumed()`.
  void discard(std::size_t count) noexcept {
    assert(count <= consumed());
    if (shown_) begin_event();
    line_ -= count;
    scanned_ -= count;
    data_begin_ -= std::min(count, data_begin_);
    data_end_ -= std::min(count, data_end_);
  }

  /// The id of the last complete event that had one: what goes into Last-Event-ID.
  const std::string& last_event_id() const noexcept { return last_event_id_; }
  /// Milliseconds to wait before reconnecting, as the server said last: not clamped.
  std::optional<std::uint64_t> retry() const noexcept { return retry_; }
  /// Number of comments so far; servers send them as signs of life.
  std::size_t comments() const noexcept { return comments_; }

 private:
  bool has_open_data() const noexcept { return event_.has_data && !shown_; }

  void begin_event() noexcept {
    event_ = {};
    type_.clear();
    has_id_ = shown_ = false;
    lines_ = 0;
  }

  bool skip_mark(const char* data, std::size_t size) noexcept;
  void skip_lf(const char* data, std::size_t size) noexcept;
  bool find_line_end(const char* data, std::size_t size) noexcept;
  void take_line(char* data, std::size_t end);
  bool show_event(const char* data) noexcept;
  void append_data(char* data, std::string_view value) noexcept;

  limits caps_;
  event event_;
  std::string type_;
  std::string id_;  // of the event, if it has one
  std::string last_event_id_;
  std::optional<std::uint64_t> retry_;
  std::size_t comments_ = 0;
  std::size_t lines_ = 0;       // of the event
  std::size_t line_ = 0;        // offset of the line to read
  std::size_t scanned_ = 0;     // offset up to which it has no end
  std::size_t data_begin_ = 0;  // of the event's data, if it has any
  std::size_t data_end_ = 0;
  bool at_start_ = true;   // a byte order mark may come
  bool after_cr_ = false;  // an LF would belong to the line before
  bool has_id_ = false;
  bool shown_ = false;  // `event_` is complete
  bool failed_ = false;
};

inline parse_status event_parser::next(char* data, std::size_t size) {
  assert(size >= scanned_);
  if (shown_) begin_event();
  if (at_start_ && !skip_mark(data, size)) return parse_status::need_more;
  skip_lf(data, size);
  while (!failed_) {
    const bool complete = find_line_end(data, size);
    const std::size_t end = scanned_;
    const bool blank = end == line_;
    if (end - line_ > caps_.sse_line) break;
    if (!complete) return parse_status::need_more;
    if (!blank) take_line(data, end);
    after_cr_ = data[end] == '\r';
    line_ = scanned_ = end + 1;
    skip_lf(data, size);
    if (blank && show_event(data)) return parse_status::event;
  }
  failed_ = true;
  return parse_status::failed;
}

/// Passes over the byte order mark that a stream may begin with; false while it is not all there.
inline bool event_parser::skip_mark(const char* data, std::size_t size) noexcept {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  const std::string_view begin(data, std::min(size, mark.size()));
  if (begin == mark) line_ = scanned_ = mark.size();
  at_start_ = begin != mark && mark.starts_with(begin);
  return !at_start_;
}

/// Takes the LF of a CRLF, which may come long after the CR has ended the line.
inline void event_parser::skip_lf(const char* data, std::size_t size) noexcept {
  if (!after_cr_ || line_ == size) return;
  after_cr_ = false;
  if (data[line_] == '\n') scanned_ = ++line_;
}

/// Moves `scanned_` to the end of the line; false if that is not there yet.
inline bool event_parser::find_line_end(const char* data, std::size_t size) noexcept {
  const char* const end = data + size;
  const char* const here =
      ascii::skip_line(ascii::skip_line_blocks(data + scanned_, ascii::block_limit(data, end)), end);
  scanned_ = static_cast<std::size_t>(here - data);
  return here != end;
}

inline void event_parser::take_line(char* data, std::size_t end) {
  const std::string_view line(data + line_, end - line_);
  const std::size_t colon = std::min(line.find(':'), line.size());
  if (colon == 0) ++comments_;
  if (colon == 0 && lines_ == 0) return;  // between events: takes no room
  if (++lines_ > caps_.sse_fields) failed_ = true;

  const std::string_view name(line.data(), colon);
  std::string_view value = line;
  value.remove_prefix(std::min(colon + 1, line.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (ascii::is(name, "data")) {
    append_data(data, value);
  } else if (ascii::is(name, "event")) {
    type_ = value;
  } else if (ascii::is(name, "id") && value.find('\0') == std::string_view::npos) {
    id_ = value;
    has_id_ = true;
  } else if (ascii::is(name, "retry")) {
    if (const auto milliseconds = ascii::parse_decimal(value)) retry_ = milliseconds;
  }
  if (event_.has_data && end - data_begin_ > caps_.sse_event) failed_ = true;
}

/// Closes up: the line moves over its name, to the end of the data before it.
inline void event_parser::append_data(char* data, std::string_view value) noexcept {
  if (event_.has_data) {
    data[data_end_++] = '\n';
    if (!value.empty()) std::memmove(data + data_end_, value.data(), value.size());
  } else {
    event_.has_data = true;
    data_begin_ = data_end_ = static_cast<std::size_t>(value.data() - data);
  }
  data_end_ += value.size();
}

/// At a blank line. False if there is nothing to show.
inline bool event_parser::show_event(const char* data) noexcept {
  shown_ = event_.has_data || has_id_;
  if (has_id_) last_event_id_.swap(id_);
  if (!shown_) {
    begin_event();
    return false;
  }
  if (event_.has_data) event_.data = {data + data_begin_, data_end_ - data_begin_};
  event_.type = type_;
  return true;
}

}  // namespace mcp::inline v0::sse
