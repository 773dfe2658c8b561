// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/with_deadline.hpp>
#include <mcp/base/evidence.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/crypto/sha256.hpp>
#include <mcp/http/header.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/key.hpp>
#include <mcp/store/record_fields.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// A header field that tells a server who is asking, such as `X-API-Key`.
struct credential {
  std::string name;
  secret value;
};

/// A bearer token as a header field (RFC 6750 §2.1).
inline credential bearer(std::string_view token) {
  return {"Authorization", secret("Bearer ").append(token)};
}

/// Credentials that are not negotiated with anybody, such as API keys: asked for before the first request,
/// and again when the server refuses them (401). If they are the same then, nobody here can help: the call
/// ends with the server's refusal. A `RequestAuthorizer`.
///
/// Clients of one executor may share it: they are asked for once for all who need them at that time. Not to
/// be shared between executors.
class static_credentials {
 public:
  /// Where they come from. Fails, or gives none, if there are none. It is not asked again before it has
  /// answered, and nobody cancels it: what may hang needs a deadline of its own.
  using source = std::function<asio::awaitable<result<std::vector<credential>>>()>;

  /// `account` names whose they are, so that a session is kept when they change. Empty: whoever has other
  /// credentials is somebody else.
  explicit static_credentials(source ask, std::string account = {})
      : shared_(std::make_shared<shared>(std::move(ask), std::move(account))) {}

  asio::awaitable<result<void>> prepare() { return prepare(shared_); }
  std::string_view fields() const noexcept { return shared_->fields; }
  /// The account; without one a hash of the credentials, empty before there are any.
  std::string principal() const { return shared_->account.empty() ? shared_->digest : shared_->account; }
  asio::awaitable<result<bool>> repair(const evidence& refusal) { return repair(shared_, refusal.status); }

 private:
  using asking = detail::awaited_operation<bool>;

  struct shared {
    shared(source from, std::string whose) : ask(std::move(from)), account(std::move(whose)) {}
    source ask;
    std::string account;
    secret_text fields;
    std::string digest;  // of the fields
    // Owned by the coroutines that ask and wait alone: its event must not outlive their context.
    std::weak_ptr<asking> latest;
  };

  static asio::awaitable<result<void>> prepare(std::shared_ptr<shared> self) {
    if (!self->fields.empty()) co_return result<void>();
    const auto renewed = co_await renew(self);
    if (!renewed) co_return renewed.error();
    co_return result<void>();
  }

  static asio::awaitable<result<bool>> repair(std::shared_ptr<shared> self, int status) {
    if (status != 401) co_return false;
    co_return co_await renew(self);
  }

  /// Whether they have changed. Whoever comes while they are asked for waits for that answer.
  static asio::awaitable<result<bool>> renew(std::shared_ptr<shared> self) {
    auto answer = self->latest.lock();
    if (!answer || answer->outcome || answer->thrown) {
      const auto executor = co_await asio::this_coro::executor;
      answer = std::make_shared<asking>(executor);
      self->latest = answer;
      asio::co_spawn(executor, detail::carry_out(answer, ask(self)), asio::detached);
    }
    std::error_code ignored;
    if (!answer->outcome && !answer->thrown)
      co_await answer->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (answer->thrown) std::rethrow_exception(answer->thrown);
    if (!answer->outcome) co_return errc::cancelled;
    co_return *answer->outcome;
  }

  static asio::awaitable<result<bool>> ask(std::shared_ptr<shared> self) {
    const auto given = co_await self->ask();
    if (!given) co_return given.error();
    if (given->empty()) co_return errc::credential_missing;
    secret_text fields;
    for (const auto& [name, value] : *given) {
      const header field{name, value.view()};
      const auto added = detail::append_fields(fields, {&field, 1});
      if (!added) co_return added.error();
    }
    const auto digest = crypto::sha256(fields);
    if (!digest) co_return digest.error();
    self->digest = digest->substr(0, 16);
    const bool changed = fields != self->fields;
    self->fields = std::move(fields);
    co_return changed;
  }

  std::shared_ptr<shared> shared_;
};

namespace detail {

inline std::string credential_key(std::string_view account) { return store_key("credential", {account}); }

inline asio::awaitable<result<std::vector<credential>>> load_credentials(any_credential_store store,
                                                                         std::string account,
                                                                         std::shared_ptr<time_source> time) {
  constexpr auto patience = std::chrono::seconds(5);
  const auto executor = co_await asio::this_coro::executor;
  const auto deadlines = deadline_list::make(executor, time);
  const auto until = deadlines->now() + patience;
  auto loading = store.load(credential_key(account));
  const auto found = co_await with_deadline(executor, *deadlines, until, std::move(loading));
  if (!found && found.error().code() == errc::deadline_exceeded)
    co_return failure(errc::deadline_exceeded, "the store of credentials does not answer");
  if (!found) co_return found.error();
  if (!found->has_value()) co_return failure(errc::credential_missing, "nothing stored for " + account);
  const auto record = record_fields::parse((*found)->bytes.view());
  if (!record) co_return record.error();
  std::vector<credential> out;
  json::for_each_member(record->get("fields"), [&](const json::value& name, const json::value& value) {
    credential& added = out.emplace_back(credential{name.string().value_or(""), {}});
    value.append_to(added.value);
  });
  co_return out;
}

}  // namespace detail

/// The credentials that `save_credentials` has put into a store for an account, of which the store may hold
/// many. To be shared by clients of one executor only. `errc::credential_missing` if there are none;
/// `errc::deadline_exceeded` if the store does not answer for 5 s. `time` is for these credentials alone, as
/// each time source is for one user; null: real time.
inline static_credentials stored_credentials(any_credential_store store, std::string account,
                                             std::shared_ptr<time_source> time = {}) {
  auto ask = [store = std::move(store), account, time = std::move(time)] {
    return detail::load_credentials(store, account, time);
  };
  return static_credentials(std::move(ask), std::move(account));
}

/// Puts an account's credentials into a store in place of those that are there; clients that use them find
/// them when the server refuses the old ones.
/// Errors: those of the store; `errc::invalid_header_value`, `errc::invalid_argument`.
inline asio::awaitable<result<void>> save_credentials(any_credential_store store, std::string account,
                                                      std::vector<credential> fields) {
  secret json;
  json::writer write(json);
  write.begin_object();
  for (const auto& [name, value] : fields) {
    secret_text checked;
    const header field{name, value.view()};
    const auto added = detail::append_fields(checked, {&field, 1});
    if (!added) co_return added.error();
    write.key(name).string(value.view());
  }
  write.end_object();
  const std::string key = detail::credential_key(account);
  for (;;) {
    const auto found = co_await store.load(key);
    if (!found) co_return found.error();
    detail::record_fields record;
    if (found->has_value()) {
      auto old = detail::record_fields::parse((*found)->bytes.view());
      if (!old) co_return old.error();
      record = std::move(*old);
    }
    record.set_json("fields", json.view());
    const secret bytes = record.bytes();
    const auto version = found->has_value() ? (*found)->version : no_record;
    const auto saved = co_await store.save(key, bytes.view(), version);
    if (!saved) co_return saved.error();
    if (saved->has_value()) co_return result<void>();
  }
}

}  // namespace mcp::inline v0
