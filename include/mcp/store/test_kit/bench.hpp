// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/function_ref.hpp>
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/credential_store.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/post.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// How `test_store` goes about it.
struct store_test_options {
  /// With what the keys of the test begin. Nothing else in the store is touched, and what was saved under
  /// these keys is erased.
  std::string_view key_prefix = "mcp-test-store/";
  /// Whether handles that the factory makes in other processes stand for the same records. The test forks.
  bool other_processes = true;
  /// Damages the record of a key, of which the store then must not say that it is not there.
  function_ref<void(std::string_view key)> damage = {};
  std::size_t large_record = 1024 * 1024;  ///< bytes
  int updates = 25;                        ///< how often each of those who update one record at once does so
  /// How long leases last that the test waits for.
  std::chrono::milliseconds lease_time = std::chrono::milliseconds(200);
  /// After what time a test is given up.
  std::chrono::milliseconds patience = std::chrono::seconds(30);
};

namespace detail::store_tests {

using namespace std::chrono_literals;
using clock = any_credential_store::clock;

/// Opens a handle whose operations are awaited on this executor.
using opener = std::function<any_credential_store(const asio::any_io_executor&)>;

/// What a test throws when the store is not as promised, or when there is no way to tell.
struct unmet {
  std::string reason;
};
struct skipped {
  std::string reason;
};

inline void expect(bool met, std::string_view expected, const std::string& seen) {
  if (!met) throw unmet{"expected: " + std::string(expected) + "; seen: " + seen};
}

inline std::string shown(const store_result::load& found) {
  if (!found) return found.error().describe();
  if (!found->has_value()) return "no record";
  return "a record of " + std::to_string((*found)->bytes.size()) + " bytes in version " +
         std::to_string((*found)->version);
}
inline std::string shown(const store_result::save& saved) {
  if (!saved) return saved.error().describe();
  return saved->has_value() ? "saved as version " + std::to_string(**saved) : "conflict";
}
inline std::string shown(const result<bool>& done) {
  if (!done) return done.error().describe();
  return *done ? "true" : "false";
}
inline std::string shown(const result<void>& done) { return done ? "success" : done.error().describe(); }

inline bool conflicts(const store_result::save& saved) { return saved && !saved->has_value(); }

inline void expect_record(const store_result::load& found, std::string_view bytes, record_version version) {
  expect(found && *found && (*found)->bytes.view() == bytes && (*found)->version == version,
         "the " + std::to_string(bytes.size()) + " bytes saved as version " + std::to_string(version),
         shown(found));
}
inline void expect_nothing(const store_result::load& found) {
  expect(found && !*found, "no record", shown(found));
}

/// Lets others on this executor go first.
inline asio::awaitable<void> give_way() {
  auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

/// How many compete in a test, and what they are called as owners of leases.
inline constexpr int crowd = 4;
inline constexpr std::array<std::string_view, crowd> owners{"a", "b", "c", "d"};

/// What all tests of a run have in common.
struct run {
  run(opener opens, const store_test_options& how, asio::any_io_executor on)
      : open(std::move(opens)), options(how), executor(std::move(on)), prefix_(how.key_prefix) {}

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }

  const opener open;
  const store_test_options options;
  const asio::any_io_executor executor;
  /// What a store without leases of its own is told to be the time, more or less.
  const clock::time_point begin = clock::now();

 private:
  std::string prefix_;
};

/// What one test works with: a handle, and keys that are its own.
class bench {
 public:
  explicit bench(std::shared_ptr<const run> part_of)
      : store(part_of->open(part_of->executor)), options(part_of->options), run_(std::move(part_of)) {}

  any_credential_store open() const { return run_->open(run_->executor); }
  const run& all() const noexcept { return *run_; }

  /// A key of which there is no record; cleaned up after the test.
  asio::awaitable<std::string> fresh_key(std::string_view name) {
    const std::string fresh = run_->key(name);
    keys_.push_back(fresh);
    const auto gone = co_await clear(fresh);
    expect(gone.has_value(), "to erase what another run has left under " + fresh, shown(gone));
    co_return fresh;
  }

  /// A key of which nobody has the lease; released after the test.
  asio::awaitable<std::string> fresh_lease(std::string_view name) {
    const std::string fresh = run_->key(name);
    leases_.push_back(fresh);
    co_await release_all(fresh);
    co_return fresh;
  }

  /// Saves where nothing was.
  asio::awaitable<record_version> create(std::string_view key, std::string_view bytes) {
    const auto saved = co_await store.save(key, bytes, no_record);
    expect(saved && *saved, "a new record is saved", shown(saved));
    co_return **saved;
  }

  /// Replaces what is there in whatever version, against others who still do so.
  asio::awaitable<record_version> overwrite(std::string_view key, std::string_view bytes) {
    store_result::save saved;
    for (int tries = 0; tries < 3; ++tries) {
      const auto found = co_await store.load(key);
      expect(found.has_value(), "the record, or none", shown(found));
      const record_version current = *found ? (*found)->version : no_record;
      saved = co_await store.save(key, bytes, current);
      if (!conflicts(saved)) break;
    }
    expect(saved && *saved, "saved, as the version is the current one", shown(saved));
    co_return **saved;
  }

  /// `after` the beginning of the run, for a store without leases of its own.
  asio::awaitable<result<bool>> lease(std::string_view key, std::string_view owner,
                                      std::chrono::milliseconds time, std::chrono::milliseconds after = 0ms) {
    return store.lease(key, owner, time, run_->begin + after);
  }

  asio::awaitable<void> clean_up() {
    for (const auto& key : leases_) co_await release_all(key);
    for (const auto& key : keys_) {
      [[maybe_unused]] const auto erased = co_await clear(key);
    }
  }

  any_credential_store store;
  const store_test_options& options;

 private:
  asio::awaitable<store_result::erase> clear(std::string_view key) {
    const auto found = co_await store.load(key);
    if (!found) co_return found.error();
    if (!*found) co_return true;
    const record_version version = (*found)->version;
    co_return co_await store.erase(key, version);
  }

  asio::awaitable<void> release_all(std::string_view key) {
    for (const auto owner : owners) {
      [[maybe_unused]] const auto released = co_await store.release(key, owner);
    }
  }

  std::shared_ptr<const run> run_;
  std::vector<std::string> keys_;
  std::vector<std::string> leases_;
};

}  // namespace detail::store_tests
}  // namespace mcp::inline v0
