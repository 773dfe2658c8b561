// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/net/address.hpp>
#include <mcp/net/buffer.hpp>
#include <mcp/net/io_result.hpp>
#include <mcp/net/tls_context.hpp>
#include <mcp/net/tls_engine.hpp>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/tcp.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace mcp::inline v0::net {

/// A connected TCP socket, with TLS over it or without. Nothing here waits: the owner awaits its `socket()`,
/// which costs one coroutine for any protocol above.
///
///     for (io_result io; io = stream.try_write(rest), io.status == io_status::would_block;) {
///       rest = rest.subspan(io.bytes);
///       co_await stream.socket().async_wait(tcp::socket::wait_write, ...);
///     }
///     const auto target = stream.read_target(in);
///     const std::size_t count = co_await stream.socket().async_read_some(target, ...);
///     const io_result io = stream.received(count, ec, in);
class stream {
 public:
  /// None; to be assigned to.
  stream() noexcept = default;

  /// Over a connected, non-blocking socket.
  stream(asio::ip::tcp::socket socket, endpoint peer) noexcept
      : socket_(std::move(socket)), peer_(std::move(peer)) {}

  asio::ip::tcp::socket& socket() noexcept { return *socket_; }
  const endpoint& peer() const noexcept { return peer_; }

  /// Begins TLS with the server `host` (a name, or an IP address without brackets). Next comes the
  /// handshake of `tls()`; `net::start_tls()` does both.
  result<void> begin_tls(std::shared_ptr<tls_context> context, std::string host, std::uint16_t port) {
    auto engine = tls_engine::create(std::move(context), socket_->native_handle(), std::move(host), port);
    if (!engine) return std::move(engine).error();
    tls_ = std::move(*engine);
    return {};
  }

  /// Null over plain TCP.
  tls_engine* tls() noexcept { return tls_.get(); }

  /// Sends what the kernel takes. After `would_block` wait until the socket is writable, and call again
  /// with the bytes that are left; over TLS these and no others.
  io_result try_write(std::span<const char> bytes) {
    if (tls_) return tls_->write(bytes);
    const ssize_t sent = detail::send_now(socket_->native_handle(), bytes.data(), bytes.size());
    if (sent < 0) return {0, detail::is_would_block(errno) ? io_status::would_block : fail(errno)};
    const auto count = static_cast<std::size_t>(sent);
    return {count, count == bytes.size() ? io_status::ok : io_status::would_block};
  }

  /// Where the next read is to put what it receives. `in` must stay as it is until `received()`.
  asio::mutable_buffer read_target(receive_buffer& in) {
    const std::span<char> target = tls_ ? tls_->read_target() : in.prepare(least_space);
    return {target.data(), target.size()};
  }

  /// A read into `read_target(in)` has ended with `count` bytes and `ec`. Appends to `in` what they mean
  /// and says how much that is: nothing (`would_block`) when they are but part of a TLS record.
  io_result received(std::size_t count, const std::error_code& ec, receive_buffer& in) {
    if (ec) {
      if (ec != asio::error::eof) return {0, fail(ec.value())};
      return {0, tls_ ? tls_->ended() : io_status::end_of_stream};
    }
    if (!tls_) {
      in.commit(count);
      return {count, io_status::ok};
    }
    tls_->arrived(count);
    return tls_->read(in);
  }

  /// Reads what has arrived already. On an idle connection `would_block` says that it can be used: nothing
  /// has come, or TLS messages that are no data. No asynchronous read may be under way.
  io_result try_read(receive_buffer& in) {
    const auto target = read_target(in);
    const ssize_t count = detail::receive_now(socket_->native_handle(), target.data(), target.size());
    if (count > 0) return received(static_cast<std::size_t>(count), {}, in);
    if (count == 0) return received(0, asio::error::eof, in);
    if (!detail::is_would_block(errno)) return {0, fail(errno)};
    if (tls_ && tls_->has_unread()) return tls_->read(in);
    return {0, io_status::would_block};
  }

  /// Why the last operation answered `io_status::failed`.
  const failure& why() const noexcept { return tls_ && !broken_ ? tls_->why() : why_; }

  /// Ends asynchronous operations on the socket.
  void cancel() noexcept {
    std::error_code ignored;
    socket_->cancel(ignored);
  }

  /// Ends asynchronous operations and the connection, over TLS with close_notify.
  void close() noexcept {
    if (tls_) tls_->shut_down();
    std::error_code ignored;
    socket_->close(ignored);
  }

 private:
  // What is worth a system call.
  static constexpr std::size_t least_space = 4096;

  io_status fail(int system_error) {
    broken_ = true;
    why_ = failure(errc::connection_lost, std::system_category().message(system_error));
    return io_status::failed;
  }

  std::optional<asio::ip::tcp::socket> socket_;
  std::unique_ptr<tls_engine> tls_;
  endpoint peer_;
  failure why_;
  bool broken_ = false;
};

}  // namespace mcp::inline v0::net
