// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/store/credential_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace test {

/// What is wrong with a store.
enum class flaw {
  none,
  // records
  makes_records_up,
  throws,
  cuts_at_nul,
  loses_empty_records,
  cuts_large_records,
  erases_nothing,
  replaces_on_create,
  writes_on_conflict,
  ignores_versions,
  creates_on_any_version,
  erases_any_version,
  erases_on_no_record,
  counts_each_record_from_one,
  has_versions_of_content,
  folds_case,
  cuts_long_keys,
  has_records_of_a_handle,
  says_none_for_damaged,
  // many at once
  checks_then_waits,
  checks_then_unlocks_in_thread,
  checks_then_unlocks_in_process,
  saves_behind,
  // cancellation
  hangs_when_load_is_cancelled,
  stays_locked_when_save_is_cancelled,
  tears_record_when_save_is_cancelled,
  hangs_when_erase_is_cancelled,
  stays_locked_when_lease_is_cancelled,
  // leases
  leases_to_two,
  leases_to_all_who_ask_at_once,
  refuses_the_owner,
  extends_nothing,
  releases_for_anyone,
  releases_nothing,
  leases_for_ever,
  leases_for_whole_seconds,
  leases_beyond_death,
  leases_in_records,
};

/// Records and leases in memory that forked processes share. To be locked for any use.
class shared_table {
 public:
  template <std::size_t Size>
  struct text {
    std::size_t size;
    char bytes[Size];

    std::string_view view() const { return {bytes, size}; }
    void operator=(std::string_view from) {
      size = std::min(from.size(), Size);
      std::copy_n(from.data(), size, bytes);
    }
  };
  struct record {
    bool used;
    text<2100> key;
    text<128 * 1024> bytes;
    mcp::record_version version;
    bool damaged;
  };
  struct lease {
    bool used;
    text<128> key;
    text<32> owner;
    std::chrono::steady_clock::time_point until;
    ::pid_t process;
  };

  static std::shared_ptr<shared_table> make() {
    void* const memory = ::mmap(nullptr, sizeof(shared_table), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return {new (memory) shared_table, [](shared_table* table) { ::munmap(table, sizeof *table); }};
  }

  void lock() {
    if (::pthread_mutex_lock(&mutex_) == EOWNERDEAD) ::pthread_mutex_consistent(&mutex_);
  }
  void unlock() { ::pthread_mutex_unlock(&mutex_); }

  record* find(std::string_view key) { return in(records_, key); }
  lease* find_lease(std::string_view key) { return in(leases_, key); }
  record& place_for(std::string_view key) { return place_in(records_, key); }
  lease& place_for_lease(std::string_view key) { return place_in(leases_, key); }

  /// Records and leases.
  auto size() const {
    return std::ranges::count(records_, true, &record::used) +
           std::ranges::count(leases_, true, &lease::used);
  }

  /// Without the lock: returns when two have called it.
  void meet() {
    ++met_;
    while (met_ < 2) std::this_thread::yield();
  }

  mcp::record_version last_version = mcp::no_record;
  bool busy = false;  ///< with one operation that did not end

 private:
  shared_table() noexcept {
    ::pthread_mutexattr_t kind;
    ::pthread_mutexattr_init(&kind);
    ::pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);  // a process may be killed within
    ::pthread_mutex_init(&mutex_, &kind);
  }

  template <class Places>
  static auto in(Places& places, std::string_view key) -> typename Places::value_type* {
    const auto found =
        std::ranges::find_if(places, [&](const auto& each) { return each.used && each.key.view() == key; });
    return found == places.end() ? nullptr : &*found;
  }
  template <class Places>
  static auto place_in(Places& places, std::string_view key) -> typename Places::value_type& {
    if (const auto found = in(places, key)) return *found;
    auto& place = *std::ranges::find(places, false, &Places::value_type::used);  // there are enough
    place.used = true;
    place.key = key;
    return place;
  }

  pthread_mutex_t mutex_;
  std::atomic<int> met_ = 0;
  // Of zeros, as mmap() gives them.
  std::array<record, 64> records_;
  std::array<lease, 64> leases_;
};

/// A good store, or one with a flaw.
class flawed_store {
 public:
  explicit flawed_store(flaw which, std::shared_ptr<shared_table> table)
      : flaw_(which), table_(std::move(table)) {}

  asio::awaitable<mcp::store_result::load> load(std::string_view key) {
    co_await turn(flaw::hangs_when_load_is_cancelled);
    if (is(flaw::throws)) throw std::runtime_error("what a store throws");
    const std::lock_guard lock(*table_);
    const auto* const found = table_->find(name(key));
    if (found == nullptr) {
      if (is(flaw::makes_records_up)) co_return mcp::stored_record{mcp::secret("made up"), 1};
      co_return std::nullopt;
    }
    if (found->damaged && is(flaw::says_none_for_damaged)) co_return std::nullopt;
    if (found->damaged) co_return mcp::errc::store_corrupt;
    std::string_view bytes = found->bytes.view();
    if (bytes.empty() && is(flaw::loses_empty_records)) co_return std::nullopt;
    if (is(flaw::cuts_at_nul)) bytes = bytes.substr(0, bytes.find('\0'));
    if (is(flaw::cuts_large_records)) bytes = bytes.substr(0, 64 * 1024);
    co_return mcp::stored_record{mcp::secret(bytes), found->version};
  }

  asio::awaitable<mcp::store_result::save> save(std::string_view key, std::string_view bytes,
                                                mcp::record_version expected) {
    co_await turn();
    if (is(flaw::stays_locked_when_save_is_cancelled) && key.ends_with("/cancelled-save"))
      co_await turn_while_busy();
    std::unique_lock lock(*table_);
    const auto current = version_of(key);
    const bool refused = current != expected &&
                         !(is(flaw::replaces_on_create) && expected == mcp::no_record) &&
                         !(is(flaw::ignores_versions) && expected != mcp::no_record) &&
                         !(is(flaw::creates_on_any_version) && current == mcp::no_record);
    if (refused && is(flaw::writes_on_conflict)) table_->place_for(name(key)).bytes = bytes;
    if (refused) co_return std::nullopt;

    if (is(flaw::checks_then_waits)) {
      lock.unlock();
      co_await turn();
      lock.lock();
    }
    if ((is(flaw::checks_then_unlocks_in_thread) && key.ends_with("/threads") && bytes != "0") ||
        (is(flaw::checks_then_unlocks_in_process) && key.ends_with("/processes") && bytes != "0")) {
      lock.unlock();
      table_->meet();
      lock.lock();
    }
    if (is(flaw::tears_record_when_save_is_cancelled) && key.ends_with("/cancelled-save")) {
      table_->place_for(name(key)).bytes = bytes.substr(0, bytes.size() / 2);
      lock.unlock();
      co_await turn();
      lock.lock();
    }
    if (is(flaw::saves_behind) && key.ends_with("/killed") && current != mcp::no_record)
      co_return behind_ = std::max(behind_, current) + 1;

    auto& record = table_->place_for(name(key));
    if (is(flaw::counts_each_record_from_one))
      record.version = current + 1;
    else if (is(flaw::has_versions_of_content))
      record.version = std::hash<std::string_view>()(bytes);
    else
      record.version = ++table_->last_version;
    record.bytes = bytes;
    record.damaged = false;
    co_return record.version;
  }

  asio::awaitable<mcp::store_result::erase> erase(std::string_view key, mcp::record_version expected) {
    co_await turn(flaw::hangs_when_erase_is_cancelled);
    const std::lock_guard lock(*table_);
    const auto current = version_of(key);
    if (current == mcp::no_record) co_return false;
    const bool met = current == expected || (is(flaw::erases_any_version) && expected != mcp::no_record) ||
                     (is(flaw::erases_on_no_record) && expected == mcp::no_record);
    if (met && !is(flaw::erases_nothing)) table_->find(name(key))->used = false;
    co_return met;
  }

  asio::awaitable<mcp::store_result::lease> lease(std::string_view key, std::string_view owner,
                                                  std::chrono::milliseconds time) {
    co_await turn();
    if (is(flaw::stays_locked_when_lease_is_cancelled) && key.find("/cancelled-lease") != key.npos)
      co_await turn_while_busy();
    std::unique_lock lock(*table_);
    if (is(flaw::leases_in_records)) table_->place_for(key).bytes = owner;
    const auto* const held = table_->find_lease(key);
    const bool holds = held != nullptr && held->owner.view() == owner;
    if (held != nullptr && !over(*held)) {
      if (holds && is(flaw::refuses_the_owner)) co_return false;
      if (holds && is(flaw::extends_nothing)) co_return true;
      if (!holds) co_return is(flaw::leases_to_two);
    }
    if (is(flaw::leases_to_all_who_ask_at_once)) {
      lock.unlock();
      co_await turn();
      lock.lock();
    }
    if (is(flaw::leases_for_whole_seconds)) time = std::chrono::floor<std::chrono::seconds>(time);
    auto& taken = table_->place_for_lease(key);
    taken.owner = owner;
    taken.until = std::chrono::steady_clock::now() + time;
    taken.process = ::getpid();
    co_return true;
  }

  asio::awaitable<mcp::store_result::release> release(std::string_view key, std::string_view owner) {
    co_await turn();
    const std::lock_guard lock(*table_);
    auto* const held = table_->find_lease(key);
    const bool may = held != nullptr && (held->owner.view() == owner || is(flaw::releases_for_anyone));
    if (may && !is(flaw::releases_nothing)) held->used = false;
    co_return mcp::store_result::release();
  }

 private:
  bool is(flaw which) const noexcept { return flaw_ == which; }

  std::string name(std::string_view key) const {
    std::string name(is(flaw::cuts_long_keys) ? key.substr(0, 255) : key);
    if (is(flaw::folds_case))
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return name;
  }

  mcp::record_version version_of(std::string_view key) const {
    const auto* const found = table_->find(name(key));
    return found == nullptr ? mcp::no_record : found->version;
  }

  bool over(const shared_table::lease& held) const {
    const bool dead = ::kill(held.process, 0) != 0;
    const bool late = held.until <= std::chrono::steady_clock::now();
    if (is(flaw::leases_for_ever)) return false;
    if (is(flaw::leases_beyond_death)) return held.process == ::getpid() && late;
    return dead || late;
  }

  /// Lets others go first. With this flaw, it never ends once it is cancelled.
  asio::awaitable<void> turn(flaw hangs = flaw::none) {
    auto executor = co_await asio::this_coro::executor;
    if (hangs == flaw::none || !is(hangs)) {
      co_await asio::post(executor, asio::use_awaitable);
      co_return;
    }
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::post(executor, asio::use_awaitable);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() == asio::cancellation_type::none) co_return;
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    asio::steady_timer never(executor, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  }

  /// Keeps others out meanwhile, and for ever if it is cancelled.
  asio::awaitable<void> turn_while_busy() {
    while (table_->busy) co_await turn();
    table_->busy = true;
    co_await turn();
    co_await turn();  // throws if the first was cancelled
    table_->busy = false;
  }

  flaw flaw_;
  std::shared_ptr<shared_table> table_;
  mcp::record_version behind_ = mcp::no_record;
};

}  // namespace test
