// SPDX-License-Identifier: MIT
#include "flawed_store.hpp"
#include <mcp/store/memory_store.hpp>
#include <mcp/store/test_kit.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <support/started.hpp>
#include <system_error>

using namespace std::chrono_literals;
using test::flaw;

namespace {

/// A factory of handles on one table.
auto factory_of(flaw which, const std::shared_ptr<test::shared_table>& table) {
  return [which, table] {
    const bool apart = which == flaw::has_records_of_a_handle;
    return test::flawed_store(which, apart ? test::shared_table::make() : table);
  };
}

mcp::store_report report_on(flaw which, const std::shared_ptr<test::shared_table>& table,
                            mcp::store_test_options options = {}) {
  const auto damage = [&](std::string_view key) {
    const std::lock_guard lock(*table);
    if (auto* const record = table->find(key)) record->damaged = true;
  };
  options.damage = damage;
  options.large_record = 100 * 1024;
  options.updates = 10;
  return mcp::run_test_store(factory_of(which, table), options);
}

bool fails(const mcp::store_report& report, std::string_view name) {
  return std::ranges::any_of(report.tests, [&](const mcp::store_test& test) {
    return test.name == name && test.result == mcp::store_test::outcome::failed;
  });
}

std::string first_failure(const mcp::store_report& report) {
  const auto found =
      std::ranges::find(report.tests, mcp::store_test::outcome::failed, &mcp::store_test::result);
  return found == report.tests.end() ? "" : std::string(found->name);
}

}  // namespace

TEST_CASE("a good store passes, and nothing of the test stays in it") {
  const auto table = test::shared_table::make();
  const auto report = report_on(flaw::none, table);
  INFO(report.summary());
  CHECK(report.count(mcp::store_test::outcome::passed) == report.tests.size());
  CHECK(table->size() == 0);
}

TEST_CASE("memory_store passes") {
  const mcp::memory_store store;
  const auto report = mcp::run_test_store([&] { return store; }, {.other_processes = false});
  INFO(report.summary());
  CHECK(report.passed());
  CHECK(report.count(mcp::store_test::outcome::skipped) == 4);
}

TEST_CASE("a test of a store can be awaited, and cancelled") {
  asio::io_context context;
  const mcp::memory_store store;
  std::atomic<int> opened_here = 0;
  const auto open = [&](const asio::any_io_executor& executor) {
    if (executor == context.get_executor()) ++opened_here;
    return store;
  };
  mcp::store_test_options options{.other_processes = false, .lease_time = 10ms};
  const auto report = test::start(context, mcp::test_store(open, options)).wait();
  INFO(report.summary());
  CHECK(report.passed());
  CHECK(opened_here >= static_cast<int>(report.tests.size()));

  options.lease_time = 1h;  // so it would wait
  auto cancelled = test::start(context, mcp::test_store(open, options));
  while (context.poll_one() != 0) continue;
  CHECK_FALSE(cancelled.done());
  cancelled.cancel();
  CHECK_THROWS_AS(cancelled.wait(), std::system_error);
}

TEST_CASE("a report can be read") {
  using outcome = mcp::store_test::outcome;
  mcp::store_report report{{{"one", outcome::passed}, {"two", outcome::skipped, "why"}}};
  CHECK(report.passed());
  report.tests.push_back({"three", outcome::failed, "expected: this; seen: that"});
  CHECK_FALSE(report.passed());
  CHECK(report.summary() ==
        "passed   one\nskipped  two\n         why\nFAILED   three\n         expected: this; seen: that\n"
        "1 passed, 1 failed, 1 skipped\n");
}

TEST_CASE("a store that cannot be opened fails every test") {
  const auto open = []() -> mcp::memory_store { throw std::runtime_error("no such file"); };
  const auto report = mcp::run_test_store(open, {.other_processes = false});
  CHECK(report.count(mcp::store_test::outcome::failed) == report.tests.size());
  CHECK(report.tests.front().reason == "an exception: no such file");
}

TEST_CASE("flawed stores fail first in the test of what they break") {
  struct row {
    flaw which;
    std::string_view test;
  };
  for (const auto& [which, test] : {
           row{flaw::makes_records_up, "there is no record before the first save"},
           row{flaw::throws, "there is no record before the first save"},
           row{flaw::cuts_at_nul, "a record comes back to the byte"},
           row{flaw::loses_empty_records, "an empty record is a record"},
           row{flaw::cuts_large_records, "a large record comes back"},
           row{flaw::erases_nothing, "an erased record is gone"},
           row{flaw::replaces_on_create, "a save that expects no record never replaces one"},
           row{flaw::writes_on_conflict, "a save that expects no record never replaces one"},
           row{flaw::ignores_versions, "a save with another version changes nothing"},
           row{flaw::creates_on_any_version, "a save with another version changes nothing"},
           row{flaw::erases_any_version, "an erase with another version changes nothing"},
           row{flaw::erases_on_no_record, "an erase with another version changes nothing"},
           row{flaw::counts_each_record_from_one, "a version never comes again"},
           row{flaw::has_versions_of_content, "a version never comes again"},
           row{flaw::folds_case, "keys of any printable characters are kept apart"},
           row{flaw::cuts_long_keys, "long keys are kept apart"},
           row{flaw::has_records_of_a_handle, "handles share the records, which outlive them"},
           row{flaw::says_none_for_damaged, "a damaged record is a failure"},
           row{flaw::checks_then_waits, "coroutines update a record at once"},
           row{flaw::checks_then_unlocks_in_thread, "threads update a record at once"},
           row{flaw::tears_record_when_save_is_cancelled, "a save can be cancelled"},
           row{flaw::leases_to_two, "a lease keeps others out"},
           row{flaw::leases_to_all_who_ask_at_once, "a lease goes to one of many"},
           row{flaw::refuses_the_owner, "a lease is extended by its owner"},
           row{flaw::extends_nothing, "a lease is extended by its owner"},
           row{flaw::releases_for_anyone, "a lease is released by its owner"},
           row{flaw::releases_nothing, "a lease is released by its owner"},
           row{flaw::leases_for_whole_seconds, "a lease ends when its time is over"},
           row{flaw::leases_in_records, "a lease leaves the record of its key alone"},
           row{flaw::checks_then_unlocks_in_process, "processes update a record at once"},
           row{flaw::saves_behind, "what a killed process has saved is there"},
       }) {
    const auto report = report_on(which, test::shared_table::make(),
                                  {.lease_time = which == flaw::leases_for_whole_seconds ? 900ms : 50ms});
    INFO(report.summary());
    CHECK(first_failure(report) == test);
  }
}

TEST_CASE("a store that hangs does not stop the test of it") {
  struct row {
    flaw which;
    std::string_view test;
  };
  for (const auto& [which, test] : {
           row{flaw::hangs_when_load_is_cancelled, "a load can be cancelled"},
           row{flaw::stays_locked_when_save_is_cancelled, "a save can be cancelled"},
           row{flaw::hangs_when_erase_is_cancelled, "an erase can be cancelled"},
           row{flaw::stays_locked_when_lease_is_cancelled, "a lease and its release can be cancelled"},
           row{flaw::leases_for_ever, "a lease ends when its time is over"},
           row{flaw::leases_beyond_death, "a lease ends when its holder is killed"},
       }) {
    const auto report = report_on(which, test::shared_table::make(), {.patience = 1s});
    INFO(report.summary());
    CHECK(fails(report, test));
  }
}
