// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/descriptor.hpp>
#include <mcp/async/event.hpp>
#include <mcp/base/result.hpp>
#include <mcp/net/address.hpp>
#include <mcp/net/happy_eyeballs.hpp>
#include <mcp/net/resolve.hpp>
#include <mcp/net/stream.hpp>
#include <mcp/net/tls_context.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/socket.h>

namespace mcp::inline v0::net {

/// Where to connect to, and how.
struct connect_request {
  std::string host{};  ///< a name, or an IP address without brackets; TLS expects the server to prove it
  std::uint16_t port = 0;
  std::shared_ptr<tls_context> tls{};  ///< null: plain TCP
  connect_policy policy{};
  std::shared_ptr<deadline_list> deadlines{};
  deadline_list::time_point deadline{};  ///< of everything: look-up, TCP and TLS
  std::vector<endpoint> addresses{};     ///< of `host`, in the order in which to try them; empty: look it up
};

namespace detail {

/// Opens a socket as `stream` wants it.
inline std::error_code open_socket(asio::ip::tcp::socket& socket, const endpoint& target) {
  const auto protocol = target.protocol();
  // Not by Asio, which would leave the descriptor to every child process that is started meanwhile.
  unique_descriptor opened(::socket(protocol.family(), protocol.type() | SOCK_CLOEXEC, protocol.protocol()));
  if (opened.get() < 0) return {errno, std::system_category()};
  std::error_code ec;
  socket.assign(protocol, opened.get(), ec);
  if (ec) return ec;
  opened.release();
  socket.non_blocking(true, ec);
  if (!ec) socket.set_option(asio::ip::tcp::no_delay(true), ec);
  return ec;
}

/// Attempts to connect to several addresses. Their handlers share it, since they may run after the
/// coroutine that waits for it.
class connect_race : public std::enable_shared_from_this<connect_race> {
 public:
  connect_race(const asio::any_io_executor& executor, const std::vector<endpoint>& addresses)
      : changed(executor), schedule_(addresses.size()) {
    for (const endpoint& address : addresses) attempts_.push_back({asio::ip::tcp::socket(executor), address});
  }

  event changed;  ///< notified when an attempt has ended

  /// Starts what is due; answers when to call again, unless an attempt ends before.
  deadline::time_point advance(deadline::time_point now) {
    while (const auto due = schedule_.start(now)) {
      attempt& started = attempts_[*due];
      if (const std::error_code ec = open_socket(started.socket, started.address)) {
        failed(started, ec);
        continue;
      }
      started.socket.async_connect(started.address, [self = shared_from_this(), &started](
                                                        std::error_code ec) { self->ended(started, ec); });
    }
    return schedule_.next_at();
  }

  bool over() const noexcept { return winner_.has_value() || schedule_.exhausted(); }

  /// Ends all attempts but one that has won.
  void close() noexcept {
    closed_ = true;
    for (attempt& each : attempts_) close(each.socket);
  }

  /// The same, and says what came of it. `why_not` stands for a race that is not over.
  result<stream> finish(const failure& why_not) {
    close();
    if (winner_) return std::move(*winner_);
    return over() ? why_failed() : why_not;
  }

 private:
  struct attempt {
    asio::ip::tcp::socket socket;
    endpoint address;
  };

  void ended(attempt& which, std::error_code ec) {
    if (closed_ || winner_) return;
    // Asked for, since it can be another one than was connected to: 0.0.0.0 is this host.
    const endpoint peer = ec ? endpoint() : which.socket.remote_endpoint(ec);
    if (ec) {
      failed(which, ec);
    } else {
      winner_.emplace(std::move(which.socket), peer);
    }
    changed.notify();
  }

  void failed(attempt& which, const std::error_code& ec) noexcept {
    schedule_.failed();
    close(which.socket);
    last_failed_ = &which;
    last_error_ = ec;
  }

  failure why_failed() const {
    return {errc::connect_failed, to_text(last_failed_->address) + ": " + last_error_.message()};
  }

  static void close(asio::ip::tcp::socket& socket) noexcept {
    std::error_code ignored;
    socket.close(ignored);
  }

  std::vector<attempt> attempts_;
  happy_eyeballs schedule_;
  std::optional<stream> winner_;
  const attempt* last_failed_ = nullptr;
  std::error_code last_error_;
  bool closed_ = false;
};

/// Ends a race, whose handlers would keep it alive.
class race_end {
 public:
  explicit race_end(connect_race& race) noexcept : race_(race) {}
  race_end(const race_end&) = delete;
  race_end& operator=(const race_end&) = delete;
  ~race_end() { race_.close(); }

 private:
  connect_race& race_;
};

inline bool is_cancelled(const asio::cancellation_state& state) noexcept {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace detail

/// Connects to the first of `addresses` that answers (RFC 8305 §5). Fails with `errc::connect_failed` and
/// the system's reason, `errc::deadline_exceeded` or `errc::cancelled`.
inline asio::awaitable<result<stream>> connect_tcp(std::vector<endpoint> addresses, deadline_list& deadlines,
                                                   deadline::time_point when) {
  const auto executor = co_await asio::this_coro::executor;
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  const auto race = std::make_shared<detail::connect_race>(executor, addresses);
  const detail::race_end end(*race);  // also by an exception
  const auto look = [&race] { race->changed.notify(); };
  std::error_code ignored;
  for (;;) {
    const auto now = deadlines.now();
    if (detail::is_cancelled(cancellation)) co_return race->finish(errc::cancelled);
    if (now >= when) co_return race->finish(errc::deadline_exceeded);
    const auto next = race->advance(now);
    if (race->over()) co_return race->finish(errc{});
    deadline_action alarm(deadlines, std::min(next, when), look);
    co_await race->changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

/// Starts TLS over `connected`, which must not move meanwhile, with the server `host`. Fails with
/// `errc::tls_certificate_invalid`, `errc::tls_failed`, `errc::connection_lost`, `errc::deadline_exceeded`
/// or `errc::cancelled`.
inline asio::awaitable<result<void>> start_tls(stream& connected, std::shared_ptr<tls_context> context,
                                               std::string host, std::uint16_t port, deadline_list& deadlines,
                                               deadline::time_point when) {
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (auto begun = connected.begin_tls(std::move(context), std::move(host), port); !begun) co_return begun;
  tls_engine& engine = *connected.tls();
  auto& socket = connected.socket();
  const auto give_up = [&connected] { connected.cancel(); };
  deadline_action limit(deadlines, when, give_up);
  std::error_code ec;
  for (;;) {
    const io_status status = engine.handshake();
    if (status == io_status::ok) co_return result<void>();
    if (status != io_status::would_block) co_return engine.why();
    if (engine.send_blocked()) {
      co_await socket.async_wait(asio::ip::tcp::socket::wait_write,
                                 asio::redirect_error(asio::use_awaitable, ec));
    } else {
      const std::span<char> space = engine.read_target();
      const asio::mutable_buffer target(space.data(), space.size());
      const std::size_t count =
          co_await socket.async_read_some(target, asio::redirect_error(asio::use_awaitable, ec));
      engine.arrived(count);
    }
    if (detail::is_cancelled(cancellation)) co_return errc::cancelled;
    if (limit.passed()) co_return errc::deadline_exceeded;
    if (ec) co_return failure(errc::tls_failed, "handshake: " + ec.message());
  }
}

/// Opens a connection: look-up, TCP and, where asked for, TLS.
///
/// Fails with the error of the step that failed, or with `errc::connect_blocked` when the policy refuses
/// every address. Terminal cancellation ends it at once with `errc::cancelled`. Sockets that are not needed
/// any more are closed before it returns.
inline asio::awaitable<result<stream>> connect(connect_request request) {
  const auto executor = co_await asio::this_coro::executor;
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  deadline_list& deadlines = *request.deadlines;

  if (request.addresses.empty()) {
    auto found = co_await resolve(executor, deadlines, request.deadline, request.host, request.port);
    if (!found) co_return std::move(found).error();
    if (detail::is_cancelled(cancellation)) co_return errc::cancelled;
    request.addresses = std::move(*found);
  }
  const auto refused = [&request](const endpoint& each) { return !request.policy.allows(each.address()); };
  const failure blocked(errc::connect_blocked, request.host + ": " + to_text(request.addresses.front()));
  std::erase_if(request.addresses, refused);
  if (request.addresses.empty()) co_return blocked;

  auto connected = co_await connect_tcp(std::move(request.addresses), deadlines, request.deadline);
  if (!connected) co_return connected;
  if (refused(connected->peer())) co_return blocked;
  if (detail::is_cancelled(cancellation)) co_return errc::cancelled;
  if (request.tls) {
    const auto secured =
        co_await start_tls(*connected, request.tls, request.host, request.port, deadlines, request.deadline);
    if (!secured) co_return secured.error();
  }
  co_return connected;
}

}  // namespace mcp::inline v0::net
