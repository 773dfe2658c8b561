// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/offload.hpp>
#include <mcp/base/error.hpp>
#include <mcp/base/result.hpp>
#include <mcp/store/credential_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/this_coro.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mcp::inline v0 {

namespace detail {

/// Lets threads in one at a time, in the order in which they were announced.
class turnstile {
 public:
  /// A place in the row; left when it is destroyed, whether its turn has come or not.
  class place {
   public:
    explicit place(turnstile& at) : at_(&at), number_(at.announce()) {}
    place(place&& other) noexcept : at_(std::exchange(other.at_, nullptr)), number_(other.number_) {}
    place& operator=(place&&) = delete;
    ~place() {
      if (at_ != nullptr) at_->leave(number_);
    }
    /// Returns when it is first in the row; false once it was given up.
    bool wait() const { return at_->wait_for(number_); }

   private:
    friend class turnstile;
    turnstile* at_;
    std::uint64_t number_;
  };

  /// Gives a place up when it is destroyed, unless its turn has come.
  class interest {
   public:
    explicit interest(const place& in) noexcept : at_(*in.at_), number_(in.number_) {}
    interest(const interest&) = delete;
    interest& operator=(const interest&) = delete;
    ~interest() { at_.give_up(number_); }

   private:
    turnstile& at_;
    const std::uint64_t number_;
  };

 private:
  std::uint64_t announce() {
    const std::lock_guard lock(mutex_);
    row_.insert(next_);
    return next_++;
  }
  bool wait_for(std::uint64_t number) {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [&] { return !row_.contains(number) || *row_.begin() == number; });
    return row_.contains(number);
  }
  void leave(std::uint64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    row_.erase(number);
    moved_.notify_all();
  }
  void give_up(std::uint64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    if (!row_.contains(number) || *row_.begin() == number) return;
    row_.erase(number);
    moved_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable moved_;
  std::set<std::uint64_t> row_;
  std::uint64_t next_ = 0;
};

}  // namespace detail

/// Makes a `CredentialStore` of one whose operations block, such as one of files or of a database.
///
/// Operations run on threads of their own, one at a time and in the order in which they were begun: the store
/// needs no lock, and an executor never waits. Copies share the store. It is destroyed with the last of them,
/// or behind an operation that still runs. Terminal cancellation ends the wait for an operation at once with
/// `errc::cancelled`; the operation runs to its end if its turn has come, and does not run otherwise. So a
/// store that hangs has a thread for each who waits for it, and the one that it hangs in.
template <BlockingCredentialStore Store>
class on_thread {
 public:
  explicit on_thread(Store store) : shared_(std::make_shared<shared>(std::move(store))) {}

  asio::awaitable<store_result::load> load(std::string_view key) {
    return run([key = std::string(key)](Store& store) { return store.load(key); });
  }
  asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                           record_version expected) {
    return run([key = std::string(key), bytes = secret(bytes), expected](Store& store) {
      return store.save(key, bytes.view(), expected);
    });
  }
  asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) {
    return run([key = std::string(key), expected](Store& store) { return store.erase(key, expected); });
  }
  asio::awaitable<store_result::lease> lease(std::string_view key, std::string_view owner,
                                             std::chrono::milliseconds time)
    requires BlockingLeasingCredentialStore<Store>
  {
    return run([key = std::string(key), owner = std::string(owner), time](Store& store) {
      return store.lease(key, owner, time);
    });
  }
  asio::awaitable<store_result::release> release(std::string_view key, std::string_view owner)
    requires BlockingLeasingCredentialStore<Store>
  {
    return run([key = std::string(key), owner = std::string(owner)](Store& store) {
      return store.release(key, owner);
    });
  }

 private:
  struct shared {
    explicit shared(Store wrapped) : store(std::move(wrapped)) {}
    Store store;
    detail::turnstile turns;
  };

  template <class Operation>
  asio::awaitable<std::invoke_result_t<Operation&, Store&>> run(Operation operation) {
    return run_on(shared_, std::move(operation));
  }

  template <class Operation>
  static asio::awaitable<std::invoke_result_t<Operation&, Store&>> run_on(std::shared_ptr<shared> on,
                                                                          Operation operation) {
    auto executor = co_await asio::this_coro::executor;
    detail::turnstile::place place(on->turns);
    const detail::turnstile::interest awaited(place);
    auto job = [on, place = std::move(place),
                operation = std::move(operation)]() mutable -> std::invoke_result_t<Operation&, Store&> {
      const auto turn = std::move(place);  // ends with the job, however late its awaiter takes the answer
      if (!turn.wait()) return errc::cancelled;
      return operation(on->store);
    };
    co_return co_await offload(executor, std::move(job));
  }

  std::shared_ptr<shared> shared_;
};

}  // namespace mcp::inline v0
