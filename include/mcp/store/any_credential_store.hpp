// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/store/credential_store.hpp>
#include <mcp/store/departures.hpp>
#include <mcp/store/on_thread.hpp>
#include <mcp/store/record_leases.hpp>

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

  const detail::departures& departures() const noexcept { return store_->leaving; }

  // As `CredentialStore` says. Arguments are copied, and the handle may be destroyed meanwhile.

  asio::awaitable<store_result::load> load(std::string_view key) {
    return guarded(store_, [key = std::string(key)](interface& store) { return store.load(key); });
  }
  asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                           record_version expected) {
    return guarded(store_, [key = std::string(key), bytes = secret(bytes), expected](interface& store) {
      return store.save(key, bytes.view(), expected);
    });
  }
  asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) {
    return guarded(
        store_, [key = std::string(key), expected](interface& store) { return store.erase(key, expected); });
  }

  // As `LeasingCredentialStore` says, for any store. One that has no leases of its own keeps that of `key` in
  // the record `lease/KEY`, where `now` counts; `key` is up to 2,042 bytes then.

  asio::awaitable<store_result::lease> lease(std::string_view key, std::string_view owner,
                                             std::chrono::milliseconds time, clock::time_point now) {
    return guarded(store_, [key = std::string(key), owner = std::string(owner), time, now](interface& store) {
      return store.lease(key, owner, time, now);
    });
  }
  asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner) {
    return guarded(store_, [key = std::string(key), owner = std::string(owner)](interface& store) {
      return store.release(key, owner);
    });
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

    detail::departures leaving;
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
        return leases.lease(store, key, owner, time, now);
      }
    }
    asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner) override {
      if constexpr (LeasingCredentialStore<Store>) {
        return store.release(key, owner);
      } else {
        return leases.release(store, key, owner);
      }
    }

    Store store;
    detail::record_leases<Store> leases;  // where the store has none
  };

  /// Keeps the store and the arguments alive, too.
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
