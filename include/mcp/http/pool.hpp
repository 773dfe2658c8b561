// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/base/limits.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/url.hpp>
#include <mcp/http/connection.hpp>
#include <mcp/net/buffer_pool.hpp>
#include <mcp/net/connect.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace mcp::inline v0::http {

/// How a pool opens and keeps connections.
struct pool_options {
  std::size_t max_connections = 256;                  ///< to the origin, busy and idle
  std::chrono::milliseconds connect_timeout{10'000};  ///< look-up, TCP and TLS together
  /// How long an idle connection is trusted where the server does not say (`Keep-Alive: timeout`).
  std::chrono::milliseconds idle_timeout{30'000};
  std::shared_ptr<net::tls_context> tls{};  ///< null for http
  net::connect_policy policy{};
  limits caps{};
};

class pool;

/// Somebody who wants a connection and cannot have one at once.
class connection_waiter {
 public:
  connection_waiter() = default;
  connection_waiter(const connection_waiter&) = delete;
  connection_waiter& operator=(const connection_waiter&) = delete;

 protected:
  ~connection_waiter() = default;

 private:
  friend class pool;
  /// Called once, unless the waiter was cancelled: with a connection, or with the reason why not.
  virtual void granted(result<std::unique_ptr<connection>> outcome) noexcept = 0;
};

/// The connections to one origin. Belongs to one executor.
///
/// A connection is handed out only after a look at it: data or an end of stream that arrived while it
/// was idle, or an age near the server's own time limit, close it. A request written to a dying connection
/// would leave in doubt whether it ran. The first connection to an origin is opened alone, so that a
/// burst of calls to an unreachable or slow origin makes one attempt and a TLS session is there to resume.
class pool : public std::enable_shared_from_this<pool> {
 public:
  using time_point = deadline_list::time_point;

  /// A connection that was in use so recently is not looked at before it is used again: an end of stream that
  /// the server sends after a response takes longer to arrive. Saves a system call between back-to-back
  /// calls.
  static constexpr auto too_fresh_to_look = std::chrono::microseconds(50);

  /// A burst of calls opens many connections: they go where the last one went, without a look-up each.
  static constexpr auto address_lifetime = std::chrono::seconds(30);

  pool(asio::any_io_executor executor, url origin, pool_options options,
       std::shared_ptr<deadline_list> deadlines, std::shared_ptr<net::buffer_pool> buffers)
      : executor_(std::move(executor)),
        origin_(std::move(origin)),
        options_(std::move(options)),
        deadlines_(std::move(deadlines)),
        buffers_(std::move(buffers)) {}

  deadline_list& deadlines() const noexcept { return *deadlines_; }
  net::buffer_pool& buffers() const noexcept { return *buffers_; }
  const limits& caps() const noexcept { return options_.caps; }

  /// A connection, or null: then `granted()` is called, now or later.
  std::unique_ptr<connection> acquire(connection_waiter& waiter) {
    if (waiters_.empty()) {
      if (auto idle = take_idle()) return idle;
    }
    if (closed_) {
      waiter.granted(errc::client_closed);
    } else {
      waiters_.push_back(&waiter);
      connect_as_needed();
    }
    return nullptr;
  }

  /// The waiter no longer wants a connection. One that is being opened for it will serve another call.
  void cancel(connection_waiter& waiter) noexcept { std::erase(waiters_, &waiter); }

  /// Takes back a connection that may serve again.
  void release(std::unique_ptr<connection> idle) noexcept {
    if (closed_ || !give_buffer(*idle)) return drop(std::move(idle));
    if (!waiters_.empty() && !idle->awaiting_tail) return grant(std::move(idle));
    idle->idle_since = deadlines_->now();
    idle->idle_for = trusted_for(*idle);
    idle_.push_back(std::move(idle));
  }

  /// Takes back a connection that is of no more use.
  void drop(std::unique_ptr<connection> dead) noexcept {
    dead.reset();
    --open_;
    if (!closed_) connect_for_waiters();
  }

  /// Closes idle connections, ends attempts to connect and refuses waiters. Busy connections close when
  /// they are given back.
  void close() noexcept {
    closed_ = true;
    open_ -= idle_.size();
    idle_.clear();
    fail_waiters(errc::client_closed);
    try {
      for (const auto& stop : attempts_) stop->emit(asio::cancellation_type::terminal);
    } catch (const std::bad_alloc&) {  // then they end with their deadline
    }
  }

  /// Connections open now, busy and idle.
  std::size_t size() const noexcept { return open_; }

 private:
  struct starting_scope {
    explicit starting_scope(bool& flag) noexcept : starting(flag) { starting = true; }
    starting_scope(const starting_scope&) = delete;
    starting_scope& operator=(const starting_scope&) = delete;
    ~starting_scope() { starting = false; }
    bool& starting;
  };

  std::unique_ptr<connection> take_idle() {
    const time_point now = deadlines_->now();
    while (!idle_.empty()) {
      auto last = std::move(idle_.back());
      idle_.pop_back();
      --open_;
      if (is_usable(*last, now - last->idle_since)) return ++open_, std::move(last);
    }
    return nullptr;
  }

  static bool is_usable(connection& idle, deadline_list::duration age) {
    if (age >= idle.idle_for) return false;
    // Nothing can be seen yet, on a connection that the server is known to keep open.
    if (age < too_fresh_to_look && idle.served > 1 && !idle.awaiting_tail) return true;
    return idle.check_idle() != connection::idle_state::dead;
  }

  // Up to a second less than the server says, since its clock started earlier.
  deadline_list::duration trusted_for(const connection& idle) const noexcept {
    const auto announced = idle.parser.head().keep_alive_timeout();
    if (!announced) return options_.idle_timeout;
    const std::chrono::milliseconds said(1000 * std::min<std::uint64_t>(*announced, 3600));
    return std::min(options_.idle_timeout, said - std::min(said / 2, std::chrono::milliseconds(1000)));
  }

  // Whether there was memory for one.
  bool give_buffer(connection& to) noexcept try {
    if (!to.in) to.in = buffers_->acquire();
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  void grant(result<std::unique_ptr<connection>> outcome) noexcept {
    connection_waiter* const first = waiters_.front();
    waiters_.erase(waiters_.begin());
    first->granted(std::move(outcome));
  }

  void fail_waiters(const failure& why) noexcept {
    for (connection_waiter* waiter : std::exchange(waiters_, {})) waiter->granted(why);
  }

  void connect_as_needed() {
    if (starting_) return;  // an attempt has ended at once: the loop below goes on
    const starting_scope scope(starting_);
    while (attempts_.size() < attempts_wanted() && open_ + attempts_.size() < options_.max_connections)
      start_attempt();
  }

  std::size_t attempts_wanted() const noexcept {
    return proven_ ? waiters_.size() : std::min<std::size_t>(waiters_.size(), 1);
  }

  // The same where there is nobody whom an exception would reach.
  void connect_for_waiters() noexcept try { connect_as_needed(); } catch (...) {
    if (attempts_.empty()) fail_waiters(errc::connect_failed);
  }

  void start_attempt() {
    net::connect_request request;
    request.host = origin_.host();
    request.port = origin_.port();
    request.tls = options_.tls;
    request.policy = options_.policy;
    if (deadlines_->now() < address_fresh_until_) request.addresses = address_;
    const bool from_memory = !request.addresses.empty();
    request.deadlines = deadlines_;
    request.deadline = deadlines_->now() + options_.connect_timeout;
    auto stop = std::make_shared<asio::cancellation_signal>();
    attempts_.push_back(stop);
    try {
      // The completion handler owns the signal: it must outlive the coroutine that listens to it.
      asio::co_spawn(executor_, attempt(shared_from_this(), stop, std::move(request), from_memory),
                     asio::bind_cancellation_slot(stop->slot(), [stop](const std::exception_ptr&) {}));
    } catch (...) {
      std::erase(attempts_, stop);
      throw;
    }
  }

  // Tells the outcome itself: a completion handler is lost where memory is too short to call it.
  static asio::awaitable<void> attempt(std::shared_ptr<pool> self,
                                       std::shared_ptr<asio::cancellation_signal> stop,
                                       net::connect_request request, bool from_memory) {
    result<std::unique_ptr<connection>> outcome = errc::connect_failed;
    try {
      auto connected = co_await net::connect(std::move(request));
      outcome = self->keep(std::move(connected));
    } catch (...) {  // out of memory
    }
    std::erase(self->attempts_, stop);
    self->attempt_ended(std::move(outcome), from_memory);
  }

  result<std::unique_ptr<connection>> keep(result<net::stream> connected) {
    if (!connected) return std::move(connected).error();
    address_ = {connected->peer()};
    address_fresh_until_ = deadlines_->now() + address_lifetime;
    if (idle_.capacity() <= open_) idle_.reserve(2 * open_ + 1);  // so that to be idle needs no memory
    return std::make_unique<connection>(std::move(*connected), buffers_->acquire(), options_.caps);
  }

  void attempt_ended(result<std::unique_ptr<connection>> outcome, bool from_memory) noexcept {
    if (closed_) return;
    // The time limit of an attempt is none of the call's that waits for it.
    if (!outcome && outcome.error().code() == errc::deadline_exceeded) outcome = errc::connect_failed;
    if (outcome) {
      proven_ = true;
      ++open_;
      release(std::move(*outcome));
    } else if (from_memory) {
      address_fresh_until_ = {};  // the host may have moved: look it up again
    } else if (!proven_) {
      fail_waiters(outcome.error());
    } else if (attempts_.size() < waiters_.size()) {
      grant(std::move(outcome).error());
    }
    connect_for_waiters();
  }

  asio::any_io_executor executor_;
  url origin_;
  pool_options options_;
  std::shared_ptr<deadline_list> deadlines_;
  std::shared_ptr<net::buffer_pool> buffers_;
  std::vector<std::unique_ptr<connection>> idle_;
  std::vector<connection_waiter*> waiters_;
  std::vector<std::shared_ptr<asio::cancellation_signal>> attempts_;
  std::vector<net::endpoint> address_;  // that the last connection was made to
  time_point address_fresh_until_{};
  std::size_t open_ = 0;
  bool proven_ = false;  // a connection has succeeded: further ones may be opened side by side
  bool closed_ = false;
  bool starting_ = false;
};

}  // namespace mcp::inline v0::http
