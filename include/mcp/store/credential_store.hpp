// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mcp::inline v0 {

/// Which save a record comes from. Chosen by the store; a key never has the same version twice, not even
/// after its record was erased.
using record_version = std::uint64_t;

/// "There is no record": in `save`, what is expected before the first one. No record has this version.
inline constexpr record_version no_record = 0;

struct stored_record {
  secret bytes;  ///< what was saved, to the byte
  record_version version = no_record;
};

/// What the operations of a store return, in one place.
namespace store_result {
using load = result<std::optional<stored_record>>;   ///< nothing: there is no record
using save = result<std::optional<record_version>>;  ///< the new version; nothing: another one was expected
using erase = result<bool>;                          ///< false: another version was expected
using lease = result<bool>;                          ///< false: somebody else holds it
using release = result<void>;
}  // namespace store_result

namespace detail {

template <class Returned, class Wanted>
concept is_awaitable_of = std::same_as<Returned, asio::awaitable<Wanted>>;

// Each operation, awaited or blocking: `Form` is the type that it returns.
template <class S, class Form>
concept loads = requires(S& store, std::string_view key) {
  { store.load(key) } -> std::same_as<Form>;
};
template <class S, class Form>
concept saves = requires(S& store, std::string_view key, std::string_view bytes, record_version expected) {
  { store.save(key, bytes, expected) } -> std::same_as<Form>;
};
template <class S, class Form>
concept erases = requires(S& store, std::string_view key, record_version expected) {
  { store.erase(key, expected) } -> std::same_as<Form>;
};
template <class S, class Form>
concept leases =
    requires(S& store, std::string_view key, std::string_view owner, std::chrono::milliseconds time) {
      { store.lease(key, owner, time) } -> std::same_as<Form>;
    };
template <class S, class Form>
concept releases = requires(S& store, std::string_view key, std::string_view owner) {
  { store.release(key, owner) } -> std::same_as<Form>;
};

}  // namespace detail

/// Where credentials and sessions are kept: records of bytes under text keys, each replaced only by who knows
/// its current version (compare-and-swap). A copyable handle whose copies share what they stand for.
///
///     asio::awaitable<store_result::load>  load(std::string_view key);
///     asio::awaitable<store_result::save>  save(std::string_view key, std::string_view bytes,
///                                               record_version expected);
///     asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected);
///
/// - `load` gives the record as the last successful `save` of any process left it.
/// - `save` replaces the record if its version is `expected`, or creates it if that is `no_record` and there
/// is
///   none. After it has succeeded, the record survives a crash.
/// - `erase` removes the record if its version is `expected`.
///
/// What cannot be read is a failure (`errc::store_corrupt`), never "no record". Arguments live until the
/// operation completes. Keys are printable ASCII without spaces, up to 2 KiB. On terminal cancellation an
/// operation may end with any failure; a `save` that is cancelled may have taken place.
///
/// `mcp::test_store` checks a store against this contract.
template <class S>
concept CredentialStore =
    std::copy_constructible<S> && detail::loads<S, asio::awaitable<store_result::load>> &&
    detail::saves<S, asio::awaitable<store_result::save>> &&
    detail::erases<S, asio::awaitable<store_result::erase>>;

/// A store that can keep others out for a while, and knows better than by a record when the holder has died.
/// Optional: for other stores, `any_credential_store` keeps leases in records.
///
///     asio::awaitable<store_result::lease>   lease(std::string_view key, std::string_view owner,
///                                                  std::chrono::milliseconds time);
///     asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner);
///
/// - `lease` takes the lease of `key` for `owner`, until `time` from now or until the holder's process ends;
/// it
///   does not wait. Who holds it already extends it. Leases and records of one key are independent.
/// - `release` gives it back; nothing happens if `owner` does not hold it.
template <class S>
concept LeasingCredentialStore =
    CredentialStore<S> && detail::leases<S, asio::awaitable<store_result::lease>> &&
    detail::releases<S, asio::awaitable<store_result::release>>;

/// A store whose operations are those of `CredentialStore` without `asio::awaitable`, and block: files, a
/// database. `mcp::on_thread` makes a `CredentialStore` of it; its operations then run one at a time, each on
/// whatever thread.
template <class S>
concept BlockingCredentialStore =
    std::move_constructible<S> && detail::loads<S, store_result::load> &&
    detail::saves<S, store_result::save> && detail::erases<S, store_result::erase>;

template <class S>
concept BlockingLeasingCredentialStore =
    BlockingCredentialStore<S> && detail::leases<S, store_result::lease> &&
    detail::releases<S, store_result::release>;

namespace detail {

/// Says which operation is missing or wrong.
template <class S>
constexpr void require_credential_store() {
  constexpr bool awaited_load = loads<S, asio::awaitable<store_result::load>>;
  constexpr bool awaited_save = saves<S, asio::awaitable<store_result::save>>;
  constexpr bool awaited_erase = erases<S, asio::awaitable<store_result::erase>>;
  constexpr bool has_load = awaited_load || loads<S, store_result::load>;
  constexpr bool has_save = awaited_save || saves<S, store_result::save>;
  constexpr bool has_erase = awaited_erase || erases<S, store_result::erase>;
  static_assert(has_load,
                "this is no CredentialStore: it needs load(std::string_view key), which returns "
                "mcp::store_result::load or an asio::awaitable of that");
  static_assert(has_save,
                "this is no CredentialStore: it needs save(std::string_view key, std::string_view bytes, "
                "mcp::record_version expected), which returns mcp::store_result::save or an "
                "asio::awaitable of that");
  static_assert(has_erase,
                "this is no CredentialStore: it needs erase(std::string_view key, mcp::record_version "
                "expected), which returns mcp::store_result::erase or an asio::awaitable of that");
  static_assert(
      !(has_load && has_save && has_erase) || (awaited_load == awaited_save && awaited_load == awaited_erase),
      "this is no CredentialStore: either all of its operations return an asio::awaitable, or none");
  static_assert(std::move_constructible<S>, "this is no CredentialStore: it cannot be moved");
  static_assert(!awaited_load || !std::move_constructible<S> || std::copy_constructible<S>,
                "this is no CredentialStore: one with awaitable operations must be copyable");
  static_assert(
      LeasingCredentialStore<S> || BlockingLeasingCredentialStore<S> || !requires { &S::lease; },
      "the leases of this store would go unused: see LeasingCredentialStore for the arguments and "
      "results of lease and release");
}

}  // namespace detail
}  // namespace mcp::inline v0
