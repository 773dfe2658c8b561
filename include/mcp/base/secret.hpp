// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mcp::inline v0 {

namespace detail {

/// Overwrites bytes that nobody will read again, which a compiler would leave out otherwise.
inline void wipe(void* bytes, std::size_t size) noexcept {
  if (size == 0) return;
  std::memset(bytes, 0, size);
  asm volatile("" : : "r"(bytes) : "memory");  // NOLINT(hicpp-no-assembler): the bytes may be read here
}

/// Wipes memory before it gives it back.
template <class T>
struct wiping_allocator {
  using value_type = T;

  wiping_allocator() = default;
  template <class U>
  wiping_allocator(const wiping_allocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)

  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe(memory, count * sizeof(T));
    std::allocator<T>().deallocate(memory, count);
  }
  friend bool operator==(const wiping_allocator&, const wiping_allocator&) noexcept { return true; }
};

}  // namespace detail

/// Bytes that must not be left behind in memory: tokens, keys, records that hold them. Wherever they were,
/// they are wiped when that memory is given back. Any bytes, NUL among them.
class secret {
 public:
  secret() = default;
  explicit secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}

  std::string_view view() const noexcept { return {bytes_.data(), bytes_.size()}; }
  bool empty() const noexcept { return bytes_.empty(); }
  std::size_t size() const noexcept { return bytes_.size(); }
  char* data() noexcept { return bytes_.data(); }
  const char* data() const noexcept { return bytes_.data(); }

  secret& append(std::string_view more) {
    bytes_.insert(bytes_.end(), more.begin(), more.end());
    return *this;
  }
  void resize(std::size_t size) { bytes_.resize(size); }
  void clear() noexcept {
    detail::wipe(bytes_.data(), bytes_.size());
    bytes_.clear();
  }

  friend bool operator==(const secret&, const secret&) = default;

 private:
  std::vector<char, detail::wiping_allocator<char>> bytes_;
};

/// Text that may hold a secret among other things, such as the head of a request; wiped in the same way. Not
/// for texts of 15 bytes or fewer, which a string keeps in the object itself.
using secret_text = std::basic_string<char, std::char_traits<char>, detail::wiping_allocator<char>>;

}  // namespace mcp::inline v0
