// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <malloc.h>
#include <sys/resource.h>

extern "C" [[gnu::weak]] std::size_t __sanitizer_get_current_allocated_bytes();  // NOLINT

/// \file
/// What the long runs have in common: how long they are, what they measure of themselves, how they tell it.
namespace soak {

/// Whether this is the full form, as `./dev soak` runs it, and not the one of `./dev test`.
inline bool is_full() { return std::getenv("MCP_SOAK_SECONDS") != nullptr; }
inline std::size_t either(std::size_t full, std::size_t reduced) { return is_full() ? full : reduced; }

/// Bytes on the heap that are in use.
inline std::size_t heap_bytes() {
  if (&__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

inline int open_descriptors() {
  int count = 0;
  for (int descriptor = 0; descriptor < 4096; ++descriptor)
    count += ::fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

inline void raise_descriptor_limit() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// One line of figures, printed in the full form only.
class figures {
 public:
  explicit figures(const std::string& run) : line_(run + ":") {}
  figures(const figures&) = delete;
  figures& operator=(const figures&) = delete;
  template <class Number>
  void add(const std::string& what, Number value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", static_cast<double>(value));
    line_ += (parts_++ == 0 ? " " : ", ") + what + " " + text;
  }
  ~figures() {
    if (is_full()) std::printf("%s\n", line_.c_str()), std::fflush(stdout);
  }

 private:
  std::string line_;
  int parts_ = 0;
};

}  // namespace soak
