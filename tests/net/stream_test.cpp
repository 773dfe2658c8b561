// SPDX-License-Identifier: MIT
#include <mcp/net/stream.hpp>

#include <asio/error.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <support/listener.hpp>
#include <support/net_bench.hpp>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <unistd.h>

using mcp::net::io_status;
using mcp::net::receive_buffer;

namespace {

/// A stream, and the blocking socket at its other end.
struct bench : test::net_bench {
  test::listener server;
  mcp::net::stream stream = connected(server.port());
  int peer = server.accept();

  bench() = default;
  bench(const bench&) = delete;
  bench& operator=(const bench&) = delete;
  ~bench() { close_peer(); }

  void peer_sends(std::string_view text) const {
    REQUIRE(::send(peer, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }

  void close_peer() {
    if (peer >= 0) ::close(std::exchange(peer, -1));
  }

  void reset_by_peer() {
    const linger at_once{1, 0};
    ::setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close_peer();
  }
};

}  // namespace

TEST_CASE("bytes pass both ways, and the end is seen") {
  bench b;
  receive_buffer in;
  CHECK(b.write(b.stream, "request").bytes == 7);
  char seen[16];
  CHECK(std::string_view(seen, static_cast<std::size_t>(::recv(b.peer, seen, sizeof seen, 0))) == "request");
  b.peer_sends("answer");
  const auto io = b.read_some(b.stream, in);
  CHECK(io.status == io_status::ok);
  CHECK(io.bytes == 6);
  b.close_peer();
  CHECK(b.read_some(b.stream, in).status == io_status::end_of_stream);
  CHECK(b.stream.try_read(in).status == io_status::end_of_stream);
  CHECK(in.view() == "answer");
}

TEST_CASE("a full socket takes part of the bytes, and the rest later") {
  bench b;
  const std::string all(16'000'000, 'x');
  auto io = b.stream.try_write(all);
  CHECK(io.status == io_status::would_block);
  CHECK(io.bytes > 0);
  std::size_t sent = io.bytes;
  io = b.stream.try_write(std::string_view(all).substr(sent));
  CHECK(io.status == io_status::would_block);
  sent += io.bytes;
  std::size_t received = 0;
  std::string sink(64 * 1024, ' ');
  const auto peer_receives = [&] {
    const ssize_t count = ::recv(b.peer, sink.data(), sink.size(), 0);
    REQUIRE(count > 0);
    received += static_cast<std::size_t>(count);
  };
  while (io.status == io_status::would_block) {
    if (received < sent) peer_receives();
    if (received == sent) b.writable(b.stream);
    io = b.stream.try_write(std::string_view(all).substr(sent));
    sent += io.bytes;
  }
  CHECK(io.status == io_status::ok);
  while (received < all.size()) peer_receives();
  CHECK(received == all.size());
}

TEST_CASE("a connection that breaks says why") {
  bench b;
  receive_buffer in;
  b.reset_by_peer();
  SECTION("reading") { CHECK(b.read_some(b.stream, in).status == io_status::failed); }
  SECTION("trying to read") {
    b.readable(b.stream);
    CHECK(b.stream.try_read(in).status == io_status::failed);
  }
  SECTION("writing") {
    b.readable(b.stream);
    CHECK(b.stream.try_write("x").status == io_status::failed);
  }
  CHECK(b.stream.why().code() == mcp::errc::connection_lost);
  CHECK(b.stream.why().message() == "Connection reset by peer");
}

TEST_CASE("writing to a connection that the peer has left raises no signal") {
  bench b;
  b.close_peer();
  b.readable(b.stream);
  b.stream.try_write("x");  // answered by a reset
  receive_buffer in;
  while (b.stream.try_write("x").status == io_status::ok) continue;
  CHECK(b.stream.why().code() == mcp::errc::connection_lost);
}

TEST_CASE("an idle connection is usable while it is silent") {
  bench b;
  receive_buffer in;
  CHECK(b.stream.try_read(in).status == io_status::would_block);
  CHECK(in.size() == 0);
  SECTION("data") {
    b.peer_sends("HTTP/1.1 408 Request Timeout");
    b.readable(b.stream);
    CHECK(b.stream.try_read(in).status == io_status::ok);
    CHECK(in.view() == "HTTP/1.1 408 Request Timeout");
  }
  SECTION("the end") {
    b.close_peer();
    b.readable(b.stream);
    CHECK(b.stream.try_read(in).status == io_status::end_of_stream);
  }
}

// Asio's reactor is edge-triggered: what it has seen must not be lost between the two ways to read.
TEST_CASE("tries to read and awaited reads may alternate") {
  bench b;
  receive_buffer in;
  std::optional<test::started<mcp::net::io_result>> reading;
  const auto settle = [&] {
    b.context.restart();
    b.context.poll();
  };
  SECTION("tried, awaited, tried") {
    b.peer_sends("1");
    CHECK(b.stream.try_read(in).bytes == 1);
    b.peer_sends("2");
    CHECK(b.read_some(b.stream, in).bytes == 1);
    b.peer_sends("3");
    CHECK(b.stream.try_read(in).bytes == 1);
    CHECK(in.view() == "123");
  }
  SECTION("the reactor sees the bytes before anyone reads") {
    b.peer_sends("1");
    settle();
    CHECK(b.read_some(b.stream, in).bytes == 1);
    b.peer_sends("2");
    settle();
    CHECK(b.stream.try_read(in).bytes == 1);
    CHECK(b.stream.try_read(in).status == io_status::would_block);
    b.peer_sends("3");
    CHECK(b.read_some(b.stream, in).bytes == 1);
    CHECK(in.view() == "123");
  }
  SECTION("a try takes the bytes that the reactor has announced") {
    b.peer_sends("1");
    settle();
    CHECK(b.stream.try_read(in).bytes == 1);
    reading.emplace(test::start(b.context, b.reading(b.stream, in)));
    settle();
    CHECK_FALSE(reading->done());
    b.peer_sends("2");
    CHECK(reading->wait().bytes == 1);
    CHECK(in.view() == "12");
  }
  SECTION("a read leaves bytes behind, the next one finds them") {
    receive_buffer small(4096);
    b.peer_sends(std::string(6000, 'x'));
    CHECK(b.read_some(b.stream, small).bytes == 4096);
    CHECK(b.stream.try_read(small).bytes == 1904);
    b.peer_sends(std::string(20'000, 'y'));
    CHECK(b.stream.try_read(small).bytes > 0);
    while (small.size() < 26'000) CHECK(b.read_some(b.stream, small).bytes > 0);
  }
  SECTION("a try meets nothing while the end comes") {
    CHECK(b.stream.try_read(in).status == io_status::would_block);
    b.close_peer();
    settle();
    CHECK(b.read_some(b.stream, in).status == io_status::end_of_stream);
  }
}

TEST_CASE("a read is given room, and grows a buffer that has none") {
  bench b;
  receive_buffer in(4096);
  in.commit(4000);
  CHECK(b.stream.read_target(in).size() >= 4096);
  CHECK(in.size() == 4000);
}

TEST_CASE("cancel and close end an awaited read") {
  for (const bool close : {false, true}) {
    bench b;
    receive_buffer in;
    auto reading = test::start(b.context, b.reading(b.stream, in));
    b.context.restart();
    b.context.poll();
    CHECK_FALSE(reading.done());
    close ? b.stream.close() : b.stream.cancel();
    CHECK(reading.wait().status == io_status::failed);
    CHECK(b.stream.socket().is_open() != close);
    b.stream.close();
  }
}

TEST_CASE("a stream can be moved") {
  bench b;
  mcp::net::stream none;
  none = std::move(b.stream);
  receive_buffer in;
  b.peer_sends("after the move");
  CHECK(b.read_some(none, in).bytes == 14);
  CHECK(none.peer().port() == b.server.port());
}
