// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>

#include <sys/syscall.h>
#include <unistd.h>

namespace test {

inline thread_local int socketpair_error = 0;     ///< not 0: what `socketpair()` fails with
inline thread_local int socketpair_ends[2] = {};  ///< that it made last

}  // namespace test

// Stands before the one of the C library. To be included in one file of a program.
extern "C" int socketpair(int domain, int type, int protocol, int ends[2]) noexcept {
  errno = test::socketpair_error;
  if (errno != 0) return -1;
  const auto made = ::syscall(SYS_socketpair, domain, type, protocol, ends);
  std::copy_n(ends, 2, test::socketpair_ends);
  return static_cast<int>(made);
}
