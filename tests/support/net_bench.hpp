// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/net/buffer.hpp>
#include <mcp/net/connect.hpp>
#include <mcp/net/stream.hpp>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <support/started.hpp>
#include <support/virtual_time.hpp>
#include <system_error>
#include <utility>

#include <sys/socket.h>

namespace test {

/// A context on which connections are opened, with time that stands still.
struct net_bench {
  asio::io_context context;
  std::shared_ptr<virtual_time> time = std::make_shared<virtual_time>();
  std::shared_ptr<mcp::deadline_list> deadlines = std::make_shared<mcp::deadline_list>(time);

  /// With ten seconds until its deadline.
  started<mcp::result<mcp::net::stream>> connect(mcp::net::connect_request request) {
    request.deadlines = deadlines;
    request.deadline = time->now() + std::chrono::seconds(10);
    return start(context, mcp::net::connect(std::move(request)));
  }

  /// A connection to a server of this test.
  mcp::net::stream connected(std::uint16_t port, std::shared_ptr<mcp::net::tls_context> tls = nullptr,
                             std::string host = "127.0.0.1") {
    mcp::net::connect_request request;
    request.host = std::move(host);
    request.port = port;
    request.tls = std::move(tls);
    auto attempt = connect(std::move(request));
    auto& outcome = attempt.wait();
    if (!outcome) FAIL(outcome.error().describe());
    return std::move(*outcome);
  }

  /// One awaited read, as a protocol does it.
  static asio::awaitable<mcp::net::io_result> reading(mcp::net::stream& from, mcp::net::receive_buffer& in) {
    std::error_code ec;
    const auto target = from.read_target(in);
    const std::size_t count =
        co_await from.socket().async_read_some(target, asio::redirect_error(asio::use_awaitable, ec));
    co_return from.received(count, ec, in);
  }

  /// Waits for bytes and takes them in.
  mcp::net::io_result read_some(mcp::net::stream& from, mcp::net::receive_buffer& in) {
    return start(context, reading(from, in)).wait();
  }

  /// Waits until there is something to read, or room to write.
  void readable(mcp::net::stream& stream) { ready(stream, asio::ip::tcp::socket::wait_read); }
  void writable(mcp::net::stream& stream) { ready(stream, asio::ip::tcp::socket::wait_write); }

  /// Reads until `in` holds `size` bytes or the stream ends.
  mcp::net::io_result read(mcp::net::stream& from, mcp::net::receive_buffer& in, std::size_t size) {
    for (;;) {
      const auto io = read_some(from, in);
      const bool going =
          io.status == mcp::net::io_status::ok || io.status == mcp::net::io_status::would_block;
      if (!going || in.size() >= size) return io;
    }
  }

  /// Writes all of it, waiting where it must.
  mcp::net::io_result write(mcp::net::stream& to, std::string_view bytes) {
    return start(context, writing(to, bytes)).wait();
  }

 private:
  void ready(mcp::net::stream& stream, asio::ip::tcp::socket::wait_type what) {
    bool done = false;
    stream.socket().async_wait(what, [&done](const std::error_code&) { done = true; });
    run_until(context, [&done] { return done; });
  }

  static asio::awaitable<mcp::net::io_result> writing(mcp::net::stream& to, std::string_view rest) {
    mcp::net::io_result total;
    std::error_code ec;
    for (;;) {
      const auto io = to.try_write(rest);
      total.bytes += io.bytes;
      total.status = io.status;
      if (io.status != mcp::net::io_status::would_block) co_return total;
      rest.remove_prefix(io.bytes);
      co_await to.socket().async_wait(asio::ip::tcp::socket::wait_write,
                                      asio::redirect_error(asio::use_awaitable, ec));
    }
  }
};

/// How many sockets to other hosts, or to this one, this process holds.
inline std::ptrdiff_t open_sockets() {
  return std::ranges::count_if(std::filesystem::directory_iterator("/proc/self/fd"), [](const auto& entry) {
    int domain = 0;
    socklen_t size = sizeof domain;
    const int descriptor = std::stoi(entry.path().filename().string());
    return ::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           (domain == AF_INET || domain == AF_INET6);
  });
}

}  // namespace test
