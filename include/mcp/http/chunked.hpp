// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace mcp::inline v0::http {

/// Reads the framing of a chunked body up to the trailer section (RFC 9112 §7.1); what lies between, the
/// chunk data, is the caller's. Chunk extensions are passed over. Strict: sizes of 1 to 16 hexadecimal
/// digits, CRLF, white space only before an extension.
class chunk_reader {
 public:
  enum class status {
    need_more,  ///< everything was read
    data,       ///< `remaining()` bytes of chunk data begin here: `take()` those that are there
    last,       ///< the last chunk was read; the trailer section follows
    malformed,
    too_many_extensions,
  };

  explicit chunk_reader(std::size_t max_extensions) noexcept : max_extensions_(max_extensions) {}

  void start() noexcept { *this = chunk_reader(max_extensions_); }

  /// Bytes of chunk data that are still to come in this chunk.
  std::uint64_t remaining() const noexcept { return size_; }
  void take(std::size_t count) noexcept { size_ -= count; }

  /// Goes on at `at` and moves it. For `data` it stops at the chunk data.
  status next(const char* data, std::size_t size, std::size_t& at) noexcept {
    const char* here = data + at;
    const char* const end = data + size;
    state now = state_;
    const auto stop = [&](status why) {
      at = static_cast<std::size_t>(here - data);
      state_ = now;
      return why;
    };
    while (here != end) {
      const char c = *here;
      switch (now) {
        case state::size:
          if (const int digit = ascii::hex_value(c); digit >= 0) {
            if (++digits_ > 16) return stop(status::malformed);
            size_ = size_ << 4 | static_cast<std::uint64_t>(digit);
          } else if (digits_ == 0) {
            return stop(status::malformed);
          } else if (c == '\r') {
            now = state::size_lf;
          } else {
            now = state::space;
            continue;
          }
          break;
        case state::space:
          if (c == ';') {
            now = state::extension;
          } else if (!ascii::is_ows(c)) {
            return stop(status::malformed);
          }
          if (!count_extension(1)) return stop(status::too_many_extensions);
          break;
        case state::extension: {
          const char* const begin = std::exchange(here, ascii::skip_text(here, end));
          if (!count_extension(static_cast<std::size_t>(here - begin)))
            return stop(status::too_many_extensions);
          if (here == end) return stop(status::need_more);
          if (*here != '\r') return stop(status::malformed);
          now = state::size_lf;
          break;
        }
        case state::size_lf:
          if (c != '\n') return stop(status::malformed);
          now = state::data;
          if (size_ != 0) break;
          ++here;
          return stop(status::last);
        case state::data:
          if (size_ != 0) return stop(status::data);
          if (c != '\r') return stop(status::malformed);
          now = state::data_lf;
          break;
        case state::data_lf:
          if (c != '\n') return stop(status::malformed);
          now = state::size;
          digits_ = 0;
          break;
      }
      ++here;
    }
    return stop(status::need_more);
  }

 private:
  enum class state : unsigned char { size, space, extension, size_lf, data, data_lf };

  bool count_extension(std::size_t count) noexcept {
    extensions_ += count;
    return extensions_ <= max_extensions_;
  }

  std::size_t max_extensions_;
  std::size_t extensions_ = 0;  // bytes, in the whole body
  std::uint64_t size_ = 0;
  unsigned digits_ = 0;
  state state_ = state::size;
};

}  // namespace mcp::inline v0::http
