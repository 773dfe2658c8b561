// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/store/any_credential_store.hpp>

#include <asio/awaitable.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace mcp::inline v0 {

namespace detail {

class kept_session;
struct session_record;

/// Keeps one client's session in a store. An interface, so that only a program that has a store compiles what
/// is behind it.
class keeping {
 public:
  virtual ~keeping() = default;

  /// Goes on with the session that is in the store; false if there is none.
  virtual asio::awaitable<bool> take_over(std::shared_ptr<kept_session> session) = 0;
  /// Writes the session down as it is now. Does not wait.
  virtual void keep_soon(std::shared_ptr<kept_session> session) noexcept = 0;
  /// Whether others may have taken by now what is in the store.
  virtual bool is_late() const = 0;
  /// Holds on to what is in the store, or finds that it is too late for that. Does not wait.
  virtual void renew_lease_soon(std::shared_ptr<kept_session> session) noexcept = 0;
  /// Writes down how the session was left, if there is one, and lets others have it.
  virtual asio::awaitable<void> put_away(std::shared_ptr<kept_session> session,
                                         std::optional<session_record> left) = 0;
  /// Lets others have the session, as it was last written down. Does not wait.
  virtual void leave_soon(std::shared_ptr<kept_session> session) noexcept = 0;
};

template <class Store>
std::shared_ptr<keeping> keep_in(any_credential_store store, const kept_session& session);

}  // namespace detail

/// Where clients keep their sessions: any `CredentialStore` or `BlockingCredentialStore`, in a copyable
/// handle whose copies share it; empty without one. A file that puts a store into it includes
/// `<mcp/client.hpp>` or `<mcp/mcp.hpp>`, where the code is that keeps sessions; else it does not link.
class session_store {
 public:
  session_store() = default;

  template <class Store>
    requires(!std::same_as<std::remove_cvref_t<Store>, session_store>)
  session_store(Store&& store)  // NOLINT(google-explicit-constructor,bugprone-forwarding-*)
      : store_(std::forward<Store>(store)), keep_(&detail::keep_in<std::remove_cvref_t<Store>>) {}

  explicit operator bool() const noexcept { return static_cast<bool>(store_); }

  std::shared_ptr<detail::keeping> keep(const detail::kept_session& session) const {
    return keep_(store_, session);
  }

 private:
  any_credential_store store_;
  std::shared_ptr<detail::keeping> (*keep_)(any_credential_store, const detail::kept_session&) = nullptr;
};

}  // namespace mcp::inline v0
