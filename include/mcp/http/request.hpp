// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/secret.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0::http {

namespace detail {

/// A number in decimal digits.
class decimal {
 public:
  explicit decimal(std::uint64_t number) noexcept
      : size_(static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr -
                                       digits_)) {}
  const char* data() const noexcept { return digits_; }
  std::size_t size() const noexcept { return size_; }

 private:
  char digits_[20];
  std::size_t size_;
};

inline std::string_view as_text(std::string_view text) noexcept { return text; }
inline decimal as_text(std::uint64_t number) noexcept { return decimal(number); }

}  // namespace detail

/// A request under construction: one contiguous piece of memory that grows at both ends.
///
/// The part that never changes (the body's middle) is appended once. What depends on the attempt (head,
/// ids, session) is put before and behind it, and `rewind()` takes it off again for the next attempt. So
/// a request goes out in one write, and a replay renders only what differs.
class request_buffer {
 public:
  request_buffer() {
    bytes_.resize(2048);
    clear();
  }

  /// Empties it. Memory that one large request took is given back, if there is some for a small one.
  void clear() noexcept {
    if (bytes_.size() > largest_kept) shrink();
    begin_ = end_ = fixed_begin_ = fixed_end_ = headroom;
  }

  std::string_view view() const noexcept { return {bytes_.data() + begin_, end_ - begin_}; }
  std::size_t size() const noexcept { return end_ - begin_; }

  /// Puts text and numbers behind the content, in this order.
  template <class... Part>
  void append(const Part&... parts) {
    put([this](std::size_t count) { return grow_at_end(count); }, detail::as_text(parts)...);
  }
  /// Puts text and numbers before the content, in this order.
  template <class... Part>
  void prepend(const Part&... parts) {
    put([this](std::size_t count) { return grow_at_begin(count); }, detail::as_text(parts)...);
  }

  /// The part that never changes.
  std::string_view fixed() const noexcept {
    return {bytes_.data() + fixed_begin_, fixed_end_ - fixed_begin_};
  }
  /// What is in the buffer now is the part that never changes.
  void fix() noexcept { fixed_begin_ = begin_, fixed_end_ = end_; }
  /// Back to the part that never changes.
  void rewind() noexcept { begin_ = fixed_begin_, end_ = fixed_end_; }

 private:
  static constexpr std::size_t headroom = 768;
  static constexpr std::size_t largest_kept = 64 * 1024;

  void shrink() noexcept try { *this = request_buffer(); } catch (const std::bad_alloc&) {
  }

  /// Writes the texts one after another to where `make_room(their size)` says.
  template <class MakeRoom, class... Text>
  static void put(const MakeRoom& make_room, const Text&... texts) {
    char* to = make_room((texts.size() + ...));
    ((std::char_traits<char>::copy(to, texts.data(), texts.size()), to += texts.size()), ...);
  }

  char* grow_at_end(std::size_t count) {
    if (bytes_.size() - end_ < count) reallocate(begin_, 2 * (end_ + count));
    end_ += count;
    return bytes_.data() + end_ - count;
  }

  char* grow_at_begin(std::size_t count) {
    if (begin_ < count) reallocate(2 * count + headroom, bytes_.size() + 2 * count + headroom);
    begin_ -= count;
    return bytes_.data() + begin_;
  }

  // Out of line, so that what calls it is short.
  [[gnu::noinline]] void reallocate(std::size_t begin, std::size_t capacity) {
    secret bytes;
    bytes.resize(capacity);
    std::memcpy(bytes.data() + begin, bytes_.data() + begin_, size());
    const std::ptrdiff_t shift = static_cast<std::ptrdiff_t>(begin) - static_cast<std::ptrdiff_t>(begin_);
    for (std::size_t* offset : {&begin_, &end_, &fixed_begin_, &fixed_end_})
      *offset = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(*offset) + shift);
    bytes_ = std::move(bytes);
  }

  secret bytes_;  // which the fields of a request may hold
  std::size_t begin_ = 0, end_ = 0;
  std::size_t fixed_begin_ = 0, fixed_end_ = 0;
};

/// Puts the head of a request in front of its body (RFC 9112 §3, §5). The parts of `head` make up the request
/// line and the fields, each of which ends in CRLF.
template <class... Part>
void prepend_head(request_buffer& request, const Part&... head) {
  request.prepend(head..., "Content-Length: ", request.size(), "\r\n\r\n");
}

}  // namespace mcp::inline v0::http
