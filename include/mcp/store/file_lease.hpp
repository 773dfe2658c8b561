// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/descriptor.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/store/file_directory.hpp>
#include <mcp/store/file_io.hpp>
#include <mcp/store/file_record.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

namespace mcp::inline v0::detail {

/// The leases that a store holds.
///
/// A lease is a file that its holder keeps locked, so that it is free the moment the holder dies. When it was
/// to end is inside (prefix, 8 bytes: milliseconds): a holder that hangs is robbed after that. The file is
/// then another one, from which the old holder sees what has happened. Time is the monotonic clock, which all
/// processes have in common and nobody sets; no lease outlives a restart of the system.
class file_leases {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Under the lock of the directory. False: somebody else holds it, or has held it since. Errors:
  /// `store_insecure`, `store_corrupt`, `store_failed`.
  result<bool> take(const file_directory& directory, const std::string& name, std::string_view owner,
                    time_point until, time_point now) {
    id wanted(name, owner);
    const auto found = held_.find(wanted);
    if (found != held_.end()) {
      const auto still = is_current(directory, name, found->second.get());
      if (!still) return still.error();
      if (!*still) return held_.erase(found), false;
      if (const auto written = write_all(found->second.get(), file_of(until).view()); !written)
        return written.error();
      return true;
    }
    const auto taken = is_taken(directory, name, now);
    if (!taken) return taken.error();
    if (*taken) return false;
    auto made = make(directory, name, until);
    if (!made) return directory.discard_new(), std::move(made).error();
    held_.emplace(std::move(wanted), std::move(*made));
    return true;
  }

  bool holds(const std::string& name, std::string_view owner) const {
    return held_.contains(id(name, owner));
  }

  /// Under the lock of the directory, so that the file goes too; without one, it stays, and is free.
  void release(const file_directory* locked, const std::string& name, std::string_view owner) {
    const auto found = held_.find(id(name, owner));
    if (found == held_.end()) return;
    if (locked != nullptr) {
      const auto still = is_current(*locked, name, found->second.get());
      if (still && *still) static_cast<void>(locked->remove(name.c_str()));
    }
    held_.erase(found);
  }

 private:
  using id = std::pair<std::string, std::string>;  // name of the file, owner

  // Unlocks it besides closing it, since a forked child may hold the descriptor open.
  class lease_file {
   public:
    explicit lease_file(unique_descriptor locked) noexcept : descriptor_(std::move(locked)) {}
    lease_file(lease_file&&) = default;
    lease_file& operator=(lease_file&&) = delete;
    ~lease_file() { ::flock(get(), LOCK_UN); }
    int get() const noexcept { return descriptor_.get(); }

   private:
    unique_descriptor descriptor_;
  };

  static result<lease_file> make(const file_directory& directory, const std::string& name, time_point until) {
    auto file = directory.create_new();
    if (!file) return std::move(file).error();
    if (uninterrupted([&] { return ::flock(file->get(), LOCK_EX | LOCK_NB); }) != 0)
      return call_failed("flock");
    lease_file lease(std::move(*file));
    if (const auto written = write_all(lease.get(), file_of(until).view()); !written) return written.error();
    if (const auto renamed = directory.rename_new(name); !renamed) return renamed.error();
    return lease;
  }

  static std::chrono::milliseconds since_start(time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
  }

  static secret file_of(time_point until) {
    secret file = file_prefix(file_kind::lease);
    append_number(file, static_cast<std::uint64_t>(since_start(until).count()), 8);
    return file;
  }

  static result<std::chrono::milliseconds> parse(std::string_view file) {
    file_reader in(file);
    const auto kind = in.kind();
    if (!kind) return kind.error();
    const std::chrono::milliseconds until(static_cast<std::int64_t>(in.number(8)));
    if (*kind != file_kind::lease || !in.ended()) return failure(errc::store_corrupt, "not a lease");
    return until;
  }

  static result<bool> is_current(const file_directory& directory, const std::string& name, int descriptor) {
    struct stat held {};
    struct stat current {};
    if (uninterrupted([&] { return ::fstat(descriptor, &held); }) != 0) return call_failed("fstat");
    const auto look = [&] { return ::fstatat(directory.get(), name.c_str(), &current, AT_SYMLINK_NOFOLLOW); };
    if (uninterrupted(look) == 0) return held.st_dev == current.st_dev && held.st_ino == current.st_ino;
    if (errno == ENOENT) return false;
    return call_failed("fstatat");
  }

  static result<bool> is_taken(const file_directory& directory, const std::string& name, time_point now) {
    const auto file = open_private(directory.get(), name.c_str(), O_RDWR, S_IFREG);
    if (!file) return file.error();
    if (!*file) return false;
    const int descriptor = (*file)->get();
    if (uninterrupted([&] { return ::flock(descriptor, LOCK_EX | LOCK_NB); }) == 0) return false;
    if (errno != EWOULDBLOCK) return call_failed("flock");
    const auto bytes = read_all(descriptor, max_content_size);
    if (!bytes) return bytes.error();
    const auto until = parse(bytes->view());
    if (!until) return until.error();
    return *until > since_start(now);
  }

  std::map<id, lease_file> held_;
};

}  // namespace mcp::inline v0::detail
