// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/store/credential_store.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace mcp::inline v0::detail {

/// A lease kept in a record, for stores that have none of their own: who holds it, and until when. Nobody can
/// tell from it that the holder has died, so others wait until it has run out.
struct lease_record {
  // Not the system clock's nanoseconds: a number out of a record might overflow them.
  using time_point = std::chrono::sys_time<std::chrono::milliseconds>;

  std::string owner;
  time_point until;

  static std::string key_for(std::string_view key) { return "lease/" + std::string(key); }

  static result<lease_record> parse(std::string_view text) {
    const auto object = json::validate(text);
    if (!object) return failure(errc::store_corrupt, "a lease");
    const auto owner = json::find_member(*object, "owner").string();
    const auto until = json::find_member(*object, "until").integer();
    if (!owner || !until) return failure(errc::store_corrupt, "a lease");
    return lease_record{*owner, time_point(std::chrono::milliseconds(*until))};
  }

  std::string text() const {
    std::string out;
    json::writer write(out);
    write.begin_object().key("owner").string(owner).key("until");
    write.integer(until.time_since_epoch().count()).end_object();
    return out;
  }
};

/// Leases for a store that has none: each in a record beside the one that it is for.
template <class Store>
class record_leases {
 public:
  /// As `LeasingCredentialStore` says.
  asio::awaitable<store_result::lease> lease(Store& store, std::string_view key, std::string_view owner,
                                             std::chrono::milliseconds time,
                                             std::chrono::system_clock::time_point now) {
    const auto present = std::chrono::floor<std::chrono::milliseconds>(now);
    const std::string name = lease_record::key_for(key);
    const std::string text = lease_record{std::string(owner), present + time}.text();
    for (;;) {
      const auto found = co_await store.load(name);
      if (!found) co_return found.error();
      if (found->has_value()) {
        const auto held = lease_record::parse((*found)->bytes.view());
        if (!held) co_return held.error();
        if (held->owner != owner && held->until > present) co_return false;
      }
      const record_version expected = found->has_value() ? (*found)->version : no_record;
      const auto saved = co_await store.save(name, text, expected);
      if (!saved) co_return saved.error();
      if (saved->has_value()) co_return true;
    }
  }

  asio::awaitable<store_result::release> release(Store& store, std::string_view key, std::string_view owner) {
    const std::string name = lease_record::key_for(key);
    const auto found = co_await store.load(name);
    if (!found) co_return found.error();
    if (!found->has_value()) co_return store_result::release();
    const auto held = lease_record::parse((*found)->bytes.view());
    if (!held) co_return held.error();
    if (held->owner != owner) co_return store_result::release();
    const record_version version = (*found)->version;
    const auto erased = co_await store.erase(name, version);
    if (!erased) co_return erased.error();
    co_return store_result::release();
  }
};

}  // namespace mcp::inline v0::detail
