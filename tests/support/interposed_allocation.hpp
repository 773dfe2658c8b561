// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <support/allocation_faults.hpp>

// Replaces `operator new` and stands before `aligned_alloc` of the C library (or of a sanitizer, which still
// sees every block: all of it ends in its own malloc). To be included in one file of a program.

namespace test {

/// Not null: is called with every block before it is given back.
inline void (*on_given_back)(void* block) = nullptr;

namespace detail {

inline void* allocated(std::size_t size) noexcept {
  return allocation_faults::fails() ? nullptr : std::malloc(std::max<std::size_t>(size, 1));
}

inline void* allocated(std::size_t size, std::size_t alignment) noexcept {
  void* block = nullptr;
  if (allocation_faults::fails()) return nullptr;
  const int failed =
      ::posix_memalign(&block, std::max(alignment, sizeof block), std::max<std::size_t>(size, 1));
  return failed == 0 ? block : nullptr;
}

inline void* required(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

inline void given_back(void* block) noexcept {
  if (on_given_back != nullptr && block != nullptr) on_given_back(block);
  std::free(block);
}

}  // namespace detail
}  // namespace test

// NOLINTBEGIN(cppcoreguidelines-no-malloc,misc-new-delete-overloads)
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return test::detail::allocated(size, alignment);
}

void* operator new(std::size_t size) { return test::detail::required(test::detail::allocated(size)); }
void* operator new[](std::size_t size) { return test::detail::required(test::detail::allocated(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return test::detail::allocated(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return test::detail::allocated(size);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return test::detail::required(test::detail::allocated(size, static_cast<std::size_t>(alignment)));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return test::detail::required(test::detail::allocated(size, static_cast<std::size_t>(alignment)));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return test::detail::allocated(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return test::detail::allocated(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* block) noexcept { test::detail::given_back(block); }
void operator delete[](void* block) noexcept { test::detail::given_back(block); }
void operator delete(void* block, std::size_t) noexcept { test::detail::given_back(block); }
void operator delete[](void* block, std::size_t) noexcept { test::detail::given_back(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { test::detail::given_back(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { test::detail::given_back(block); }
void operator delete(void* block, std::align_val_t) noexcept { test::detail::given_back(block); }
void operator delete[](void* block, std::align_val_t) noexcept { test::detail::given_back(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { test::detail::given_back(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
  test::detail::given_back(block);
}
void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  test::detail::given_back(block);
}
void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
  test::detail::given_back(block);
}
// NOLINTEND(cppcoreguidelines-no-malloc,misc-new-delete-overloads)
