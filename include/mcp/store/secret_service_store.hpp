// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/credential_store.hpp>
#include <mcp/store/file_directory.hpp>
#include <mcp/store/file_record.hpp>
#include <mcp/store/file_store.hpp>
#include <mcp/store/secret_service_key_ring.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// Keeps records in the default key ring of a desktop session, an item each: a
/// `BlockingLeasingCredentialStore` over the Secret Service API (freedesktop.org), as GNOME Keyring has it.
/// Not part of `<mcp/mcp.hpp>`, since it needs libsecret. In CMake:
///
///     find_package(PkgConfig REQUIRED)
///     pkg_check_modules(libsecret REQUIRED IMPORTED_TARGET libsecret-1)
///     target_link_libraries(my_agent PRIVATE PkgConfig::libsecret)
///
/// Say `mcp::secret_service_store` in full: libsecret has a function of that name.
///
/// People see the items in their desktop's tools, as "asio-mcp: KEY". Every program of the session can read
/// and replace them; what is not as it was saved is `errc::store_corrupt`. Whether a record survives a crash
/// is up to the key ring, as is its encryption.
///
/// The Secret Service has no compare-and-swap. All operations of all processes take turns instead, by an
/// advisory lock on a directory, for `lock_timeout` at most (`errc::store_locked`): whoever shares a key ring
/// must name the same directory. It is as that of a `file_store`, which it may also be, and holds the leases.
///
/// Nobody is asked for a password, or for anything: without a session bus, a Secret Service or a default key
/// ring, with one that is locked, and where it would ask, an operation is `errc::store_failed`. A service
/// that does not answer is given up after the 25 s that D-Bus gives it. A child that was forked after the
/// first operation must not use the key ring before it calls `exec` (a limit of GLib). Of a record that does
/// not fit in what may be locked in memory, libsecret writes a line to standard error.
class secret_service_store {
 public:
  explicit secret_service_store(std::string lock_directory = default_store_path(),
                                std::chrono::milliseconds lock_timeout = std::chrono::seconds(5))
      : files_(std::move(lock_directory), {.lock_timeout = lock_timeout}) {}

  /// Whether a Secret Service answers here and has a default key ring, be it locked or not.
  static bool available() { return detail::key_ring::open().has_value(); }

  store_result::load load(std::string_view key) {
    const auto ring = open(key);
    if (!ring) return ring.error();
    auto found = ring->load();
    if (!found) return std::move(found).error();
    return std::move(found->record);
  }

  store_result::save save(std::string_view key, std::string_view bytes, record_version expected) {
    if (bytes.size() > detail::max_content_size)
      return failure(errc::invalid_argument, "the record is larger than 16 MiB");
    const auto ring = open(key);
    if (!ring) return ring.error();
    const auto found = ring->load();
    if (!found) return found.error();
    if (found->version() != expected) return store_result::save(std::nullopt);
    const auto version = detail::new_version();
    if (!version) return version.error();
    const auto sealed = detail::seal_record(key, {secret(bytes), *version}, nullptr);
    if (!sealed) return sealed.error();
    const auto written = ring->items.write(ring->key, found->item.get(), *sealed);
    if (!written) return written.error();
    return std::optional(*version);
  }

  store_result::erase erase(std::string_view key, record_version expected) {
    const auto ring = open(key);
    if (!ring) return ring.error();
    const auto found = ring->load();
    if (!found) return found.error();
    if (!found->record || found->version() != expected) return false;
    if (const auto removed = detail::key_ring::remove(*found->item); !removed) return removed.error();
    return true;
  }

  store_result::lease lease(std::string_view key, std::string_view owner, std::chrono::milliseconds time) {
    return files_.lease(key, owner, time);
  }
  store_result::release release(std::string_view key, std::string_view owner) {
    return files_.release(key, owner);
  }

 private:
  struct found_item {
    detail::glib_ptr<SecretItem> item;
    std::optional<stored_record> record;

    record_version version() const { return record ? record->version : no_record; }
  };

  /// The key ring, kept from others who use it, for one operation on one key.
  struct turn {
    std::string key;
    detail::file_directory lock;
    detail::key_ring items;

    result<found_item> load() const {
      auto item = items.find(key);
      if (!item) return std::move(item).error();
      if (!*item) return found_item();
      const auto bytes = detail::key_ring::read(**item);
      if (!bytes) return bytes.error();
      auto record = detail::open_record(bytes->view(), key, nullptr);
      if (record) return found_item{std::move(*item), std::move(*record)};
      return failure(record.error().code(),
                     detail::key_ring::label(key) + ": " + std::string(record.error().message()));
    }
  };

  result<turn> open(std::string_view key) {
    if (const auto checked = files_.check(key); !checked) return checked.error();
    // D-Bus takes no other bytes, and libsecret ends at a NUL.
    if (!std::ranges::all_of(key, [](char c) { return c > ' ' && c <= '~'; }))
      return failure(errc::invalid_argument, "the key is not printable ASCII");
    auto lock = files_.locked_directory();
    if (!lock) return std::move(lock).error();
    auto items = detail::key_ring::open();
    if (!items) return std::move(items).error();
    if (items->locked()) return failure(errc::store_failed, "the default key ring is locked");
    return turn{std::string(key), std::move(*lock), std::move(*items)};
  }

  file_store files_;  // for the lock and the leases
};

/// The key ring where there is one (`secret_service_store::available()`), locked or not; else, as in sessions
/// without a desktop, the files in `directory`, encrypted only if `options` say so. Decided here, which
/// blocks for some milliseconds, and once.
///
/// Two processes of one user may find differently: a cron job has no session bus. Nothing is copied between
/// the two stores: sessions are opened anew, and credentials that were saved in one are missing in the other.
/// Programs that must share them name the same store instead.
inline any_credential_store desktop_store(std::string directory = default_store_path(),
                                          file_store_options options = {}) {
  if (secret_service_store::available()) {
    return secret_service_store(std::move(directory), options.lock_timeout);
  }
  return file_store(std::move(directory), std::move(options));
}

}  // namespace mcp::inline v0
