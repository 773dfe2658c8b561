// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/store/credential_store.hpp>
#include <mcp/store/on_thread.hpp>

#include <asio/awaitable.hpp>
#include <asio/error.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace mcp::inline v0 {

namespace detail {

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

}  // namespace detail

/// Any `CredentialStore` or `BlockingCredentialStore`, in a copyable handle whose copies share it. Without
/// one, it is empty, and only to be asked whether it is.
///
/// What a store throws is `errc::store_failed` here, or `errc::cancelled` where Asio says so; only
/// `std::bad_alloc` comes through.
class any_credential_store {
 public:
  using clock = std::chrono::system_clock;

  any_credential_store() = default;

  template <class Store>
    requires(!std::same_as<std::remove_cvref_t<Store>, any_credential_store>)
  any_credential_store(Store&& store) {  // NOLINT(google-explicit-constructor,bugprone-forwarding-*)
    using type = std::decay_t<Store>;
    detail::require_credential_store<type>();
    if constexpr (CredentialStore<type>) {
      store_ = std::make_shared<model<type>>(std::forward<Store>(store));
    } else if constexpr (BlockingCredentialStore<type>) {
      store_ = std::make_shared<model<on_thread<type>>>(on_thread<type>(std::forward<Store>(store)));
    }
  }

  explicit operator bool() const noexcept { return store_ != nullptr; }

  // As `CredentialStore` says. The handle may be destroyed meanwhile.

  asio::awaitable<store_result::load> load(std::string_view key) {
    return guarded(store_, [=](interface& store) { return store.load(key); });
  }
  asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                           record_version expected) {
    return guarded(store_, [=](interface& store) { return store.save(key, bytes, expected); });
  }
  asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) {
    return guarded(store_, [=](interface& store) { return store.erase(key, expected); });
  }

  // As `LeasingCredentialStore` says, for any store. One that has no leases of its own keeps that of `key` in
  // the record `lease/KEY`, where `now` counts; `key` is up to 2,042 bytes then.

  asio::awaitable<store_result::lease> lease(std::string_view key, std::string_view owner,
                                             std::chrono::milliseconds time, clock::time_point now) {
    return guarded(store_, [=](interface& store) { return store.lease(key, owner, time, now); });
  }
  asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner) {
    return guarded(store_, [=](interface& store) { return store.release(key, owner); });
  }

 private:
  struct interface {
    virtual ~interface() = default;
    virtual asio::awaitable<store_result::load> load(std::string_view key) = 0;
    virtual asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                                     record_version expected) = 0;
    virtual asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) = 0;
    virtual asio::awaitable<store_result::lease> lease(std::string_view key, std::string_view owner,
                                                       std::chrono::milliseconds time,
                                                       clock::time_point now) = 0;
    virtual asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner) = 0;
  };

  template <CredentialStore Store>
  struct model final : interface {
    explicit model(Store wrapped) : store(std::move(wrapped)) {}

    asio::awaitable<store_result::load> load(std::string_view key) override { return store.load(key); }
    asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                             record_version expected) override {
      return store.save(key, bytes, expected);
    }
    asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) override {
      return store.erase(key, expected);
    }
    asio::awaitable<store_result::lease> lease(std::string_view key, std::string_view owner,
                                               std::chrono::milliseconds time,
                                               clock::time_point now) override {
      if constexpr (LeasingCredentialStore<Store>) {
        return store.lease(key, owner, time);
      } else {
        return lease_by_record(key, owner, time, now);
      }
    }
    asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner) override {
      if constexpr (LeasingCredentialStore<Store>) {
        return store.release(key, owner);
      } else {
        return release_by_record(key, owner);
      }
    }

    asio::awaitable<store_result::lease> lease_by_record(std::string_view key, std::string_view owner,
                                                         std::chrono::milliseconds time,
                                                         clock::time_point now) {
      const std::string name = detail::lease_record::key_for(key);
      const auto present = std::chrono::floor<std::chrono::milliseconds>(now);
      const auto found = co_await store.load(name);
      if (!found) co_return found.error();
      record_version expected = no_record;
      if (found->has_value()) {
        const auto held = detail::lease_record::parse((*found)->bytes.view());
        if (!held) co_return held.error();
        if (held->owner != owner && held->until > present) co_return false;
        expected = (*found)->version;
      }
      const std::string text = detail::lease_record{std::string(owner), present + time}.text();
      const auto saved = co_await store.save(name, text, expected);
      if (!saved) co_return saved.error();
      co_return saved->has_value();
    }

    asio::awaitable<store_result::release> release_by_record(std::string_view key, std::string_view owner) {
      const std::string name = detail::lease_record::key_for(key);
      const auto found = co_await store.load(name);
      if (!found) co_return found.error();
      if (!found->has_value()) co_return store_result::release();
      const auto held = detail::lease_record::parse((*found)->bytes.view());
      if (!held) co_return held.error();
      if (held->owner != owner) co_return store_result::release();
      const record_version version = (*found)->version;
      const auto erased = co_await store.erase(name, version);
      if (!erased) co_return erased.error();
      co_return store_result::release();
    }

    Store store;
  };

  /// Keeps the store alive, too.
  template <class Operation>
  static auto guarded(std::shared_ptr<interface> store, Operation operation)
      -> std::invoke_result_t<Operation&, interface&> {
    try {
      co_return co_await operation(*store);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::system_error& thrown) {
      if (thrown.code() == asio::error::operation_aborted) co_return errc::cancelled;
    } catch (...) {
    }
    co_return failure(errc::store_failed, "the store threw an exception");  // whose text might hold anything
  }

  std::shared_ptr<interface> store_;
};

}  // namespace mcp::inline v0
