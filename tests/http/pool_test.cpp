// SPDX-License-Identifier: MIT
#include "support/scripted_server.hpp"
#include "support/started.hpp"
#include "support/virtual_time.hpp"
#include <mcp/http/fetch.hpp>
#include <mcp/http/pool.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <dlfcn.h>
#include <netdb.h>

namespace http = mcp::http;
using mcp::errc;
using namespace std::chrono_literals;

namespace {

std::atomic<int> look_ups{0};

}  // namespace

// Stands before the C library's: knows one host, and counts.
extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found) {
  ++look_ups;
  using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(std::string_view(node) == "pool.test" ? "127.0.0.1" : node, service, hints, found);
}

namespace {

struct fixture {
  asio::io_context context;
  test::scripted_server server{context};
  std::shared_ptr<test::virtual_time> time = std::make_shared<test::virtual_time>();
  std::shared_ptr<mcp::deadline_list> deadlines = std::make_shared<mcp::deadline_list>(time);

  std::shared_ptr<http::pool> pool(const std::string& url, http::pool_options options = {}) {
    return std::make_shared<http::pool>(context.get_executor(), *mcp::url::parse(url), std::move(options),
                                        deadlines, mcp::net::buffer_pool::make());
  }

  std::string named_url() const {
    const std::string numeric = server.url();
    return "http://pool.test" + numeric.substr(numeric.rfind(':'));
  }

  test::started<mcp::result<http::fetch_response>> get(const std::shared_ptr<http::pool>& from) {
    return test::start(context, http::fetch(context.get_executor(), from, {.fields = "Host: x\r\n"},
                                            deadlines->now() + 60s));
  }
};

const std::string ok = "HTTP/1.1 200 OK\r\nX-Name: Value\r\nContent-Length: 2\r\n\r\nok";

}  // namespace

TEST_CASE_METHOD(fixture, "a whole response") {
  const auto from = pool(server.url());
  server.expect("GET / HTTP/1.1\r\nHost: x\r\n\r\n", ok);
  auto got = get(from).wait();
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->body == "ok");
  CHECK(got->fields ==
        std::vector<std::pair<std::string, std::string>>{{"x-name", "Value"}, {"content-length", "2"}});
}

TEST_CASE_METHOD(fixture, "a form") {
  const auto from = pool(server.url());
  http::fetch_request form{.method = "POST", .target = "/token", .fields = "Host: x\r\n", .body = "a=b"};
  server.expect("POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", ok);
  auto sent = test::start(context, http::fetch(context.get_executor(), from, form, deadlines->now() + 60s));
  CHECK(sent.wait());
}

TEST_CASE_METHOD(fixture, "a burst looks the host up once, and opens the first connection alone") {
  const auto from = pool(named_url());
  const int before = look_ups;
  std::vector<test::started<mcp::result<http::fetch_response>>> all;
  for (int i = 0; i < 20; ++i) {
    server.expect("GET", ok);
    all.push_back(get(from));
  }
  for (auto& each : all) CHECK(each.wait());
  CHECK(look_ups == before + 1);
  SECTION("and later once more, when the address has aged") {
    time->advance(31s);  // idle connections are no longer trusted either
    server.expect("GET", ok);
    CHECK(get(from).wait());
    CHECK(look_ups == before + 2);
  }
}

TEST_CASE_METHOD(fixture, "a host that has moved is looked up again") {
  http::pool_options options;
  options.idle_timeout = 1s;
  const auto from = pool(named_url(), options);
  server.expect("GET", ok);
  CHECK(get(from).wait());
  const int before = look_ups;
  server.stop();
  time->advance(2s);
  auto got = get(from).wait();
  REQUIRE_FALSE(got);
  CHECK(got.error().code() == errc::connect_failed);
  CHECK(look_ups == before + 1);
}

TEST_CASE_METHOD(fixture, "an origin that cannot be reached fails every call of a burst, after one attempt") {
  const auto from = pool(server.url());
  server.stop();
  std::vector<test::started<mcp::result<http::fetch_response>>> all;
  for (int i = 0; i < 20; ++i) all.push_back(get(from));
  for (auto& each : all) {
    auto& got = each.wait();
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == errc::connect_failed);
  }
}

TEST_CASE_METHOD(fixture, "a cancelled wait for a connection, and a cancelled exchange") {
  http::pool_options options;
  options.max_connections = 1;
  const auto from = pool(server.url(), options);
  server.expect("GET", "", test::exchange_script::then_do::stall);
  auto first = get(from);
  auto second = get(from);
  auto third = get(from);
  while (!server.played_out()) context.run_one();
  second.cancel();
  CHECK(second.wait().error().code() == errc::cancelled);
  first.cancel();  // its connection is closed, and the third call gets another
  CHECK(first.wait().error().code() == errc::cancelled);
  server.expect("GET", ok);
  CHECK(third.wait());
  CHECK(server.connections() == 2);
}

TEST_CASE_METHOD(fixture, "a closed pool refuses") {
  const auto from = pool(server.url());
  server.expect("GET", "", test::exchange_script::then_do::stall);
  auto running = get(from);
  while (!server.played_out()) context.run_one();
  from->close();
  CHECK(get(from).wait().error().code() == errc::client_closed);
  running.cancel();
  CHECK(running.wait().error().code() == errc::cancelled);
  CHECK(from->size() == 0);
}
