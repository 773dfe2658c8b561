// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/event.hpp>
#include <mcp/async/with_deadline.hpp>
#include <mcp/base/random.hpp>
#include <mcp/base/result.hpp>
#include <mcp/session/era.hpp>
#include <mcp/session/record.hpp>
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/departures.hpp>
#include <mcp/store/key.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <charconv>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace mcp::inline v0::detail {

/// Keeps one client's session in a store: takes over what an earlier client has left there, and leaves there
/// what the next one needs.
///
/// A session id is used by one client at a time: by the holder of the lease on its record. Nobody waits for
/// that lease. Who does not get it opens a session of its own, and does not keep it. (A template, so that
/// only a program that has a store compiles it.)
template <class Store>
class session_keeper {
 public:
  using time_point = deadline_list::time_point;

  /// What was found in the store.
  struct legacy_of {
    std::optional<session_record> session{};  ///< to go on with
    std::optional<era_verdict> verdict{};     ///< where there is no session
    std::optional<failure> fault{};           ///< of the store
  };

  session_keeper(asio::any_io_executor executor, std::shared_ptr<deadline_list> deadlines,
                 any_credential_store store, std::string_view profile, std::string_view endpoint,
                 std::string_view principal)
      : executor_(std::move(executor)),
        deadlines_(std::move(deadlines)),
        store_(std::move(store)),
        session_key_(store_key("session", {profile, endpoint, principal})),
        era_key_(store_key("era", {endpoint})),
        owner_(make_owner()) {}

  /// Whether the record is ours to write.
  bool owns() const noexcept { return owns_; }
  /// When the lease is to be renewed.
  time_point renew_at() const noexcept { return lease_until_ - lease_time / 2; }
  /// When it has run out.
  time_point lease_until() const noexcept { return lease_until_; }
  /// After it could not be renewed too late.
  time_point retry_at() const noexcept { return deadlines_->now() + lease_time / 2; }
  /// Whether it has run out. The machine may have been asleep: then only the date has moved.
  bool is_late() const {
    return deadlines_->now() >= lease_until_ || deadlines_->wall_clock() >= lease_until_date_;
  }

  /// Takes the lease, if it is free, and reads what is there. A store that fails is as good as none; what it
  /// holds is not written over then.
  asio::awaitable<legacy_of> take_over() {
    legacy_of out;
    const auto until = deadlines_->now() + patience;
    auto leased = co_await renew();
    while (leased && !*leased && is_about_to_be_free() && deadlines_->now() < until) {
      co_await pause();
      leased = co_await renew();
    }
    if (!leased) {
      owns_ = false;
      out.fault = leased.error();
      co_return out;
    }
    auto loaded = co_await load(session_key_);
    auto found = parse<session_record>(loaded);
    if (!found) {
      out.fault = std::move(found).error();
      const auto ignored = co_await leave();
      static_cast<void>(ignored);
    } else if (found->has_value()) {
      version_ = (*loaded)->version;
      others_ = (*found)->others;
      const bool shareable = (*found)->session_id.empty();
      if ((*found)->open && (owns_ || shareable)) out.session = std::move(**found);
    }
    if (out.session) co_return out;
    loaded = co_await load(era_key_);
    const auto era = parse<era_record>(loaded);
    if (!era) {
      if (!out.fault) out.fault = era.error();
    } else if (era->has_value()) {
      era_version_ = (*loaded)->version;
      era_others_ = (*era)->others;
      out.verdict = (*era)->verdict;
    }
    co_return out;
  }

  /// Takes the lease, or extends it; false if somebody else holds it.
  asio::awaitable<result<bool>> renew() {
    const auto since = deadlines_->now();
    const auto date = deadlines_->wall_clock();
    asked_ = true;
    auto leasing = store_.lease(session_key_, owner_, lease_time, date);
    auto leased = co_await in_time(std::move(leasing));
    if (leased) owns_ = asked_ = *leased;
    if (leased && owns_) {
      lease_until_ = since + lease_time;
      lease_until_date_ = date + lease_time;
    }
    co_return leased;
  }

  /// Writes down the session, if that is for this client to do.
  asio::awaitable<result<void>> keep(session_record session) {
    while (owns_ && !is_late()) {
      session.others = others_;
      const secret bytes = session.bytes();
      auto saving = store_.save(session_key_, bytes.view(), version_);
      const auto saved = co_await in_time(std::move(saving));
      if (!saved) co_return saved.error();
      if (saved->has_value()) {
        version_ = **saved;
        break;
      }
      // It was written by a client that held the lease before this one.
      const auto loaded = co_await load(session_key_);
      const auto found = parse<session_record>(loaded);
      if (!found) co_return found.error();
      version_ = found->has_value() ? (*loaded)->version : no_record;
      if (found->has_value()) others_ = (*found)->others;
    }
    co_return result<void>();
  }

  /// Writes down what the server was found to speak.
  asio::awaitable<result<void>> keep_era(era_verdict found) {
    const secret bytes = era_record{std::move(found), era_others_}.bytes();
    auto saving = store_.save(era_key_, bytes.view(), era_version_);
    const auto saved = co_await in_time(std::move(saving));
    if (!saved) co_return saved.error();
    if (saved->has_value()) {
      era_version_ = **saved;
      co_return result<void>();
    }
    // Others have found out the same meanwhile.
    const auto loaded = co_await load(era_key_);
    const auto theirs = parse<era_record>(loaded);
    if (!theirs) co_return theirs.error();
    era_version_ = theirs->has_value() ? (*loaded)->version : no_record;
    if (theirs->has_value()) era_others_ = (*theirs)->others;
    co_return result<void>();
  }

  /// To be called, and its result kept, where `leave()` follows: whoever uses the same store may count on it.
  departures::departure about_to_leave() const { return {store_.departures(), session_key_}; }

  /// Whether the lease may be this client's: a request for it that has failed may have been granted.
  bool may_own() const noexcept { return asked_; }

  /// Gives the lease back.
  asio::awaitable<result<void>> leave() {
    owns_ = false;
    if (!std::exchange(asked_, false)) co_return result<void>();
    auto releasing = store_.release(session_key_, owner_);
    co_return co_await in_time(std::move(releasing));
  }

 private:
  /// How long a client that has died, or hangs, keeps others from its session where the store does not know
  /// better.
  static constexpr std::chrono::milliseconds lease_time{120'000};
  /// For one operation of the store.
  static constexpr std::chrono::milliseconds patience{5'000};

  static std::string make_owner() {
    const auto random = make_random();
    std::string name;
    for (const std::uint64_t half : {random->next(), random->next()}) {
      char digits[16];
      name.append(digits, std::to_chars(std::begin(digits), std::end(digits), half, 16).ptr).append("-");
    }
    return name;
  }

  bool is_about_to_be_free() const { return store_.departures().expected(session_key_); }

  asio::awaitable<void> pause() const {
    event woken(executor_);
    const auto wake = [&woken] { woken.notify(); };
    const deadline_action alarm(*deadlines_, deadlines_->now() + std::chrono::milliseconds(2), wake);
    std::error_code ignored;
    co_await woken.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  template <class T>
  asio::awaitable<result<T>> in_time(asio::awaitable<result<T>> operation) {
    return with_deadline(executor_, *deadlines_, deadlines_->now() + patience, std::move(operation));
  }
  asio::awaitable<store_result::load> load(const std::string& key) { return in_time(store_.load(key)); }

  template <class Record>
  static result<std::optional<Record>> parse(const store_result::load& loaded) {
    if (!loaded) return loaded.error();
    if (!loaded->has_value()) return std::optional<Record>();
    auto record = Record::parse((*loaded)->bytes.view());
    if (!record) return std::move(record).error();
    return std::optional<Record>(std::move(*record));
  }

  const asio::any_io_executor executor_;
  const std::shared_ptr<deadline_list> deadlines_;
  any_credential_store store_;
  const std::string session_key_, era_key_, owner_;

  bool owns_ = false;
  bool asked_ = false;
  time_point lease_until_ = time_point::max();
  std::chrono::system_clock::time_point lease_until_date_ = std::chrono::system_clock::time_point::max();
  record_version version_ = no_record, era_version_ = no_record;
  record_fields others_, era_others_;
};

}  // namespace mcp::inline v0::detail
