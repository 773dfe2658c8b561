// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/crypto.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <errno.h>
#include <stdlib.h>

/// \file
/// Counts every heap allocation of this program where all of them end: at `malloc` and its kin, which this
/// file replaces (glibc's own remain reachable as `__libc_*`). Counting `operator new` would miss Asio, which
/// calls `aligned_alloc`. For the one source file of a program.
namespace bench {

class allocation_counter {
 public:
  void add() noexcept { count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  std::uint64_t value() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> count_{0};  // counts made at the same instant by two threads may be lost
};

inline constinit allocation_counter own_allocations;
inline constinit allocation_counter openssl_allocations;

}  // namespace bench

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) noexcept {
  bench::own_allocations.add();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  bench::own_allocations.add();
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) noexcept {
  bench::own_allocations.add();
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  bench::own_allocations.add();
  return __libc_memalign(alignment, size);
}
// By another name, since a header of Clang's declares this one without `noexcept`.
int counted_posix_memalign(void**, std::size_t, std::size_t) __asm__("posix_memalign");
int counted_posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  bench::own_allocations.add();
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}
}

namespace bench {

/// From here on OpenSSL's own allocations are counted apart. False if it has already made some.
inline bool count_openssl_apart() {
  return CRYPTO_set_mem_functions(
             [](std::size_t size, const char*, int) {
               openssl_allocations.add();
               return __libc_malloc(size);
             },
             [](void* old, std::size_t size, const char*, int) {
               openssl_allocations.add();
               return __libc_realloc(old, size);
             },
             [](void* block, const char*, int) { __libc_free(block); }) == 1;
}

}  // namespace bench
