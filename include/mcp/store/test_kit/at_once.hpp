// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What those who use a store at the same time are promised: in one thread, and in several.

#include <mcp/async/event.hpp>
#include <mcp/async/offload.hpp>
#include <mcp/store/test_kit/bench.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail::store_tests {

/// Runs all of them at once until the last has ended; then throws what the first to fail threw.
inline asio::awaitable<void> all_of(std::vector<asio::awaitable<void>> parts) {
  struct progress {
    explicit progress(const asio::any_io_executor& executor) : moved(executor) {}
    event moved;
    std::size_t left = 0;
    std::exception_ptr thrown;
  };
  auto executor = co_await asio::this_coro::executor;
  const auto shared = std::make_shared<progress>(executor);
  shared->left = parts.size();
  for (auto& part : parts) {
    asio::co_spawn(executor, std::move(part), [shared](const std::exception_ptr& thrown) {
      if (!shared->thrown) shared->thrown = thrown;
      --shared->left;
      shared->moved.notify();
    });
  }
  std::error_code ignored;
  while (shared->left != 0)
    co_await shared->moved.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (shared->thrown) std::rethrow_exception(shared->thrown);
}

inline int number_in(const store_result::load& found) {
  int number = 0;
  bool whole = found && *found && !(*found)->bytes.empty();
  for (const char digit : whole ? (*found)->bytes.view() : "") {
    whole = whole && digit >= '0' && digit <= '9';
    number = number * 10 + (digit - '0');
  }
  expect(whole, "a record that holds the number last saved", shown(found));
  return number;
}

/// Adds 1 to the number in a record, `times` times, while others do it `by_others` times.
inline asio::awaitable<void> add_ones(any_credential_store store, std::string key, int times, int by_others) {
  int conflicts_met = 0;
  for (int done = 0; done < times;) {
    const auto found = co_await store.load(key);
    const std::string next = std::to_string(number_in(found) + 1);
    const record_version version = (*found)->version;
    co_await give_way();
    const auto saved = co_await store.save(key, next, version);
    expect(saved.has_value(), "saved, or a conflict", shown(saved));
    if (*saved) ++done;
    if (!*saved) ++conflicts_met;
    expect(conflicts_met <= by_others, "a conflict only where another one has saved",
           std::to_string(conflicts_met) + " conflicts with " + std::to_string(by_others) + " others' saves");
  }
}

/// Whether all that were to be added to the number are in it.
inline asio::awaitable<void> expect_sum(bench& b, std::string_view key, int sum) {
  const auto found = co_await b.store.load(key);
  const int number = number_in(found);
  expect(number == sum, "a count of " + std::to_string(sum) + " updates", std::to_string(number));
}

/// Runs `work` with a handle and an execution context of its own, here and now. Gives what it complained of.
inline std::string run_alone(const opener& open,
                             const std::function<asio::awaitable<void>(any_credential_store)>& work) {
  try {
    asio::io_context context;
    const any_credential_store store = open(context.get_executor());
    std::exception_ptr thrown;
    asio::co_spawn(context, work(store), [&](const std::exception_ptr& what) { thrown = what; });
    context.run();
    if (thrown) std::rethrow_exception(thrown);
    return "";
  } catch (const unmet& complaint) {
    return complaint.reason;
  } catch (const std::exception& other) {
    return other.what();
  }
}

inline asio::awaitable<void> update_in_thread(opener open, std::string key, int times, int by_others) {
  auto executor = co_await asio::this_coro::executor;
  auto job = [=]() -> result<std::string> {
    return run_alone(
        open, [&](any_credential_store store) { return add_ones(std::move(store), key, times, by_others); });
  };
  const auto complaint = co_await mcp::offload(executor, std::move(job));
  if (!complaint) throw unmet{complaint.error().describe()};
  if (!complaint->empty()) throw unmet{*complaint};
}

inline asio::awaitable<void> coroutines(bench& b) {
  const std::string key = co_await b.fresh_key("coroutines");
  co_await b.create(key, "0");
  std::vector<asio::awaitable<void>> adding;
  adding.reserve(crowd);
  for (int each = 0; each < crowd; ++each) {
    adding.push_back(add_ones(b.open(), key, b.options.updates, (crowd - 1) * b.options.updates));
  }
  co_await all_of(std::move(adding));
  co_await expect_sum(b, key, crowd * b.options.updates);
}

inline asio::awaitable<void> threads(bench& b) {
  const std::string key = co_await b.fresh_key("threads");
  co_await b.create(key, "0");
  std::vector<asio::awaitable<void>> adding;
  adding.reserve(crowd);
  for (int each = 0; each < crowd; ++each) {
    adding.push_back(update_in_thread(b.all().open, key, b.options.updates, (crowd - 1) * b.options.updates));
  }
  co_await all_of(std::move(adding));
  co_await expect_sum(b, key, crowd * b.options.updates);
}

}  // namespace mcp::inline v0::detail::store_tests
