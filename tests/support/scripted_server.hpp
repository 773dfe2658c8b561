// SPDX-License-Identifier: MIT
#pragma once

#include <asio/awaitable.hpp>
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
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace test {

/// One whole request from the front of `in`; empty if it is not whole yet.
inline std::string take_request(std::string& in) {
  const auto head_end = in.find("\r\n\r\n");
  if (head_end == std::string::npos) return {};
  std::size_t size = head_end + 4;
  constexpr std::string_view name = "Content-Length: ";
  const auto field = in.find(name);
  if (field < head_end) size += std::stoul(in.substr(field + name.size()));
  if (in.size() < size) return {};
  std::string request = in.substr(0, size);
  in.erase(0, size);
  return request;
}

/// The JSON-RPC id of a request; empty where it has none.
inline std::string id_of(const std::string& request) {
  constexpr std::string_view name = "\"id\":";
  const auto id = request.find(name);
  if (id == std::string::npos) return {};
  const auto begin = id + name.size();
  return request.substr(begin, request.find_first_of(",}", begin) - begin);
}

inline std::string with_id(std::string reply, const std::string& request) {
  constexpr std::string_view mark = "@ID@";
  const std::string value = id_of(request);
  if (value.empty()) return reply;
  // In place of the mark and the spaces behind it, and padded, so that Content-Length stays right.
  for (auto at = reply.find(mark); at != std::string::npos; at = reply.find(mark)) {
    const auto room = reply.find_first_not_of(' ', at + mark.size()) - at;
    if (value.size() > room) FAIL("no room for the id " << value << " in " << reply);
    reply.replace(at, room, std::string(room - value.size(), ' ') + value);
  }
  return reply;
}

/// One request that a scripted server waits for, and what it then does.
struct exchange_script {
  std::string expect;  ///< the request must contain this
  std::string reply;   ///< bytes to send; `@ID@` stands for the JSON-RPC id of the request
  enum class then_do { keep, close, stall } then = then_do::keep;
};

/// A server on loopback that plays a script, on the test's own context. Connections take requests from the
/// one script in order; a request that the script does not expect fails the test.
class scripted_server {
 public:
  explicit scripted_server(asio::io_context& context) : shared_(std::make_shared<shared>(context)) {
    asio::co_spawn(context, accept(shared_), asio::detached);
  }
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;
  ~scripted_server() { stop(); }

  void expect(std::string request, std::string reply,
              exchange_script::then_do then = exchange_script::then_do::keep) {
    shared_->script.push_back({std::move(request), std::move(reply), then});
  }

  /// Sends these bytes on the connection that was accepted last.
  void send_more(std::string_view bytes) {
    std::error_code ec;
    asio::write(*shared_->sockets.back(), asio::buffer(bytes), ec);
    CHECK_FALSE(ec);
  }

  std::string url() const {
    return "http://127.0.0.1:" + std::to_string(shared_->acceptor.local_endpoint().port()) + "/mcp";
  }
  std::size_t connections() const noexcept { return shared_->connections; }
  const std::vector<std::string>& requests() const noexcept { return shared_->requests; }
  bool played_out() const noexcept { return shared_->script.empty(); }

  void stop() {
    std::error_code ignored;
    shared_->acceptor.close(ignored);
    for (const auto& each : shared_->sockets) each->close(ignored);
  }

 private:
  using tcp = asio::ip::tcp;

  struct shared {
    explicit shared(asio::io_context& context)
        : acceptor(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
    tcp::acceptor acceptor;
    std::deque<exchange_script> script;
    std::vector<std::string> requests;
    std::vector<std::shared_ptr<tcp::socket>> sockets;
    std::size_t connections = 0;
  };

  static asio::awaitable<void> accept(std::shared_ptr<shared> self) {
    std::error_code ec;
    while (!ec) {
      auto socket = std::make_shared<tcp::socket>(self->acceptor.get_executor());
      co_await self->acceptor.async_accept(*socket, asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
      ++self->connections;
      self->sockets.push_back(socket);
      asio::co_spawn(self->acceptor.get_executor(), serve(self, socket), asio::detached);
    }
  }

  static asio::awaitable<void> serve(std::shared_ptr<shared> self, std::shared_ptr<tcp::socket> socket) {
    std::string in;
    std::error_code ec;
    for (;;) {
      std::string request = take_request(in);
      if (request.empty()) {
        const std::size_t had = in.size();
        in.resize(had + 4096);
        const auto space = asio::buffer(in.data() + had, 4096);
        const std::size_t count =
            co_await socket->async_read_some(space, asio::redirect_error(asio::use_awaitable, ec));
        in.resize(had + count);
        if (ec) co_return;
        continue;
      }
      self->requests.push_back(request);
      if (self->script.empty()) {
        FAIL_CHECK("the script expects no request: " << request);
        co_return;
      }
      const exchange_script step = std::move(self->script.front());
      self->script.pop_front();
      if (request.find(step.expect) == std::string::npos)
        FAIL_CHECK("the script expects " << step.expect << " in: " << request);
      const std::string reply = with_id(step.reply, request);
      co_await asio::async_write(*socket, asio::buffer(reply), asio::redirect_error(asio::use_awaitable, ec));
      if (step.then == exchange_script::then_do::close) socket->close(ec);
      if (step.then != exchange_script::then_do::keep) co_return;
    }
  }

  std::shared_ptr<shared> shared_;
};

/// A response with a JSON body.
inline std::string json_reply(std::string_view body, std::string_view status = "200 OK",
                              std::string_view fields = {}) {
  std::string roomy(body);  // for an id of 16 digits
  if (const auto mark = roomy.find("@ID@"); mark != std::string::npos) roomy.insert(mark + 4, 12, ' ');
  std::string out = "HTTP/1.1 ";
  out.append(status).append("\r\nContent-Type: application/json\r\nContent-Length: ");
  out.append(std::to_string(roomy.size())).append("\r\n").append(fields).append("\r\n").append(roomy);
  return out;
}

/// A JSON-RPC response to the request, with a tool's answer of one text.
inline std::string tool_reply(std::string_view text) {
  return json_reply(R"({"jsonrpc":"2.0","id":@ID@,"result":{"content":[{"type":"text","text":")" +
                    std::string(text) + R"("}]}})");
}

}  // namespace test
