// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/descriptor.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/store/file_io.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace mcp::inline v0::detail {

/// The directory of a store, open for one operation. All goes through its descriptor: who replaces the path
/// meanwhile redirects nothing. Files appear and change by a rename only, so readers need no lock.
class file_directory {
 public:
  /// Nothing: there is none. Errors: `store_insecure`, `store_failed`.
  static result<std::optional<file_directory>> open(const std::string& path) {
    auto opened = open_private(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY, S_IFDIR);
    if (!opened) return std::move(opened).error();
    if (!*opened) return std::optional<file_directory>();
    return std::optional(file_directory(std::move(**opened)));
  }

  /// Makes it and its parents where there is none. Unless `durable`, sees to it that no crash takes it away;
  /// then sets that.
  static result<file_directory> make(const std::string& path, bool& durable) {
    auto opened = open(path);
    if (!opened) return std::move(opened).error();
    if (*opened) {
      if (!durable) {
        if (const auto synced = sync_parent((*opened)->get()); !synced) return synced.error();
      }
      durable = true;
      return std::move(**opened);
    }
    if (const auto made = make_path(path); !made) return made.error();
    durable = true;
    auto made = open(path);
    if (!made) return std::move(made).error();
    if (!*made) return failure(errc::store_failed, "the directory vanished");
    return std::move(**made);
  }

  file_directory(file_directory&&) = default;
  file_directory& operator=(file_directory&&) = delete;
  ~file_directory() {
    // A forked child may hold the descriptor open, and the lock with it.
    if (locked_) ::flock(get(), LOCK_UN);
  }

  int get() const noexcept { return descriptor_.get(); }

  /// Keeps other writers out until this object is gone; its holder's death does the same. Removes what a
  /// writer left that was killed. Errors: `store_locked` after `timeout`, `store_failed`.
  result<void> lock(std::chrono::milliseconds timeout) {
    using namespace std::chrono;
    const auto begin = steady_clock::now();
    microseconds pause(50);
    while (uninterrupted([&] { return ::flock(get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return call_failed("flock");
      if (duration_cast<milliseconds>(steady_clock::now() - begin) >= timeout)
        return failure(errc::store_locked, "another process is writing");
      std::this_thread::sleep_for(pause);
      pause = std::min<microseconds>(2 * pause, milliseconds(5));
    }
    locked_ = true;
    const auto removed = remove(new_file);
    if (!removed) return removed.error();
    return {};
  }

  /// Nothing: there is no such file. Errors: `store_insecure`, `store_corrupt` if it is larger than `most`,
  /// `store_failed`.
  result<std::optional<secret>> read(const std::string& name, std::size_t most) const {
    const auto file = open_private(get(), name.c_str(), O_RDONLY, S_IFREG);
    if (!file) return file.error();
    if (!*file) return std::optional<secret>();
    auto bytes = read_all((*file)->get(), most);
    if (!bytes) return std::move(bytes).error();
    return std::optional(std::move(*bytes));
  }

  // The rest under the lock.

  /// Puts a file in place of the one of that name: always the whole old or the whole new one is there, and
  /// after success the new one, whatever happens then. Errors: `store_failed`.
  result<void> replace(const std::string& name, std::string_view bytes) const {
    auto replaced = replace_by_new(name, bytes);
    if (!replaced) discard_new();
    return replaced;
  }

  /// A file to write and then to rename.
  result<unique_descriptor> create_new() const { return create_private(get(), new_file); }
  result<void> rename_new(const std::string& name) const {
    if (uninterrupted([&] { return ::renameat(get(), new_file, get(), name.c_str()); }) != 0)
      return call_failed("rename");
    return {};
  }

  void discard_new() const noexcept { ::unlinkat(get(), new_file, 0); }

  /// False: there was none. Needs a `sync(get())` to last. Errors: `store_failed`.
  result<bool> remove(const char* name) const {
    if (uninterrupted([&] { return ::unlinkat(get(), name, 0); }) == 0) return true;
    if (errno == ENOENT) return false;
    return call_failed("unlink");
  }

  /// Whether there is a file whose name ends so. Errors: `store_failed`.
  result<bool> has_any(std::string_view suffix) const {
    const int again = uninterrupted([&] { return ::openat(get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (again < 0) return call_failed("open");
    const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> entries(::fdopendir(again));
    if (!entries) return ::close(again), call_failed("fdopendir");
    errno = 0;
    while (const dirent* entry = ::readdir(entries.get())) {
      if (std::string_view(entry->d_name).ends_with(suffix)) return true;
    }
    if (errno != 0) return call_failed("readdir");
    return false;
  }

 private:
  // One name is enough, as only who has the lock writes: what killed writers leave does not pile up.
  static constexpr const char* new_file = "new";

  explicit file_directory(unique_descriptor open) noexcept : descriptor_(std::move(open)) {}

  result<void> replace_by_new(const std::string& name, std::string_view bytes) const {
    const auto file = create_new();
    if (!file) return file.error();
    if (const auto written = write_all(file->get(), bytes); !written) return written.error();
    if (const auto synced = sync(file->get()); !synced) return synced.error();
    if (const auto renamed = rename_new(name); !renamed) return renamed.error();
    return sync(get());
  }

  // Who makes a directory sees to its entry before anything is made inside. The innermost that is there
  // already may be by somebody who was killed in between.
  static result<unique_descriptor> make_path(const std::string& path) {
    constexpr int how = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    unique_descriptor there(uninterrupted([&] { return ::open(path.c_str(), how); }));
    if (there.get() >= 0) {
      if (const auto synced = sync_parent(there.get()); !synced) return synced.error();
      return there;
    }
    if (errno != ENOENT) return call_failed("open");
    const auto slash = path.rfind('/');
    const auto end = path.find_last_not_of('/', slash);  // of the parent
    const auto parent = make_path(slash == path.npos ? "."
                                  : end == path.npos ? "/"
                                                     : path.substr(0, end + 1));
    if (!parent) return parent.error();
    const std::string name = path.substr(slash + 1);
    const bool is_new = uninterrupted([&] { return ::mkdirat(parent->get(), name.c_str(), S_IRWXU); }) == 0;
    if (!is_new && errno != EEXIST) return call_failed("mkdir");
    if (const auto synced = sync(parent->get()); !synced) return synced.error();
    unique_descriptor made(uninterrupted([&] { return ::openat(parent->get(), name.c_str(), how); }));
    if (made.get() < 0) return call_failed("open");
    // A umask may have taken bits away.
    if (is_new && uninterrupted([&] { return ::fchmod(made.get(), S_IRWXU); }) != 0)
      return call_failed("fchmod");
    return made;
  }

  // A parent that cannot be opened, or whose file system has nothing to be synced, is none in which this user
  // has made anything.
  static result<void> sync_parent(int directory) {
    const unique_descriptor parent(
        uninterrupted([&] { return ::openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (parent.get() < 0 && errno == EACCES) return {};
    if (parent.get() < 0) return call_failed("open");
    if (uninterrupted([&] { return ::fsync(parent.get()); }) == 0 || errno == EINVAL || errno == EROFS)
      return {};
    return call_failed("fsync");
  }

  bool locked_ = false;
  unique_descriptor descriptor_;
};

}  // namespace mcp::inline v0::detail
