// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdarg>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace test {

/// A change to files that this process has made. Directories and files are named by their inodes.
struct file_change {
  enum class kind { create, make_directory, write, sync, rename, unlink };

  kind what;
  ino_t directory = 0;  ///< of `name`
  ino_t file = 0;       ///< that was created, written or synced
  std::string name{};
  std::string to{};  ///< the new name
  off_t at = 0;
  std::string bytes{};
};

inline std::function<void(const file_change&)> on_file_change;  ///< called after each
/// How many bytes a `pread` or `pwrite` does at the most.
inline std::size_t most_at_once = std::numeric_limits<std::size_t>::max();

namespace detail {

inline ino_t inode_of(int descriptor) {
  struct stat found {};
  ::fstat(descriptor, &found);
  return found.st_ino;
}

/// Tells of a change if the call for it has succeeded.
template <class Returned, class Describe>
Returned changed(Returned returned, Describe describe) {
  if (returned >= 0 && on_file_change) on_file_change(describe());
  return returned;
}

}  // namespace detail
}  // namespace test

// Stand before the functions of the C library, and of the sanitizers. To be included in one file of a
// program.
extern "C" {

int openat(int directory, const char* name, int how, ...) {
  va_list more;
  va_start(more, how);
  const mode_t mode = (how & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  const auto opened = static_cast<int>(::syscall(SYS_openat, directory, name, how, mode));
  if ((how & O_CREAT) == 0) return opened;
  using test::detail::inode_of;
  return test::detail::changed(opened, [&] {
    return test::file_change{.what = test::file_change::kind::create,
                             .directory = inode_of(directory),
                             .file = inode_of(opened),
                             .name = name};
  });
}

int mkdirat(int directory, const char* name, mode_t mode) noexcept {
  const auto made = static_cast<int>(::syscall(SYS_mkdirat, directory, name, mode));
  return test::detail::changed(made, [&] {
    struct stat found {};
    ::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW);
    return test::file_change{.what = test::file_change::kind::make_directory,
                             .directory = test::detail::inode_of(directory),
                             .file = found.st_ino,
                             .name = name};
  });
}

ssize_t pwrite(int file, const void* data, std::size_t size, off_t at) {
  size = std::min(size, test::most_at_once);
  const auto written = static_cast<ssize_t>(::syscall(SYS_pwrite64, file, data, size, at));
  return test::detail::changed(written, [&] {
    return test::file_change{.what = test::file_change::kind::write,
                             .file = test::detail::inode_of(file),
                             .at = at,
                             .bytes = {static_cast<const char*>(data), static_cast<std::size_t>(written)}};
  });
}

ssize_t pread(int file, void* data, std::size_t size, off_t at) {
  return static_cast<ssize_t>(::syscall(SYS_pread64, file, data, std::min(size, test::most_at_once), at));
}

int fsync(int file) {
  return test::detail::changed(static_cast<int>(::syscall(SYS_fsync, file)), [&] {
    return test::file_change{.what = test::file_change::kind::sync, .file = test::detail::inode_of(file)};
  });
}

int renameat(int directory, const char* from, int, const char* to) noexcept {
  const auto renamed = static_cast<int>(::syscall(SYS_renameat2, directory, from, directory, to, 0));
  return test::detail::changed(renamed, [&] {
    return test::file_change{.what = test::file_change::kind::rename,
                             .directory = test::detail::inode_of(directory),
                             .name = from,
                             .to = to};
  });
}

int unlinkat(int directory, const char* name, int how) noexcept {
  const auto removed = static_cast<int>(::syscall(SYS_unlinkat, directory, name, how));
  return test::detail::changed(removed, [&] {
    return test::file_change{.what = test::file_change::kind::unlink,
                             .directory = test::detail::inode_of(directory),
                             .name = name};
  });
}

}  // extern "C"
