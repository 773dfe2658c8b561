// SPDX-License-Identifier: MIT
#include "support/scripted_server.hpp"
#include <mcp/mcp.hpp>

#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using tcp = asio::ip::tcp;

namespace {

/// Answers calls of the tool "fast" at once, those of "slow" when told to, and to those of "stream" opens an
/// event stream that never ends. The answer is the text that was sent as `text`.
class gated_server {
 public:
  explicit gated_server(asio::io_context& context)
      : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        gate_(context.get_executor()) {
    asio::co_spawn(context, accept(), asio::detached);
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/mcp";
  }

  void open_gate() {
    open_ = true;
    gate_.notify();
  }

  std::size_t connections = 0;
  std::size_t held = 0;  ///< requests that were not answered yet

 private:
  asio::awaitable<void> accept() {
    std::error_code ec;
    while (!ec) {
      auto socket = std::make_shared<tcp::socket>(acceptor_.get_executor());
      co_await acceptor_.async_accept(*socket, asio::redirect_error(asio::use_awaitable, ec));
      ++connections;
      asio::co_spawn(acceptor_.get_executor(), serve(socket), asio::detached);
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<tcp::socket> socket) {
    std::string in;
    std::error_code ec;
    while (!ec) {
      const std::string request = test::take_request(in);
      if (request.empty()) {
        const std::size_t had = in.size();
        in.resize(had + 4096);
        const auto space = asio::buffer(in.data() + had, 4096);
        const std::size_t count =
            co_await socket->async_read_some(space, asio::redirect_error(asio::use_awaitable, ec));
        in.resize(had + count);
        continue;
      }
      const bool slow = request.find("Mcp-Name: slow") != std::string::npos;
      const bool stream = request.find("Mcp-Name: stream") != std::string::npos;
      held += slow || stream ? 1 : 0;
      while (slow && !open_) co_await gate_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      const std::string reply = stream
                                    ? "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: open\n\n"
                                    : test::with_id(test::tool_reply(text_of(request)), request);
      co_await asio::async_write(*socket, asio::buffer(reply), asio::redirect_error(asio::use_awaitable, ec));
    }
  }

  static std::string text_of(const std::string& request) {
    const std::string name = R"("text":")";
    const auto begin = request.find(name) + name.size();
    return request.substr(begin, request.find('"', begin) - begin);
  }

  tcp::acceptor acceptor_;
  mcp::event gate_;
  bool open_ = false;
};

/// Calls that were started, by outcome.
struct tally {
  std::vector<std::string> answers;
  std::vector<mcp::errc> failures;

  void start(mcp::client& client, const std::string& tool, const std::string& text) {
    client.call_tool(tool, R"({"text":")" + text + R"("})", {},
                     [this, text](const mcp::result<mcp::tool_result>& answer) {
                       if (!answer)
                         return failures.push_back(static_cast<mcp::errc>(answer.error().code().value()));
                       CHECK(answer->text() == text);
                       answers.push_back(text);
                     });
  }
};

mcp::client_options modern() {
  mcp::client_options options;
  options.protocol_version = "2026-07-28";
  return options;
}

}  // namespace

TEST_CASE("256 calls in flight: each gets its answer, and slow ones delay no fast one") {
  constexpr std::size_t half = 128;
  asio::io_context context;
  gated_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  tally slow;
  tally fast;
  for (std::size_t i = 0; i < half; ++i) {
    slow.start(client, "slow", "s" + std::to_string(i));
    fast.start(client, "fast", "f" + std::to_string(i));
  }
  while (fast.answers.size() < half || server.held < half) REQUIRE(context.run_one() == 1);
  CHECK(slow.answers.empty());
  server.open_gate();
  while (slow.answers.size() < half) REQUIRE(context.run_one() == 1);
  CHECK(fast.failures.empty());
  CHECK(slow.failures.empty());
  CHECK(server.connections <= 2 * half);
  // Later calls find a connection ready.
  const std::size_t before = server.connections;
  fast.start(client, "fast", "again");
  while (fast.answers.size() <= half) REQUIRE(context.run_one() == 1);
  CHECK(server.connections == before);
}

TEST_CASE("more calls than connections take turns") {
  asio::io_context context;
  gated_server server(context);
  auto options = modern();
  options.max_connections = 3;
  mcp::client client{context.get_executor(), server.url(), options};
  tally all;
  for (std::size_t i = 0; i < 50; ++i) all.start(client, "fast", std::to_string(i));
  while (all.answers.size() < 50) REQUIRE(context.run_one() == 1);
  CHECK(server.connections == 3);
}

TEST_CASE("closing ends every call at once") {
  asio::io_context context;
  gated_server server(context);
  auto options = modern();
  options.max_connections = 20;
  auto client = std::make_unique<mcp::client>(context.get_executor(), server.url(), options);
  tally all;
  for (int i = 0; i < 10; ++i) all.start(*client, "slow", "x");
  for (int i = 0; i < 10; ++i) all.start(*client, "stream", "x");
  for (int i = 0; i < 10; ++i) all.start(*client, "fast", "x");  // wait for a connection
  while (server.held < 20) REQUIRE(context.run_one() == 1);
  CHECK(all.answers.empty());
  SECTION("by close()") {
    client->close([](const mcp::result<void>& closed) { CHECK(closed); });
  }
  SECTION("by destruction") { client.reset(); }
  while (all.failures.size() < 30) REQUIRE(context.run_one() == 1);
  CHECK(all.failures == std::vector(30, mcp::errc::client_closed));
}

TEST_CASE("a context may go with calls under way") {
  tally all;
  {
    asio::io_context context;
    gated_server server(context);
    mcp::client client{context.get_executor(), server.url(), modern()};
    for (int i = 0; i < 10; ++i) all.start(client, "slow", "x");
    while (server.held < 5) REQUIRE(context.run_one() == 1);
  }  // calls under way, connections being opened, timers running: all just go
  CHECK(all.answers.empty());
  CHECK(all.failures.empty());
}
