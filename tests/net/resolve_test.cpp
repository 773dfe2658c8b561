// SPDX-License-Identifier: MIT
#include <mcp/net/resolve.hpp>

#include <asio/io_context.hpp>
#include <asio/ip/address.hpp>
#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <support/interposed_socketpair.hpp>
#include <support/started.hpp>
#include <support/virtual_time.hpp>
#include <thread>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <netdb.h>

using namespace std::chrono_literals;

namespace {

std::atomic<int> look_ups = 0;
std::shared_future<void> may_go_on;  // set while no look-up runs

int real_getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** list) {
  static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(name, service, hints, list);
}

}  // namespace

// Stands before the one of the C library, for the whole program: names under `.test` (RFC 6761 §6.2) have
// a meaning here.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** list) {
  const auto gate = may_go_on;
  ++look_ups;
  const std::string_view asked = name;
  if (asked == "unknown.test" || asked == "notlocalhost" || asked == "localhost.test") return EAI_NONAME;
  if (asked == "broken.test") {
    errno = EACCES;
    return EAI_SYSTEM;
  }
  if (asked == "hangs.test") {
    gate.wait();
    return EAI_AGAIN;
  }
  if (asked != "mixed.test") return real_getaddrinfo(name, service, hints, list);
  for (const char* each : {"192.0.2.2", "192.0.2.1", "2001:db8::2", "2001:db8::1"}) {
    addrinfo* one = nullptr;
    if (const int code = real_getaddrinfo(each, service, hints, &one); code != 0) return code;
    one->ai_next = *list;
    *list = one;
  }
  return 0;
}

namespace {

struct bench {
  asio::io_context context;
  std::shared_ptr<test::virtual_time> time = std::make_shared<test::virtual_time>();
  std::shared_ptr<mcp::deadline_list> deadlines = std::make_shared<mcp::deadline_list>(time);

  auto start(std::string host) {
    return test::start(context, mcp::net::resolve(context.get_executor(), *deadlines, time->now() + 200ms,
                                                  std::move(host), 80));
  }
};

std::vector<std::string> texts(const std::vector<mcp::net::endpoint>& endpoints) {
  std::vector<std::string> made;
  for (const auto& each : endpoints) made.push_back(mcp::net::to_text(each));
  return made;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("addresses and localhost need no look-up") {
  struct row {
    const char* host;
    list expected;
  };
  const row rows[] = {
      {"192.0.2.1", {"192.0.2.1:80"}},
      {"2001:db8::1", {"[2001:db8::1]:80"}},
      {"localhost", {"[::1]:80", "127.0.0.1:80"}},
      {"LocalHost.", {"[::1]:80", "127.0.0.1:80"}},
      {"mcp.localhost", {"[::1]:80", "127.0.0.1:80"}},
  };
  const int before = look_ups;
  for (const row& each : rows) {
    CAPTURE(each.host);
    bench b;
    auto found = b.start(each.host);
    b.context.poll();
    REQUIRE(found.done());
    CHECK(texts(*found.wait()) == each.expected);
  }
  CHECK(look_ups == before);
}

TEST_CASE("names are looked up, and address families alternate") {
  bench b;
  CHECK(texts(*b.start("mixed.test").wait()) ==
        list{"[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "192.0.2.2:80"});
  CHECK(texts(*b.start("127.1").wait()) == list{"127.0.0.1:80"});
}

TEST_CASE("a failed look-up says why") {
  struct row {
    const char* host;
    std::string message;
  };
  const row rows[] = {
      {"unknown.test", std::string("unknown.test: ") + ::gai_strerror(EAI_NONAME)},
      {"broken.test", "broken.test: Permission denied"},
      {"notlocalhost", std::string("notlocalhost: ") + ::gai_strerror(EAI_NONAME)},
      {"localhost.test", std::string("localhost.test: ") + ::gai_strerror(EAI_NONAME)},
  };
  for (const row& each : rows) {
    CAPTURE(each.host);
    bench b;
    auto found = b.start(each.host);
    const auto& why = found.wait().error();
    CHECK(why.code() == mcp::errc::resolve_failed);
    CHECK(why.message() == each.message);
  }
}

TEST_CASE("a look-up for which the system has nothing left says so") {
  bench b;
  test::socketpair_error = EMFILE;
  auto found = b.start("mixed.test");
  CHECK(found.wait().error().code() == mcp::errc::resolve_failed);
  CHECK(found.wait().error().message() == "mixed.test: Too many open files");
  test::socketpair_error = 0;
}

TEST_CASE("a look-up that hangs delays nobody") {
  std::promise<void> go_on;
  may_go_on = go_on.get_future().share();
  const int before = look_ups;
  const auto hanging = [before](bench& b) {
    auto found = b.start("hangs.test");
    b.context.poll();
    while (look_ups == before) std::this_thread::yield();
    CHECK_FALSE(found.done());
    return found;
  };

  SECTION("beyond its deadline") {
    bench b;
    auto found = hanging(b);
    b.time->advance(199ms);
    b.context.poll();
    CHECK_FALSE(found.done());
    b.time->advance(1ms);
    CHECK(found.wait().error().code() == mcp::errc::deadline_exceeded);
  }
  SECTION("that cancels it") {
    bench b;
    auto found = hanging(b);
    found.cancel();
    CHECK(found.wait().error().code() == mcp::errc::cancelled);
  }
  SECTION("that destroys the context") {
    bench b;
    hanging(b);
  }
  go_on.set_value();
}
