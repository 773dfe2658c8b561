// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What is promised of an operation that is cancelled: it ends, the record is whole, and the store goes on.

#include <mcp/async/event.hpp>
#include <mcp/store/test_kit/bench.hpp>

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <exception>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace mcp::inline v0::detail::store_tests {

/// After how many turns of the executor operations are cancelled: one after the other.
inline constexpr int most_turns = 8;

/// What `operation` gives when it is cancelled after some turns of the executor, at whatever it does then.
template <class Result>
asio::awaitable<Result> cancelled_after(int turns, asio::awaitable<Result> operation) {
  struct progress {
    explicit progress(const asio::any_io_executor& executor) : ended(executor) {}
    asio::cancellation_signal stop;
    event ended;
    bool done = false;
    Result answer = errc::cancelled;
  };
  auto executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<progress>(executor);
  auto end = [shared](const std::exception_ptr& thrown, Result answer) {
    shared->done = true;
    if (!thrown) shared->answer = std::move(answer);
    shared->ended.notify();
  };
  asio::co_spawn(executor, std::move(operation),
                 asio::bind_cancellation_slot(shared->stop.slot(), std::move(end)));
  for (int turn = 0; turn < turns; ++turn) co_await give_way();
  shared->stop.emit(asio::cancellation_type::terminal);
  std::error_code ignored;
  while (!shared->done) co_await shared->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return std::move(shared->answer);
}

/// Replaces the record, and looks whether it stays replaced.
inline asio::awaitable<record_version> go_on(bench& b, const std::string& key, const std::string& bytes) {
  const record_version version = co_await b.overwrite(key, bytes);
  const auto found = co_await b.store.load(key);
  expect_record(found, bytes, version);
  co_return version;
}

inline asio::awaitable<void> cancelled_load(bench& b) {
  const std::string key = co_await b.fresh_key("cancelled-load");
  const std::string bytes(64 * 1024, 'b');
  const record_version version = co_await b.create(key, bytes);
  for (int turns = 0; turns < most_turns; ++turns) {
    const auto cancelled = co_await cancelled_after(turns, b.store.load(key));
    if (cancelled) expect_record(cancelled, bytes, version);
    const auto found = co_await b.store.load(key);
    expect_record(found, bytes, version);
  }
  co_await go_on(b, key, "after");
}

inline asio::awaitable<void> cancelled_save(bench& b) {
  const std::string key = co_await b.fresh_key("cancelled-save");
  record_version version = co_await b.create(key, "before");
  std::string before = "before";
  for (int turns = 0; turns < most_turns; ++turns) {
    const std::string next(64 * 1024, static_cast<char>('a' + turns));
    const auto cancelled = co_await cancelled_after(turns, b.store.save(key, next, version));
    expect(!conflicts(cancelled), "saved, or a failure", shown(cancelled));
    const auto found = co_await b.store.load(key);
    const bool took_place = found && *found && (*found)->version != version;
    if (cancelled) version = **cancelled;
    if (cancelled || took_place) {
      expect_record(found, next, cancelled ? version : (*found)->version);
    } else {
      expect_record(found, before, version);
    }
    before = "after " + std::to_string(turns);
    version = co_await go_on(b, key, before);
  }
}

inline asio::awaitable<void> cancelled_erase(bench& b) {
  const std::string key = co_await b.fresh_key("cancelled-erase");
  record_version version = co_await b.create(key, "before");
  for (int turns = 0; turns < most_turns; ++turns) {
    const auto cancelled = co_await cancelled_after(turns, b.store.erase(key, version));
    expect(!cancelled || *cancelled, "true, or a failure", shown(cancelled));
    const auto found = co_await b.store.load(key);
    if (cancelled) expect_nothing(found);
    if (!found || *found) expect_record(found, "before", version);
    version = co_await go_on(b, key, "before");
  }
}

inline asio::awaitable<void> cancelled_lease(bench& b) {
  const std::string key = co_await b.fresh_lease("cancelled-lease");
  for (int turns = 0; turns < most_turns; ++turns) {
    const auto taken = co_await cancelled_after(turns, b.lease(key, "a", 60s));
    expect(!taken || *taken, "true, or a failure", shown(taken));
    const auto again = co_await b.lease(key, "a", 60s);
    expect(again && *again, "true, as nobody else has it", shown(again));
    const auto other = co_await b.lease(key, "b", 60s);
    expect(other && !*other, "false, as another has it", shown(other));
    [[maybe_unused]] const auto cancelled = co_await cancelled_after(turns, b.store.release(key, "a"));
    const auto released = co_await b.store.release(key, "a");
    expect(released.has_value(), "success, whether it is released already or not", shown(released));
    const auto next = co_await b.lease(key, "b", 60s);
    expect(next && *next, "true, as it was released", shown(next));
    const auto end = co_await b.store.release(key, "b");
    expect(end.has_value(), "success", shown(end));
  }
}

}  // namespace mcp::inline v0::detail::store_tests
