// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/guarded.hpp>
#include <mcp/store/credential_store.hpp>
#include <mcp/store/departures.hpp>
#include <mcp/store/on_thread.hpp>
#include <mcp/store/record_leases.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <string>
#include <string_view>
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

  asio::awaitable<store_result::load> load(std::string_view key) const {
    return store_->load(store_, std::string(key));
  }
  asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                           record_version expected) const {
    return store_->save(store_, std::string(key), secret(bytes), expected);
  }
  asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) const {
    return store_->erase(store_, std::string(key), expected);
  }

  // As `LeasingCredentialStore` says, for any store. One that has no leases of its own keeps that of `key` in
  // the record `lease/KEY`, where `now` counts; `key` is up to 2,042 bytes then.

  asio::awaitable<store_result::lease> lease(std::string_view key, std::string_view owner,
                                             std::chrono::milliseconds time, clock::time_point now) const {
    return store_->lease(store_, std::string(key), std::string(owner), time, now);
  }
  asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner) const {
    return store_->release(store_, std::string(key), std::string(owner));
  }

 private:
  struct interface;
  using shared = std::shared_ptr<interface>;

  // `self` keeps the store alive while it works.
  struct interface {
    virtual ~interface() = default;
    virtual asio::awaitable<store_result::load> load(shared self, std::string key) = 0;
    virtual asio::awaitable<store_result::save> save(shared self, std::string key, secret bytes,
                                                     record_version expected) = 0;
    virtual asio::awaitable<store_result::erase> erase(shared self, std::string key,
                                                       record_version expected) = 0;
    virtual asio::awaitable<store_result::lease> lease(shared self, std::string key, std::string owner,
                                                       std::chrono::milliseconds time,
                                                       clock::time_point now) = 0;
    virtual asio::awaitable<store_result::release> release(shared self, std::string key,
                                                           std::string owner) = 0;

    detail::departures leaving;
  };

  template <CredentialStore Store>
  struct model final : interface {
    explicit model(Store wrapped) : store(std::move(wrapped)) {}

    asio::awaitable<store_result::load> load(shared self, std::string key) override {
      return guarded(std::move(self), [this, key = std::move(key)] { return store.load(key); });
    }
    asio::awaitable<store_result::save> save(shared self, std::string key, secret bytes,
                                             record_version expected) override {
      return guarded(std::move(self), [this, key = std::move(key), bytes = std::move(bytes), expected] {
        return store.save(key, bytes.view(), expected);
      });
    }
    asio::awaitable<store_result::erase> erase(shared self, std::string key,
                                               record_version expected) override {
      return guarded(std::move(self),
                     [this, key = std::move(key), expected] { return store.erase(key, expected); });
    }
    asio::awaitable<store_result::lease> lease(shared self, std::string key, std::string owner,
                                               std::chrono::milliseconds time,
                                               [[maybe_unused]] clock::time_point now) override {
      if constexpr (LeasingCredentialStore<Store>) {
        return guarded(std::move(self), [this, key = std::move(key), owner = std::move(owner), time] {
          return store.lease(key, owner, time);
        });
      } else {
        return guarded(std::move(self), [this, key = std::move(key), owner = std::move(owner), time, now] {
          return leases.lease(store, key, owner, time, now);
        });
      }
    }
    asio::awaitable<store_result::release> release(shared self, std::string key, std::string owner) override {
      return guarded(std::move(self), [this, key = std::move(key), owner = std::move(owner)] {
        if constexpr (LeasingCredentialStore<Store>) {
          return store.release(key, owner);
        } else {
          return leases.release(store, key, owner);
        }
      });
    }

    template <class Operation>
    static auto guarded(shared self, Operation operation) {
      return detail::guarded<Store>::run(std::move(self), std::move(operation), errc::store_failed);
    }

    Store store;
    detail::record_leases<Store> leases;  // where the store has none
  };

  shared store_;
};

}  // namespace mcp::inline v0
