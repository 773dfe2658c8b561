// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <cstddef>
#include <cstdint>

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
    while (at != size) {
      const char c = data[at];
      switch (state_) {
        case state::size:
          if (const int digit = ascii::hex_value(c); digit >= 0) {
            if (++digits_ > 16) return status::malformed;
            size_ = size_ << 4 | static_cast<std::uint64_t>(digit);
          } else if (digits_ == 0) {
            return status::malformed;
          } else if (c == '\r') {
            state_ = state::size_lf;
          } else {
            state_ = state::space;
            continue;
          }
          break;
        case state::space:
          if (c == ';') {
            state_ = state::extension;
          } else if (!ascii::is_ows(c)) {
            return status::malformed;
          }
          if (!count_extension(1)) return status::too_many_extensions;
          break;
        case state::extension: {
          const char* const end = ascii::skip_text(data + at, data + size);
          const auto skipped = static_cast<std::size_t>(end - (data + at));
          if (!count_extension(skipped)) return status::too_many_extensions;
          at += skipped;
          if (at == size) return status::need_more;
          if (data[at] != '\r') return status::malformed;
          state_ = state::size_lf;
          break;
        }
        case state::size_lf:
          if (c != '\n') return status::malformed;
          state_ = state::data;
          if (size_ != 0) break;
          ++at;
          return status::last;
        case state::data:
          if (size_ != 0) return status::data;
          if (c != '\r') return status::malformed;
          state_ = state::data_lf;
          break;
        case state::data_lf:
          if (c != '\n') return status::malformed;
          state_ = state::size;
          digits_ = 0;
          break;
      }
      ++at;
    }
    return status::need_more;
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
