// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/error.hpp>
#include <mcp/base/limits.hpp>
#include <mcp/http/chunked.hpp>
#include <mcp/http/field_lines.hpp>
#include <mcp/http/response_head.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace mcp::inline v0::http {

enum class parse_status {
  need_more,  ///< everything was read, more bytes must come
  head,       ///< status and fields are known; call again for the body
  body,       ///< everything was read, and the body has grown
  complete,   ///< the message has ended; bytes from `raw_end()` on do not belong to it
  failed,     ///< see `error()`
};

/// Strict parser of HTTP/1.1 responses (RFC 9112, RFC 9110), without I/O. It works in place in the
/// caller's buffer, on any split of the input, and allocates nothing in the steady state.
///
/// The caller appends what it receives to a buffer and hands all of it to every `parse()`. Offsets are
/// relative to the beginning of the buffer, which may move between calls. To wait for the whole body, go on
/// until `complete`. To stream it, call `stream_body()` after the head, take bytes from [`body_begin()`,
/// `body_end()`), drop them from the front of the buffer, and tell the parser by `discard()`.
///
/// What is refused:
/// - `http_bad_status_line`: versions other than HTTP/1.1 and HTTP/1.0, a status that is not three digits or
///   below 100. The reason phrase may be empty, also without the space before it.
/// - `http_bad_header`: what `field_line_reader` calls malformed.
/// - `http_bad_content_length`: anything but one decimal number. One that is repeated, in a list or in
///   several fields, counts once, as RFC 9112 §6.3 (5) allows.
/// - `http_bad_transfer_encoding`: anything but one field with the one coding "chunked"; beside
///   Content-Length; in HTTP/1.0 (RFC 9112 §6.1).
/// - `http_bad_chunk`: malformed chunks or trailer fields. (Trailer fields are checked and dropped.)
/// - `http_unsupported_encoding`: a body in a Content-Encoding other than identity; after `head`.
/// - `http_interim_flood`, `http_unexpected_upgrade`: too many 1xx, which are skipped; any 101.
/// - `http_limit_exceeded`: a cap of `limits`. Interim responses count towards `header_block`; a
///   Content-Length over the cap is refused after `head`.
/// - `http_truncated`: the stream ended inside the message.
///
/// After a failure the status and the body bytes decoded so far can still be read.
class response_parser {
 public:
  explicit response_parser(const limits& caps)
      : caps_(caps), head_(caps.header_fields), chunks_(caps.chunk_extensions) {
    caps_.header_block = std::min<std::size_t>(caps.header_block, std::numeric_limits<std::uint32_t>::max());
  }

  /// Begins a response, at the beginning of the buffer. `head_request`: it answers HEAD, so it has no body.
  void start(bool head_request) noexcept {
    head_.start();
    phase_ = phase::head;
    head_request_ = head_request;
    until_close_ = false;
    interim_count_ = 0;
    body_cap_ = caps_.body;
    head_size_ = body_begin_ = body_end_ = raw_ = 0;
  }

  /// Goes on with the buffer's content: the bytes of the call before, except for discarded ones, and new ones
  /// behind them. `end_of_stream`: the peer has closed its side in an orderly way (in TLS by
  /// close_notify), so nothing comes behind these bytes. Any other end is the caller's `http_truncated`.
  ///
  /// Returns `head` once, then `need_more` or `body` any number of times, then `complete` or `failed` for
  /// good.
  parse_status parse(char* data, std::size_t size, bool end_of_stream) noexcept;

  /// For use after `head`: the body is taken as it comes, `limits::body` does not apply.
  void stream_body() noexcept { body_cap_ = std::numeric_limits<std::uint64_t>::max(); }

  /// The first `count` bytes of the buffer are gone: none, or all of the head and body bytes up to
  /// `body_end()` at most. The fields are gone with them; status and framing stay known.
  void discard(std::size_t count) noexcept {
    assert(count == 0 || (phase_ != phase::head && count >= head_size_ && count <= body_end_));
    if (count == 0) return;
    head_.drop_fields();
    head_size_ = 0;
    body_begin_ -= std::min(count, body_begin_);
    body_end_ -= count;
    raw_ -= count;
  }

  /// For use after `head`: closes the gap that chunk framing has left behind the body and returns the new
  /// size of the buffer's content. So a body in tiny chunks takes no more memory than its bytes.
  std::size_t compact(char* data, std::size_t size) noexcept {
    assert(phase_ != phase::head && size >= raw_);
    if (body_end_ != raw_ && raw_ != size) std::memmove(data + body_end_, data + raw_, size - raw_);
    size -= raw_ - body_end_;
    raw_ = body_end_;
    return size;
  }

  errc error() const noexcept { return error_; }

  /// The final response's head; what it says is settled from `parse_status::head` on.
  const response_head& head() const noexcept { return head_; }

  bool complete() const noexcept { return phase_ == phase::complete; }
  /// Whether the connection may carry another exchange (RFC 9112 §9.3), provided that nothing follows
  /// `raw_end()`. False until the message is complete.
  bool keep_alive() const noexcept { return complete() && !until_close_ && head_.keep_alive(); }

  /// Offset behind the head.
  std::size_t head_size() const noexcept { return head_size_; }
  /// The decoded body, less what was discarded. (`body_begin()` may move as long as there is none.)
  std::size_t body_begin() const noexcept { return body_begin_; }
  std::size_t body_end() const noexcept { return body_end_; }
  /// Offset of the first byte that was not read.
  std::size_t raw_end() const noexcept { return raw_; }

 private:
  enum class phase : unsigned char { head, plain, chunked, trailers, complete, failed };

  parse_status fail(errc code) noexcept {
    phase_ = phase::failed;
    error_ = code;
    return parse_status::failed;
  }
  parse_status finish() noexcept {
    phase_ = phase::complete;
    return parse_status::complete;
  }
  /// All that is there has been read.
  parse_status wait(bool grown, bool end_of_stream) noexcept {
    if (end_of_stream) return fail(errc::http_truncated);
    return grown ? parse_status::body : parse_status::need_more;
  }

  parse_status parse_head(const char* data, std::size_t size, bool end_of_stream) noexcept;
  void begin_body() noexcept;
  parse_status parse_plain(std::size_t size, bool end_of_stream) noexcept;
  parse_status parse_chunked(char* data, std::size_t size, bool end_of_stream) noexcept;
  parse_status parse_trailers(const char* data, std::size_t size, bool end_of_stream, bool grown) noexcept;

  limits caps_;
  response_head head_;
  chunk_reader chunks_;
  field_line_reader trailers_;
  phase phase_ = phase::head;
  errc error_{};
  bool head_request_ = false;
  bool until_close_ = false;  // the end of the stream ends the body
  std::size_t interim_count_ = 0;
  std::size_t trailer_count_ = 0;
  std::size_t trailer_bytes_ = 0;
  std::uint64_t body_cap_ = 0;   // what is left of it
  std::uint64_t remaining_ = 0;  // of a plain body
  std::size_t head_size_ = 0;
  std::size_t body_begin_ = 0;
  std::size_t body_end_ = 0;
  std::size_t raw_ = 0;
};

inline parse_status response_parser::parse(char* data, std::size_t size, bool end_of_stream) noexcept {
  assert(size >= raw_);
  switch (phase_) {
    case phase::head: return parse_head(data, size, end_of_stream);
    case phase::plain: return parse_plain(size, end_of_stream);
    case phase::chunked: return parse_chunked(data, size, end_of_stream);
    case phase::trailers: return parse_trailers(data, size, end_of_stream, false);
    case phase::complete: return parse_status::complete;
    case phase::failed: break;
  }
  return parse_status::failed;
}

inline parse_status response_parser::parse_head(const char* data, std::size_t size,
                                                bool end_of_stream) noexcept {
  const std::size_t visible = std::min(size, caps_.header_block);
  for (;;) {
    const auto progress = head_.parse(data, visible, raw_);
    if (progress == response_head::progress::failed) return fail(head_.error());
    if (progress == response_head::progress::need_more) {
      if (size > visible) return fail(errc::http_limit_exceeded);
      return end_of_stream ? fail(errc::http_truncated) : parse_status::need_more;
    }
    if (head_.status() >= 200) break;
    if (head_.status() == 101) return fail(errc::http_unexpected_upgrade);
    if (++interim_count_ > caps_.interim_responses) return fail(errc::http_interim_flood);
    head_.start();
  }
  head_size_ = body_begin_ = body_end_ = raw_;
  begin_body();
  return parse_status::head;
}

/// How long the body is: RFC 9112 §6.3.
inline void response_parser::begin_body() noexcept {
  const int status = head_.status();
  const auto length = head_.content_length();
  if (head_request_ || status == 204 || status == 304 || length == 0U) {
    phase_ = phase::complete;
  } else if (head_.is_encoded()) {
    fail(errc::http_unsupported_encoding);
  } else if (head_.is_chunked()) {
    chunks_.start();
    phase_ = phase::chunked;
  } else {
    until_close_ = !length;
    remaining_ = length.value_or(std::numeric_limits<std::uint64_t>::max());
    phase_ = phase::plain;
  }
}

inline parse_status response_parser::parse_plain(std::size_t size, bool end_of_stream) noexcept {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size - raw_, remaining_));
  if ((until_close_ ? count : remaining_) > body_cap_) return fail(errc::http_limit_exceeded);
  body_end_ = raw_ += count;
  body_cap_ -= count;
  remaining_ -= count;
  if (remaining_ == 0 || (until_close_ && end_of_stream)) return finish();
  return wait(count != 0, end_of_stream);
}

// Out of line, so that the way to the head and to a plain body is short.
[[gnu::noinline]] inline parse_status response_parser::parse_chunked(char* data, std::size_t size,
                                                                     bool end_of_stream) noexcept {
  const std::uint64_t cap = body_cap_;
  for (;;) {
    switch (chunks_.next(data, size, raw_)) {
      case chunk_reader::status::need_more: return wait(body_cap_ != cap, end_of_stream);
      case chunk_reader::status::malformed: return fail(errc::http_bad_chunk);
      case chunk_reader::status::too_many_extensions: return fail(errc::http_limit_exceeded);
      case chunk_reader::status::last:
        trailers_.start();
        trailer_count_ = trailer_bytes_ = 0;
        phase_ = phase::trailers;
        return parse_trailers(data, size, end_of_stream, body_cap_ != cap);
      case chunk_reader::status::data: break;
    }
    if (chunks_.remaining() > body_cap_) return fail(errc::http_limit_exceeded);
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size - raw_, chunks_.remaining()));
    if (body_begin_ == body_end_) body_begin_ = body_end_ = raw_;
    if (body_end_ != raw_) std::memmove(data + body_end_, data + raw_, count);
    body_end_ += count;
    raw_ += count;
    body_cap_ -= count;
    chunks_.take(count);
  }
}

/// RFC 9112 §7.1.2. The caps are those of a head.
inline parse_status response_parser::parse_trailers(const char* data, std::size_t size, bool end_of_stream,
                                                    bool grown) noexcept {
  line_status found = line_status::need_more;
  do {
    std::array<field_span, 8> dropped;
    std::size_t count = 0;
    const std::size_t begin = raw_;
    const std::size_t visible = std::min(size - raw_, caps_.header_block - trailer_bytes_) + raw_;
    found = trailers_.read(data, visible, raw_, dropped, count);
    trailer_bytes_ += raw_ - begin;
    trailer_count_ += count;
    if (trailer_count_ > caps_.header_fields) return fail(errc::http_limit_exceeded);
    if (found == line_status::need_more && visible < size) return fail(errc::http_limit_exceeded);
  } while (found == line_status::table_full);
  if (found == line_status::malformed) return fail(errc::http_bad_chunk);
  return found == line_status::complete ? finish() : wait(grown, end_of_stream);
}

}  // namespace mcp::inline v0::http
