// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace mcp::inline v0::http {

/// A request under construction: one contiguous piece of memory that grows at both ends.
///
/// The part that never changes (the body's middle) is appended once. What depends on the attempt (head,
/// ids, session) is put before and behind it, and `rewind()` takes it off again for the next attempt. So
/// a request goes out in one write, and a replay renders only what differs.
class request_buffer {
 public:
  request_buffer() { clear(); }

  void clear() noexcept { begin_ = end_ = fixed_begin_ = fixed_end_ = std::min(headroom, capacity_); }

  std::string_view view() const noexcept { return {bytes_.get() + begin_, end_ - begin_}; }
  std::size_t size() const noexcept { return end_ - begin_; }

  void append(std::string_view text) {
    if (text.empty()) return;
    if (capacity_ - end_ < text.size()) reallocate(begin_, 2 * (end_ + text.size()));
    std::memcpy(bytes_.get() + end_, text.data(), text.size());
    end_ += text.size();
  }
  void append(const char* text, std::size_t size) { append(std::string_view(text, size)); }
  void append(std::uint64_t number) {
    with_digits(number, [this](std::string_view digits) { append(digits); });
  }

  void prepend(std::string_view text) {
    if (text.empty()) return;
    if (begin_ < text.size()) reallocate(2 * text.size() + headroom, capacity_ + 2 * text.size() + headroom);
    begin_ -= text.size();
    std::memcpy(bytes_.get() + begin_, text.data(), text.size());
  }

  void prepend(std::uint64_t number) {
    with_digits(number, [this](std::string_view digits) { prepend(digits); });
  }

  /// What is in the buffer now is the part that never changes.
  void fix() noexcept { fixed_begin_ = begin_, fixed_end_ = end_; }
  /// Back to the part that never changes.
  void rewind() noexcept { begin_ = fixed_begin_, end_ = fixed_end_; }

 private:
  static constexpr std::size_t headroom = 768;

  template <class Use>
  static void with_digits(std::uint64_t number, Use use) {
    char digits[20];
    const auto written = std::to_chars(digits, digits + sizeof digits, number);
    use(std::string_view(digits, static_cast<std::size_t>(written.ptr - digits)));
  }

  void reallocate(std::size_t begin, std::size_t capacity) {
    auto bytes = std::make_unique<char[]>(capacity);
    std::memcpy(bytes.get() + begin, bytes_.get() + begin_, size());
    const std::ptrdiff_t shift = static_cast<std::ptrdiff_t>(begin) - static_cast<std::ptrdiff_t>(begin_);
    for (std::size_t* offset : {&begin_, &end_, &fixed_begin_, &fixed_end_})
      *offset = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(*offset) + shift);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::size_t capacity_ = 2048;
  std::unique_ptr<char[]> bytes_ = std::make_unique<char[]>(capacity_);
  std::size_t begin_ = 0, end_ = 0;
  std::size_t fixed_begin_ = 0, fixed_end_ = 0;
};

/// Puts the head of a request in front of its body (RFC 9112 §3, §5). `block` holds the fields that are the
/// same every time, `fields` those of this request; each field ends in CRLF.
inline void prepend_head(request_buffer& request, std::string_view method, std::string_view target,
                         std::string_view block, std::string_view fields, bool with_content_length = true) {
  const std::size_t body_size = request.size();
  request.prepend("\r\n");
  if (with_content_length) {
    request.prepend("\r\n");
    request.prepend(body_size);
    request.prepend("Content-Length: ");
  }
  request.prepend(fields);
  request.prepend(block);
  request.prepend(" HTTP/1.1\r\n");
  request.prepend(target);
  request.prepend(" ");
  request.prepend(method);
}

}  // namespace mcp::inline v0::http
