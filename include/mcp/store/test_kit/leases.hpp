// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What is promised of leases, the store's own ones or those in records.

#include <mcp/store/test_kit/at_once.hpp>
#include <mcp/store/test_kit/bench.hpp>

#include <asio/awaitable.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail::store_tests {

using steady = std::chrono::steady_clock;

inline asio::awaitable<void> take(bench& b, std::string_view key, std::string_view owner,
                                  std::string_view expected, std::chrono::milliseconds after = 0ms) {
  const auto taken = co_await b.lease(key, owner, 60s, after);
  expect(taken && *taken, expected, shown(taken));
}

inline asio::awaitable<void> be_refused(bench& b, std::string_view key, std::string_view owner,
                                        std::string_view expected, std::chrono::milliseconds after = 0ms) {
  const auto taken = co_await b.lease(key, owner, 60s, after);
  expect(taken && !*taken, expected, shown(taken));
}

inline asio::awaitable<void> release(bench& b, std::string_view key, std::string_view owner) {
  const auto released = co_await b.store.release(key, owner);
  expect(released.has_value(), "success", shown(released));
}

inline asio::awaitable<void> sleep(bench& b, steady::duration time) {
  asio::steady_timer timer(b.all().executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

/// Takes a lease that another has for `options.lease_time` from the beginning of the run. A store with a
/// clock of its own is asked again and again.
inline asio::awaitable<void> take_when_over(bench& b, std::string_view key, std::string_view owner,
                                            std::string_view expected) {
  const auto limit = steady::now() + b.options.patience / 2;
  auto taken = co_await b.lease(key, owner, 60s, b.options.lease_time);
  while (taken && !*taken && steady::now() < limit) {
    co_await sleep(b, 5ms);
    taken = co_await b.lease(key, owner, 60s, b.options.lease_time);
  }
  expect(taken && *taken, expected, shown(taken));
}

inline asio::awaitable<void> lease_excludes(bench& b) {
  const std::string key = co_await b.fresh_lease("lease");
  const std::string other_key = co_await b.fresh_lease("lease/other");
  any_credential_store other = b.open();
  co_await take(b, key, "a", "true, as nobody has it");
  co_await be_refused(b, key, "b", "false, as another has it");
  std::swap(b.store, other);
  co_await be_refused(b, key, "b", "false on another handle, as another has it");
  co_await take(b, other_key, "b", "true, as it is the lease of another key");
}

inline asio::awaitable<void> compete(bench& b, any_credential_store store, std::string key,
                                     std::string_view owner, int& holders) {
  const auto taken = co_await store.lease(key, owner, 60s, b.all().begin);
  expect(taken.has_value(), "true or false", shown(taken));
  if (*taken) ++holders;
}

inline asio::awaitable<void> lease_one_of_many(bench& b) {
  const std::string key = co_await b.fresh_lease("lease-for-one");
  int holders = 0;
  std::vector<any_credential_store> handles;  // a lease may end with the handle that took it
  std::vector<asio::awaitable<void>> competing;
  for (const auto owner : owners) {
    handles.push_back(b.open());
    competing.push_back(compete(b, handles.back(), key, owner, holders));
  }
  co_await all_of(std::move(competing));
  expect(holders == 1, "one holder of one lease", std::to_string(holders) + " holders");
}

inline asio::awaitable<void> lease_extended(bench& b) {
  const std::string key = co_await b.fresh_lease("lease-extended");
  const auto taken = co_await b.lease(key, "a", b.options.lease_time);
  expect(taken && *taken, "true, as nobody has it", shown(taken));
  co_await take(b, key, "a", "true, as the owner has it already", b.options.lease_time / 2);
  co_await sleep(b, b.options.lease_time);
  co_await be_refused(b, key, "b", "false, as the owner has made it longer", b.options.lease_time);
}

inline asio::awaitable<void> lease_released(bench& b) {
  const std::string key = co_await b.fresh_lease("lease-released");
  co_await release(b, key, "a");
  co_await take(b, key, "a", "true, as nobody has it");
  co_await release(b, key, "b");
  co_await be_refused(b, key, "b", "false, as only its owner can release it");
  co_await release(b, key, "a");
  co_await take(b, key, "b", "true, as its owner has released it");
}

inline asio::awaitable<void> lease_ends(bench& b) {
  const std::string key = co_await b.fresh_lease("lease-ends");
  const auto began = steady::now();
  const auto taken = co_await b.lease(key, "a", b.options.lease_time);
  expect(taken && *taken, "true, as nobody has it", shown(taken));
  const auto early = co_await b.lease(key, "b", 60s, b.options.lease_time - 1ms);
  const bool over = steady::now() - began >= b.options.lease_time;  // the machine is slow
  expect(early && (!*early || over), "false, as its time is not over", shown(early));
  co_await take_when_over(b, key, "b", "true, as its time is over");
  co_await be_refused(b, key, "a", "false, as another has it now", b.options.lease_time);
}

inline asio::awaitable<void> lease_apart(bench& b) {
  const std::string key = co_await b.fresh_key("lease-and-record");
  co_await take(b, key, "a", "true, as nobody has it");
  const auto none = co_await b.store.load(key);
  expect_nothing(none);
  const record_version version = co_await b.create(key, "bytes");
  const auto found = co_await b.store.load(key);
  expect_record(found, "bytes", version);
  const auto erased = co_await b.store.erase(key, version);
  expect(erased && *erased, "true, as the version is the current one", shown(erased));
  co_await be_refused(b, key, "b", "false, as the erased record has nothing to do with it");
  const record_version second = co_await b.create(key, "more bytes");
  co_await release(b, key, "a");
  const auto still = co_await b.store.load(key);
  expect_record(still, "more bytes", second);
}

}  // namespace mcp::inline v0::detail::store_tests
