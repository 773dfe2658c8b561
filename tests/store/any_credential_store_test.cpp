// SPDX-License-Identifier: MIT
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/memory_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <support/started.hpp>
#include <system_error>
#include <utility>

using namespace std::chrono_literals;

namespace {

using clock_type = mcp::any_credential_store::clock;
constexpr auto then = clock_type::time_point(std::chrono::hours(500'000));

template <class T>
T get(asio::awaitable<T> operation) {
  asio::io_context context;
  return test::start(context, std::move(operation)).wait();
}

bool takes(mcp::any_credential_store store, std::string_view owner, std::chrono::milliseconds after) {
  return get(store.lease("key", owner, 10s, then + after)).value();
}

/// Fails in the way that a test wants, after it has handed over the awaitable or before.
class failing_store {
 public:
  failing_store(std::function<void()> fail, bool at_once) : fail_(std::move(fail)), at_once_(at_once) {}

  asio::awaitable<mcp::store_result::load> load(std::string_view) {
    if (at_once_) fail_();
    return later();
  }
  asio::awaitable<mcp::store_result::save> save(std::string_view, std::string_view, mcp::record_version) {
    co_return std::nullopt;
  }
  asio::awaitable<mcp::store_result::erase> erase(std::string_view, mcp::record_version) { co_return false; }

 private:
  asio::awaitable<mcp::store_result::load> later() {
    fail_();
    co_return mcp::errc::store_corrupt;
  }

  std::function<void()> fail_;
  bool at_once_;
};

mcp::failure failure_of(std::function<void()> fail, bool at_once) {
  mcp::any_credential_store store = failing_store(std::move(fail), at_once);
  return get(store.load("key")).error();
}

/// Suspends in every operation; has leases of its own.
class suspending_store : public mcp::memory_store {
 public:
  asio::awaitable<mcp::store_result::load> load(std::string_view key) {
    auto executor = co_await asio::this_coro::executor;
    co_await asio::post(executor, asio::use_awaitable);
    co_return co_await mcp::memory_store::load(key);
  }
  asio::awaitable<mcp::store_result::lease> lease(std::string_view, std::string_view owner,
                                                  std::chrono::milliseconds) {
    co_return owner == "owner";
  }
  asio::awaitable<mcp::store_result::release> release(std::string_view, std::string_view) {
    co_return mcp::errc::store_locked;
  }
};

}  // namespace

TEST_CASE("a handle without a store says so") {
  mcp::any_credential_store store;
  CHECK_FALSE(store);
  store = mcp::memory_store();
  CHECK(store);
  const mcp::any_credential_store moved = std::move(store);
  CHECK(moved);
}

TEST_CASE("copies of a handle share the store") {
  mcp::any_credential_store store = mcp::memory_store();
  mcp::any_credential_store copy = store;
  const auto version = get(store.save("key", "bytes", mcp::no_record)).value().value();
  CHECK(get(copy.load("key")).value().value().bytes.view() == "bytes");
  CHECK(get(copy.erase("key", version)).value());
  CHECK_FALSE(get(store.load("key")).value());
}

TEST_CASE("a handle may go before its operation has ended") {
  asio::io_context context;
  std::optional<mcp::any_credential_store> store = suspending_store();
  auto begun = test::start(context, store->load("key"));
  auto not_begun = store->load("key");
  context.poll_one();
  store.reset();
  CHECK(begun.wait().has_value());
  CHECK(test::start(context, std::move(not_begun)).wait().has_value());
}

TEST_CASE("what a store throws is a failure, or a cancellation") {
  for (const bool at_once : {false, true}) {
    const auto thrown = failure_of([] { throw std::runtime_error("a secret"); }, at_once);
    CHECK(thrown.code() == mcp::errc::store_failed);
    CHECK(thrown.describe().find("secret") == std::string::npos);
    CHECK(failure_of([] { throw 7; }, at_once).code() == mcp::errc::store_failed);
    CHECK(failure_of([] { throw std::system_error(std::make_error_code(std::errc::io_error)); }, at_once)
              .code() == mcp::errc::store_failed);
    CHECK(failure_of([] { throw std::system_error(asio::error::operation_aborted); }, at_once).code() ==
          mcp::errc::cancelled);
    CHECK_THROWS_AS(failure_of([] { throw std::bad_alloc(); }, at_once), std::bad_alloc);
  }
  CHECK(failure_of([] {}, false).code() == mcp::errc::store_corrupt);
}

TEST_CASE("a lease in a record") {
  struct row {
    std::string_view owner;
    std::chrono::milliseconds after;  // when it asks
    bool taken;
  };
  const mcp::memory_store records;
  // One after the other; each lease is for 10 s.
  for (const auto& [owner, after, taken] : {
           row{"a", 0s, true},
           row{"b", 0s, false},
           row{"b", 9'999ms, false},
           row{"a", 5s, true},
           row{"b", 10s, false},
           row{"b", 14'999ms, false},
           row{"b", 15s, true},
           row{"a", 15s, false},
           row{"b", 14s, true},  // the clock was set back
           row{"a", 23'999ms, false},
           row{"a", 24s, true},
       }) {
    INFO(owner << " after " << after.count() << " ms");
    CHECK(takes(records, owner, after) == taken);
  }
}

TEST_CASE("a lease in a record is released by its owner") {
  mcp::memory_store records;
  mcp::any_credential_store store = records;
  CHECK(get(store.release("key", "a")));
  CHECK(takes(store, "a", 0s));
  CHECK(get(store.release("key", "b")));
  CHECK_FALSE(takes(store, "b", 0s));
  CHECK(get(store.release("key", "a")));
  CHECK_FALSE(get(records.load("lease/key")).value());
  CHECK(takes(store, "b", 0s));
}

TEST_CASE("a lease in a record that says nothing, or something else, is not to be had") {
  for (const std::string_view bytes :
       {"", "lease", "{}", R"({"owner":"a"})", R"({"until":1})", R"({"owner":1,"until":1})",
        R"({"owner":"a","until":"1"})", R"({"owner":"a","until":1e400})"}) {
    INFO(bytes);
    mcp::memory_store records;
    mcp::any_credential_store store = records;
    const auto version = get(records.save("lease/key", bytes, mcp::no_record)).value();
    CHECK(get(store.lease("key", "a", 10s, then)).error().code() == mcp::errc::store_corrupt);
    CHECK(get(store.release("key", "a")).error().code() == mcp::errc::store_corrupt);
    CHECK(get(records.load("lease/key")).value().value().version == version);
  }
}

TEST_CASE("a lease in a record ends at any time that fits into it") {
  struct row {
    std::string_view until;
    bool taken;
  };
  for (const auto& [until, taken] :
       {row{"9223372036854775807", false}, row{"-9223372036854775808", true}, row{"0", true}}) {
    mcp::memory_store records;
    const std::string bytes = R"({"more":[],"owner":"a","until":)" + std::string(until) + "}";
    REQUIRE(get(records.save("lease/key", bytes, mcp::no_record)));
    CHECK(takes(records, "b", 0s) == taken);
  }
}

TEST_CASE("leases of a store that has its own are not kept in records") {
  suspending_store records;
  mcp::any_credential_store store = records;
  CHECK(takes(store, "owner", 0s));
  CHECK_FALSE(takes(store, "other", 100h));
  CHECK(get(store.release("key", "owner")).error().code() == mcp::errc::store_locked);
  CHECK_FALSE(get(records.load("lease/key")).value());
}
