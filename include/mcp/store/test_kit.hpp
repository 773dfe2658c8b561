// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/test_kit/at_once.hpp>
#include <mcp/store/test_kit/bench.hpp>
#include <mcp/store/test_kit/cancellation.hpp>
#include <mcp/store/test_kit/leases.hpp>
#include <mcp/store/test_kit/processes.hpp>
#include <mcp/store/test_kit/records.hpp>
#include <mcp/store/test_kit/report.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

namespace detail::store_tests {

struct test_case {
  std::string_view name;
  std::function<asio::awaitable<void>(bench&)> test;
};

/// From what is simple to what rests on it: the first that fails tells most.
inline std::vector<test_case> all_tests(const std::shared_ptr<processes>& others) {
  const auto with_others = [&](asio::awaitable<void> (*test)(bench&, processes&)) {
    return [test, others](bench& b) {
      if (!others) throw skipped{"options.other_processes is false"};
      return test(b, *others);
    };
  };
  return {
      {"there is no record before the first save", absent},
      {"a record comes back to the byte", every_byte},
      {"an empty record is a record", empty_record},
      {"a large record comes back", large_record},
      {"an erased record is gone", erase},
      {"a save that expects no record never replaces one", create_only},
      {"a save with another version changes nothing", stale_save},
      {"an erase with another version changes nothing", stale_erase},
      {"a version never comes again", versions},
      {"keys of any printable characters are kept apart", printable_keys},
      {"long keys are kept apart", long_keys},
      {"handles share the records, which outlive them", handles},
      {"a damaged record is a failure", damaged},
      {"coroutines update a record at once", coroutines},
      {"threads update a record at once", threads},
      {"a load can be cancelled", cancelled_load},
      {"a save can be cancelled", cancelled_save},
      {"an erase can be cancelled", cancelled_erase},
      {"a lease keeps others out", lease_excludes},
      {"a lease goes to one of many", lease_one_of_many},
      {"a lease is extended by its owner", lease_extended},
      {"a lease is released by its owner", lease_released},
      {"a lease ends when its time is over", lease_ends},
      {"a lease leaves the record of its key alone", lease_apart},
      {"a lease and its release can be cancelled", cancelled_lease},
      {"processes update a record at once", with_others(update_in_processes)},
      {"what a killed process has saved is there", with_others(killed_while_saving)},
      {"a lease ends when its holder is killed", with_others(killed_with_lease)},
  };
}

/// Runs a test on a bench of its own, and cleans up.
inline asio::awaitable<void> run_test(std::shared_ptr<const run> all,
                                      std::function<asio::awaitable<void>(bench&)> test) {
  std::exception_ptr thrown;
  bench b(std::move(all));
  try {
    co_await test(b);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await b.clean_up();
  if (thrown) std::rethrow_exception(thrown);
}

inline store_test outcome_of(std::string_view name, const std::exception_ptr& thrown) {
  using outcome = store_test::outcome;
  try {
    if (thrown) std::rethrow_exception(thrown);
    return {name, outcome::passed};
  } catch (const unmet& complaint) {
    return {name, outcome::failed, complaint.reason};
  } catch (const skipped& why) {
    return {name, outcome::skipped, why.reason};
  } catch (const std::exception& other) {
    return {name, outcome::failed, std::string("an exception: ") + other.what()};
  } catch (...) {
    return {name, outcome::failed, "an exception"};
  }
}

/// Runs a test for as long as there is patience for it. One that goes on then is left behind, not cancelled:
/// a store that hangs may still look at the arguments of its operation.
inline asio::awaitable<store_test> run_within_patience(std::shared_ptr<const run> all, test_case which) {
  struct progress {
    explicit progress(const asio::any_io_executor& executor) : limit(executor) {}
    asio::steady_timer limit;
    bool done = false;
    std::exception_ptr thrown;
  };
  const auto patience = all->options.patience;
  const auto shared = std::make_shared<progress>(all->executor);
  shared->limit.expires_after(patience);
  asio::co_spawn(all->executor, run_test(all, which.test), [shared](const std::exception_ptr& thrown) {
    shared->done = true;
    shared->thrown = thrown;
    shared->limit.cancel();
  });
  std::error_code ignored;
  co_await shared->limit.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (shared->done) co_return outcome_of(which.name, shared->thrown);
  co_return store_test{which.name, store_test::outcome::failed,
                       "it did not end within " + std::to_string(patience.count()) + " ms"};
}

template <class Factory>
opener opener_of(Factory factory) {
  return [factory = std::move(factory)](
             [[maybe_unused]] const asio::any_io_executor& executor) mutable -> any_credential_store {
    if constexpr (std::invocable<Factory&, const asio::any_io_executor&>) {
      return factory(executor);
    } else {
      return factory();
    }
  };
}

inline asio::awaitable<store_report> run_all(opener open, store_test_options options, std::string prefix) {
  options.key_prefix = prefix;
  auto executor = co_await asio::this_coro::executor;
  const auto all = std::make_shared<const run>(std::move(open), options, executor);
  const auto others = options.other_processes ? std::make_shared<processes>(*all) : nullptr;
  store_report report;
  for (const auto& each : all_tests(others)) {
    auto test = co_await run_within_patience(all, each);
    report.tests.push_back(std::move(test));
  }
  co_return report;
}

}  // namespace detail::store_tests

/// Tests a store against the contract of `CredentialStore`, and its leases, by `any_credential_store`,
/// against that of `LeasingCredentialStore`. Nothing that the store does ends it: what is not as promised is
/// in the report.
///
/// `factory` opens a handle, which may be any store that `any_credential_store` takes. Each handle is opened
/// independently of the others, on the same records. It is called as `factory(executor)` if it can be, with
/// the executor on which the operations will be awaited, and as `factory()` else. It is copied, and the
/// copies are called on several threads at once and, unless the options say otherwise, in forked processes.
///
/// To be awaited where one thing runs at a time: on an `io_context` that one thread runs, or a strand. The
/// test takes some seconds, more with a store that is slow. Terminal cancellation ends it; the operations
/// that run then are left behind, as are those that do not end in time.
template <class Factory>
asio::awaitable<store_report> test_store(Factory&& factory, store_test_options options = {}) {
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
  static_assert(
      std::is_lvalue_reference_v<Factory> || std::is_trivially_destructible_v<std::remove_cvref_t<Factory>>,
      "GCC 12 destroys such a temporary twice inside a co_await expression: give the factory a name first");
#endif
  return detail::store_tests::run_all(detail::store_tests::opener_of<std::decay_t<Factory>>(factory), options,
                                      std::string(options.key_prefix));
}

/// The same for a `main` without an execution context: returns when it is done.
template <class Factory>
store_report run_test_store(Factory factory, store_test_options options = {}) {
  asio::io_context context;
  std::optional<store_report> report;
  std::exception_ptr failed;
  asio::co_spawn(context, test_store(factory, options),
                 [&](const std::exception_ptr& thrown, store_report found) {
                   failed = thrown;
                   report = std::move(found);
                 });
  while (!report && context.run_one() != 0) continue;  // a test that was given up may still run
  if (failed) std::rethrow_exception(failed);
  return std::move(*report);
}

}  // namespace mcp::inline v0
