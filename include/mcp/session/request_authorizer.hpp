// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/guarded.hpp>
#include <mcp/base/evidence.hpp>
#include <mcp/base/result.hpp>

#include <asio/awaitable.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mcp::inline v0 {

/// Puts credentials on the requests of a client. A copyable handle whose copies share what they stand for, so
/// that many clients may use one, all of one executor.
///
/// - `prepare()` gets what requests need, before the first one is sent.
/// - `fields()` is then put into the head of every request: whole lines, each ended by CRLF.
/// - `principal()` names whom the server takes the client for, after `prepare()`. Credentials that are merely
///   renewed keep it. Where it changes, the client is somebody else, and takes none of the session along. It
///   throws nothing but `std::bad_alloc`.
/// - `repair(refusal)` is asked after a 401, or a 403 for want of scope; of clients that share the handle,
///   maybe by several at once. True: `fields()` has changed since it was asked, and the request is sent
///   again.
template <class A>
concept RequestAuthorizer =
    std::copy_constructible<A> && requires(A& self, const A& same, const evidence& refusal) {
      { self.prepare() } -> std::same_as<asio::awaitable<result<void>>>;
      { same.fields() } noexcept -> std::same_as<std::string_view>;
      { same.principal() } -> std::convertible_to<std::string>;
      { self.repair(refusal) } -> std::same_as<asio::awaitable<result<bool>>>;
    };

/// Any `RequestAuthorizer`, in a copyable handle whose copies share it; empty without one. What it throws
/// while `prepare()` or `repair()` is awaited is `errc::authorizer_failed` here, or
/// `errc::cancelled` where Asio says so; only `std::bad_alloc` comes through. What `principal()` throws comes
/// through.
class any_request_authorizer {
 public:
  any_request_authorizer() = default;

  template <class A>
    requires(!std::same_as<A, any_request_authorizer> && RequestAuthorizer<A>)
  any_request_authorizer(A authorizer)  // NOLINT(google-explicit-constructor)
      : authorizer_(std::make_shared<model<A>>(std::move(authorizer))) {}

  explicit operator bool() const noexcept { return authorizer_ != nullptr; }

  asio::awaitable<result<void>> prepare() const { return authorizer_->prepare(authorizer_); }
  std::string_view fields() const noexcept { return authorizer_->fields(); }
  std::string principal() const { return authorizer_->principal(); }
  asio::awaitable<result<bool>> repair(const evidence& refusal) const {
    return authorizer_->repair(authorizer_, refusal);
  }

 private:
  struct interface;
  using shared = std::shared_ptr<interface>;

  // `self` keeps the authorizer alive while it works.
  struct interface {
    virtual ~interface() = default;
    virtual asio::awaitable<result<void>> prepare(shared self) = 0;
    virtual std::string_view fields() const noexcept = 0;
    virtual std::string principal() const = 0;
    virtual asio::awaitable<result<bool>> repair(shared self, evidence refusal) = 0;
  };

  template <class A>
  struct model final : interface {
    explicit model(A wrapped) : authorizer(std::move(wrapped)) {}
    asio::awaitable<result<void>> prepare(shared self) override {
      return guarded(std::move(self), [this] { return authorizer.prepare(); });
    }
    std::string_view fields() const noexcept override { return authorizer.fields(); }
    std::string principal() const override { return authorizer.principal(); }
    asio::awaitable<result<bool>> repair(shared self, evidence refusal) override {
      return guarded(std::move(self),
                     [this, refusal = std::move(refusal)] { return authorizer.repair(refusal); });
    }

    template <class Operation>
    static auto guarded(shared self, Operation operation) {
      return detail::guarded<A>::run(std::move(self), std::move(operation), errc::authorizer_failed);
    }

    A authorizer;
  };

  shared authorizer_;
};

}  // namespace mcp::inline v0
