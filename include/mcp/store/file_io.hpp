// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/descriptor.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>

#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/// \file
/// System calls on files, as a store needs them: begun again when a signal interrupts them, continued when
/// they do a part, and never through a symbolic link. Names are those of files in an open directory.
namespace mcp::inline v0::detail {

/// What `errno` says, as in "fsync: No space left on device".
inline failure call_failed(const char* call) {
  return failure(errc::store_failed, std::string(call) + ": " + std::system_category().message(errno));
}

template <class Call>
auto uninterrupted(Call call) {
  auto returned = call();
  while (returned == -1 && errno == EINTR) returned = call();
  return returned;
}

/// That nobody else can read or replace it. Errors: `store_insecure`.
inline result<void> check_private(const struct stat& file, mode_t kind) {
  const auto refused = [](const char* why) { return failure(errc::store_insecure, why); };
  if ((file.st_mode & S_IFMT) != kind)
    return refused(kind == S_IFDIR ? "not a directory" : "not a regular file");
  if (file.st_uid != ::geteuid()) return refused("owned by another user");
  if ((file.st_mode & (S_IRWXG | S_IRWXO)) != 0) return refused("open to group or others (chmod go= it)");
  // What is erased must be gone. (0: it was replaced just now.)
  if (kind == S_IFREG && file.st_nlink > 1) return refused("it has another hard link");
  return {};
}

/// A file of that kind, or nothing where there is none. Errors: `store_insecure`, `store_failed`.
inline result<std::optional<unique_descriptor>> open_private(int directory, const char* name, int how,
                                                             mode_t kind) {
  // A FIFO would block.
  const int all = how | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  unique_descriptor opened(uninterrupted([&] { return ::openat(directory, name, all); }));
  struct stat found {};
  if (opened.get() >= 0) {
    if (uninterrupted([&] { return ::fstat(opened.get(), &found); }) != 0) return call_failed("fstat");
    if (const auto checked = check_private(found, kind); !checked) return checked.error();
    return std::optional(std::move(opened));
  }
  const int error = errno;
  if (error == ENOENT) return std::optional<unique_descriptor>();
  // Not to be opened because of what it is, or whose?
  if (::fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW) == 0) {
    if (const auto checked = check_private(found, kind); !checked) return checked.error();
  }
  errno = error;
  return call_failed("open");
}

/// A new file with mode 0600, to be written. Errors: `store_failed`.
inline result<unique_descriptor> create_private(int directory, const char* name) {
  constexpr int how = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  unique_descriptor file(uninterrupted([&] { return ::openat(directory, name, how, S_IRUSR | S_IWUSR); }));
  if (file.get() < 0) return call_failed("open");
  // A umask may have taken bits away.
  if (uninterrupted([&] { return ::fchmod(file.get(), S_IRUSR | S_IWUSR); }) != 0)
    return call_failed("fchmod");
  return file;
}

/// From the beginning of the file. Errors: `store_failed`.
inline result<void> write_all(int file, std::string_view bytes) {
  for (off_t at = 0; !bytes.empty();) {
    const auto written = uninterrupted([&] { return ::pwrite(file, bytes.data(), bytes.size(), at); });
    if (written < 0) return call_failed("write");
    if (written == 0) return failure(errc::store_failed, "write: nothing was written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
  return {};
}

/// The whole of a file of up to `most` bytes. Errors: `store_failed`; `store_corrupt` if it is longer.
inline result<secret> read_all(int file, std::size_t most) {
  struct stat found {};
  if (uninterrupted([&] { return ::fstat(file, &found); }) != 0) return call_failed("fstat");
  if (found.st_size > static_cast<off_t>(most)) return failure(errc::store_corrupt, "too large");
  secret bytes;
  bytes.resize(static_cast<std::size_t>(found.st_size));
  std::size_t size = 0;
  while (size < bytes.size()) {
    const auto got = uninterrupted(
        [&] { return ::pread(file, bytes.data() + size, bytes.size() - size, static_cast<off_t>(size)); });
    if (got < 0) return call_failed("read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

/// Errors: `store_failed`.
inline result<void> sync(int file) {
  // Not F_FULLFSYNC on macOS: there, this survives a crash of the system, and not always a loss of power.
  if (uninterrupted([&] { return ::fsync(file); }) != 0) return call_failed("fsync");
  return {};
}

}  // namespace mcp::inline v0::detail
