// SPDX-License-Identifier: MIT
#include <mcp/net/connect.hpp>

#include <asio/ip/address.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <support/listener.hpp>
#include <support/net_bench.hpp>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using mcp::net::address_class;
using mcp::net::connect_request;
using mcp::net::endpoint;

namespace {

endpoint loopback(std::uint16_t port) { return {asio::ip::address_v4::loopback(), port}; }

connect_request to(std::vector<endpoint> addresses) {
  connect_request request;
  request.host = "server.test";
  request.addresses = std::move(addresses);
  return request;
}

/// A port where nobody listens.
std::uint16_t closed_port() { return test::listener().port(); }

/// A port that answers no attempt to connect: the queue of its listener is full.
class unresponsive {
 public:
  unresponsive() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(listener_.port());
    for (int& each : fill_) {
      each = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      static_cast<void>(::connect(each, reinterpret_cast<const sockaddr*>(&address), sizeof address));
    }
  }
  unresponsive(const unresponsive&) = delete;
  unresponsive& operator=(const unresponsive&) = delete;
  ~unresponsive() {
    for (const int each : fill_) ::close(each);
  }

  std::uint16_t port() const { return listener_.port(); }

 private:
  test::listener listener_{AF_INET, 0};
  int fill_[4];
};

template <class T>
T option(int socket, int level, int name) {
  T value{};
  socklen_t size = sizeof value;
  REQUIRE(::getsockopt(socket, level, name, &value, &size) == 0);
  return value;
}

}  // namespace

TEST_CASE("a connection is non-blocking, without Nagle's delay, and closed in child processes") {
  test::net_bench b;
  test::listener server;
  auto stream = b.connected(server.port());
  const int socket = stream.socket().native_handle();
  CHECK(stream.peer() == loopback(server.port()));
  CHECK(stream.tls() == nullptr);
  CHECK((::fcntl(socket, F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(socket, F_GETFL) & O_NONBLOCK) != 0);
  CHECK(option<int>(socket, IPPROTO_TCP, TCP_NODELAY) != 0);
  mcp::net::receive_buffer in;
  CHECK(stream.try_read(in).status == mcp::net::io_status::would_block);
}

TEST_CASE("localhost reaches a server on either family") {
  test::net_bench b;
  for (const int family : {AF_INET, AF_INET6}) {
    test::listener server(family);
    if (!server.listening()) SKIP("this machine has no IPv6 loopback");
    auto stream = b.connected(server.port(), nullptr, "localhost");
    CHECK(stream.peer().address().is_v6() == (family == AF_INET6));
  }
}

TEST_CASE("when no address answers, the last one says why") {
  test::net_bench b;
  const auto first = closed_port();
  const auto last = closed_port();
  auto attempt = b.connect(to({loopback(first), loopback(last)}));
  const auto& why = attempt.wait().error();
  CHECK(why.code() == mcp::errc::connect_failed);
  CHECK(why.message() == "127.0.0.1:" + std::to_string(last) + ": Connection refused");
}

TEST_CASE("a name without an address fails as such") {
  test::net_bench b;
  connect_request request;
  request.host = "unknown.test";
  CHECK(b.connect(request).wait().error().code() == mcp::errc::resolve_failed);
}

TEST_CASE("an address that refuses makes way for the next one at once") {
  test::net_bench b;
  test::listener server;
  auto attempt = b.connect(to({loopback(closed_port()), loopback(closed_port()), loopback(server.port())}));
  CHECK(attempt.wait()->peer() == loopback(server.port()));  // time stands still
}

TEST_CASE("an address that hangs makes way for the next one after 250 ms") {
  test::net_bench b;
  unresponsive silent;
  test::listener server;
  const auto before = test::open_sockets();
  auto attempt = b.connect(to({loopback(silent.port()), loopback(server.port())}));
  b.context.poll();
  b.time->advance(249ms);
  b.context.poll();
  CHECK_FALSE(attempt.done());
  b.time->advance(1ms);
  CHECK(attempt.wait()->peer() == loopback(server.port()));
  CHECK(test::open_sockets() == before + 1);
}

TEST_CASE(
    "addresses that hang end with the deadline, a cancellation or the context, and leave nothing open") {
  unresponsive silent;
  const auto before = test::open_sockets();
  const auto hanging = [&](test::net_bench& b) {
    auto attempt = b.connect(to({loopback(silent.port()), loopback(silent.port())}));
    b.context.poll();
    b.time->advance(250ms);
    b.context.poll();
    CHECK_FALSE(attempt.done());
    return attempt;
  };

  SECTION("deadline") {
    test::net_bench b;
    const auto opened = test::open_sockets();
    auto attempt = hanging(b);
    CHECK(test::open_sockets() == opened + 2);
    b.time->advance(9749ms);
    b.context.poll();
    CHECK_FALSE(attempt.done());
    b.time->advance(1ms);
    CHECK(attempt.wait().error().code() == mcp::errc::deadline_exceeded);
    CHECK(test::open_sockets() == opened);
  }
  SECTION("cancellation") {
    test::net_bench b;
    const auto opened = test::open_sockets();
    auto attempt = hanging(b);
    attempt.cancel();
    CHECK(attempt.wait().error().code() == mcp::errc::cancelled);
    CHECK(test::open_sockets() == opened);
  }
  SECTION("cancellation, and then the context goes") {
    test::net_bench b;
    auto attempt = hanging(b);
    attempt.cancel();
  }
  SECTION("the context goes") {
    test::net_bench b;
    auto attempt = hanging(b);
  }
  CHECK(test::open_sockets() == before);
}

TEST_CASE("the policy is asked for every address, and for the peer's own") {
  test::listener server;
  struct row {
    const char* name;
    mcp::net::connect_policy policy;
    std::vector<const char*> addresses;
    mcp::errc expected;
  };
  const auto loopback_only = mcp::net::connect_policy::only({address_class::loopback});
  const auto never_loopback = mcp::net::connect_policy::only(
      {address_class::global, address_class::private_use, address_class::unspecified});
  const row rows[] = {
      {"allowed", loopback_only, {"127.0.0.1"}, {}},
      {"one of two is allowed", loopback_only, {"10.0.0.1", "127.0.0.1"}, {}},
      {"refused", mcp::net::connect_policy::public_only(), {"127.0.0.1"}, mcp::errc::connect_blocked},
      {"all refused",
       mcp::net::connect_policy::public_only(),
       {"127.0.0.1", "::1"},
       mcp::errc::connect_blocked},
      {"refused as an IPv6 address", never_loopback, {"::ffff:127.0.0.1"}, mcp::errc::connect_blocked},
      {"connected to another address", never_loopback, {"0.0.0.0"}, mcp::errc::connect_blocked},
  };
  for (const row& each : rows) {
    CAPTURE(each.name);
    test::net_bench b;
    std::vector<endpoint> addresses;
    for (const char* address : each.addresses)
      addresses.emplace_back(asio::ip::make_address(address), server.port());
    auto request = to(std::move(addresses));
    request.policy = each.policy;
    auto attempt = b.connect(std::move(request));
    const auto& outcome = attempt.wait();
    if (each.expected == mcp::errc{}) {
      CHECK(outcome.has_value());
    } else {
      CHECK(outcome.error().code() == each.expected);
      CHECK(outcome.error().message().starts_with("server.test: "));
    }
  }
}
