// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/secret.hpp>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace mcp::inline v0::net {

/// Bytes that are readable beyond the end of everything in a `receive_buffer`, so that a JSON parser
/// may overrun (simdjson reads up to 64 bytes past the text).
inline constexpr std::size_t buffer_padding = 64;

/// Bytes as they arrive: written at the end, dropped from the front, contiguous in between.
///
/// Growing and dropping move the bytes, so keep offsets, not pointers, across them.
class receive_buffer {
 public:
  explicit receive_buffer(std::size_t capacity = 16 * 1024) { reallocate(capacity); }

  char* data() noexcept { return bytes_.data(); }
  const char* data() const noexcept { return bytes_.data(); }
  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  std::string_view view() const noexcept { return {data(), size_}; }

  /// Free space behind the content: at least `wanted` bytes, all there is. Grows geometrically.
  std::span<char> prepare(std::size_t wanted) {
    if (capacity_ - size_ < wanted) reallocate(std::max(size_ + wanted, 2 * capacity_));
    return {data() + size_, capacity_ - size_};
  }

  /// The first `count` bytes of the free space have been written.
  void commit(std::size_t count) noexcept { size_ += count; }

  /// Drops the first `count` bytes and moves the rest to the front.
  void discard(std::size_t count) noexcept {
    size_ -= count;
    if (size_ != 0) std::memmove(data(), data() + count, size_);
  }

  /// Drops all behind the first `count` bytes.
  void truncate(std::size_t count) noexcept { size_ = count; }

  void clear() noexcept { size_ = 0; }

 private:
  void reallocate(std::size_t capacity) {
    secret bytes;
    bytes.resize(capacity + buffer_padding);
    if (size_ != 0) std::memcpy(bytes.data(), data(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  secret bytes_;  // which an answer may hold
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace mcp::inline v0::net
