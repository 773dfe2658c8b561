// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/crypto/sha256.hpp>
#include <mcp/store/credential_store.hpp>
#include <mcp/store/file_directory.hpp>
#include <mcp/store/file_encryption.hpp>
#include <mcp/store/file_lease.hpp>
#include <mcp/store/file_record.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pwd.h>
#include <unistd.h>

namespace mcp::inline v0 {

struct file_store_options {
  std::optional<secret> key{};  ///< 32 bytes that encrypt the records (AES-256-GCM)
  /// Instead of a key: what one is made of (scrypt), which takes some 0.1 s in the first operation.
  std::optional<secret> passphrase{};
  std::chrono::milliseconds lock_timeout{5'000};  ///< how long to wait for other writers
};

/// Keeps records in files of a directory, one each: a `BlockingLeasingCredentialStore`. Any number of stores
/// and processes may use one directory.
///
/// A record is whole at any moment and survives a crash once `save` has succeeded. It is damaged where one
/// bit differs (`errc::store_corrupt`; the message names the file). With a key or a passphrase, a record that
/// opens is one that was saved with it under that name; that somebody has put back an older one, or taken
/// one away, cannot be seen. Keys of records are not encrypted. A store is encrypted from its first record
/// on, or never.
///
/// The directory, made with mode 0700 where there is none, and all in it must belong to the effective user
/// and to nobody else: no bits for group or others, no symbolic links, no second hard links, no other kinds
/// of files, also for root (`errc::store_insecure`). Above the directory, symbolic links are followed.
///
/// Writers take turns by an advisory lock on the directory, for `lock_timeout` at most
/// (`errc::store_locked`); readers need none. The lock, and a lease, dies with its process, or with the last
/// child that was forked without `exec` while it was held; a process that is only stopped keeps them. A held
/// lease keeps a descriptor open. After a `fork`, only one of the two processes may go on with a store
/// object. The file system must be local: NFS and its like have no such locks.
///
/// Other errors: `errc::store_failed` with the system call that failed, and `errc::crypto_failed`. Where only
/// the last step fails, an `fsync` of the directory, `save` and `erase` have taken place all the same.
class file_store {
 public:
  /// The disk is not touched before the first operation, which tells what is wrong, also with the options
  /// (`errc::invalid_argument`).
  explicit file_store(std::string directory, file_store_options options = {})
      : path_(std::move(directory)),
        lock_timeout_(options.lock_timeout),
        encryption_(std::move(options.key), std::move(options.passphrase)) {
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  }

  file_store(file_store&&) = default;
  file_store& operator=(file_store&&) = default;

  store_result::load load(std::string_view key) {
    const auto name = file_name(key, record_suffix);
    if (!name) return name.error();
    const auto directory = about(path_, detail::file_directory::open(path_));
    if (!directory) return directory.error();
    if (!*directory) return store_result::load(std::nullopt);
    return load_from(**directory, *name, key);
  }

  store_result::save save(std::string_view key, std::string_view bytes, record_version expected) {
    const auto name = file_name(key, record_suffix);
    if (!name) return name.error();
    if (bytes.size() > detail::max_content_size)
      return failure(errc::invalid_argument, "the record is larger than 16 MiB");
    const auto directory = locked_directory();
    if (!directory) return directory.error();

    const auto found = load_from(*directory, *name, key);
    if (!found) return found.error();
    if ((*found ? (*found)->version : no_record) != expected) return store_result::save(std::nullopt);

    const auto version = detail::new_version();
    if (!version) return version.error();
    const auto encryption_key = key_for_writing(*directory, found->has_value());
    if (!encryption_key) return encryption_key.error();
    const auto file = detail::seal_record(key, {secret(bytes), *version}, *encryption_key);
    if (!file) return file.error();
    if (const auto written = directory->replace(*name, file->view()); !written) return written.error();
    return std::optional(*version);
  }

  store_result::erase erase(std::string_view key, record_version expected) {
    const auto name = file_name(key, record_suffix);
    if (!name) return name.error();
    auto directory = about(path_, detail::file_directory::open(path_));
    if (!directory) return std::move(directory).error();
    if (!*directory) return false;
    if (const auto locked = (*directory)->lock(lock_timeout_); !locked) return locked.error();

    const auto found = load_from(**directory, *name, key);
    if (!found) return found.error();
    if (!*found || (*found)->version != expected) return false;
    const auto removed = (*directory)->remove(name->c_str());
    if (!removed) return removed.error();
    if (const auto synced = detail::sync((*directory)->get()); !synced) return synced.error();
    return true;
  }

  /// A lease is for a year at the most. A holder that lives, but lets `time` pass, may be robbed; its next
  /// call then gives false, also if the lease is free again.
  store_result::lease lease(std::string_view key, std::string_view owner, std::chrono::milliseconds time) {
    const auto name = file_name(key, lease_suffix);
    if (!name) return name.error();
    const auto directory = locked_directory();
    if (!directory) return directory.error();
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);
    const auto now = std::chrono::steady_clock::now();
    const auto until = now + std::clamp(time, time.zero(), longest);
    return about(*name, leases_.take(*directory, *name, owner, until, now));
  }

  store_result::release release(std::string_view key, std::string_view owner) {
    const auto name = file_name(key, lease_suffix);
    if (!name) return name.error();
    if (!leases_.holds(*name, owner)) return {};
    auto directory = about(path_, detail::file_directory::open(path_));
    const bool locked = directory && *directory && (*directory)->lock(lock_timeout_);
    leases_.release(locked ? &**directory : nullptr, *name, owner);
    return {};
  }

 private:
  static constexpr const char* record_suffix = ".record";
  static constexpr const char* lease_suffix = ".lease";
  static constexpr const char* encryption_file = "encryption";

  /// The outcome of an operation on a file; a failure with its name.
  template <class Result>
  static Result about(const std::string& name, Result outcome) {
    if (!outcome) outcome.error().with_message(name + ": " + std::string(outcome.error().message()));
    return outcome;
  }

  // Whether an operation may begin at all.
  result<void> check(std::string_view key) const {
    if (path_.empty() || path_.find('\0') != path_.npos)
      return failure(errc::invalid_argument, "no path of a directory");
    if (const auto checked = encryption_.check(); !checked) return checked.error();
    if (key.size() > detail::max_key_size)
      return failure(errc::invalid_argument, "the key is longer than 2 KiB");
    return {};
  }

  // The name of the file for `key`.
  result<std::string> file_name(std::string_view key, std::string_view suffix) const {
    if (const auto checked = check(key); !checked) return checked.error();
    const auto digest = crypto::sha256(key);
    if (!digest) return digest.error();
    std::string name;
    for (const char byte : *digest) {
      for (const int shift : {4, 0}) name += "0123456789abcdef"[byte >> shift & 15];
    }
    return name.append(suffix);
  }

  // Made where there is none, and kept from other writers.
  result<detail::file_directory> locked_directory() {
    auto directory = about(path_, detail::file_directory::make(path_, durable_));
    if (!directory) return directory;
    if (const auto locked = directory->lock(lock_timeout_); !locked) return locked.error();
    return directory;
  }

  store_result::load load_from(const detail::file_directory& directory, const std::string& name,
                               std::string_view key) {
    constexpr std::size_t most =
        detail::file_prefix_size + 64 + detail::max_key_size + detail::max_content_size;
    const auto file = about(name, directory.read(name, most));
    if (!file) return file.error();
    // In this order: who makes the first record makes the file on encryption before.
    const auto encryption_key = key_of(directory);
    if (!encryption_key) return encryption_key.error();
    if (!*file) return store_result::load(std::nullopt);
    if (encryption_.enabled() && *encryption_key == nullptr)
      return failure(errc::store_corrupt, not_encrypted);
    auto record = about(name, detail::open_record((*file)->view(), key, *encryption_key));
    if (!record) return std::move(record).error();
    return std::optional(std::move(*record));
  }

  // Null: there is none, in a plain store or in one that is not encrypted yet.
  result<const secret*> key_of(const detail::file_directory& directory) {
    const auto file = about(encryption_file, directory.read(encryption_file, 1024));
    if (!file) return file.error();
    if (!*file) return nullptr;
    if (!encryption_.enabled()) return failure(errc::store_corrupt, "the store is encrypted");
    return about(encryption_file, encryption_.open((*file)->view()));
  }

  // The same under the lock; null in a plain store only. Before the first record, a file on encryption is
  // made to last, which may be there already by somebody who was killed.
  result<const secret*> key_for_writing(const detail::file_directory& directory, bool has_record) {
    auto key = key_of(directory);
    if (!key || !encryption_.enabled() || (*key != nullptr && has_record)) return key;
    if (*key != nullptr) {
      if (const auto synced = detail::sync(directory.get()); !synced) return synced.error();
      return key;
    }
    const auto used = directory.has_any(record_suffix);
    if (!used) return used.error();
    if (*used) return failure(errc::store_corrupt, not_encrypted);
    const auto file = encryption_.make();
    if (!file) return file.error();
    if (const auto made = directory.replace(encryption_file, file->view()); !made) return made.error();
    return encryption_.open(file->view());
  }

  static constexpr const char* not_encrypted =
      "the store is not encrypted, or its file \"encryption\" is missing";

  friend class secret_service_store;  // which takes turns in a directory as this one does

  std::string path_;
  std::chrono::milliseconds lock_timeout_;
  detail::file_encryption encryption_;
  detail::file_leases leases_;
  bool durable_ = false;  // no crash takes the directory away
};

/// `$XDG_STATE_HOME/asio-mcp`, or `~/.local/state/asio-mcp` (XDG Base Directory Specification). Empty where
/// the user has no home; a store then says so.
inline std::string default_store_path() {
  const auto absolute = [](const char* path) { return path != nullptr && path[0] == '/'; };
  if (const char* state = std::getenv("XDG_STATE_HOME"); absolute(state))
    return std::string(state) + "/asio-mcp";
  const char* home = std::getenv("HOME");
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(16 * 1024);
  if (!absolute(home) && ::getpwuid_r(::geteuid(), &entry, text.data(), text.size(), &found) == 0 &&
      found != nullptr) {
    home = entry.pw_dir;
  }
  return absolute(home) ? std::string(home) + "/.local/state/asio-mcp" : std::string();
}

}  // namespace mcp::inline v0
