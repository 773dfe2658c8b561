// SPDX-License-Identifier: MIT
#pragma once

#include "examples/support/certificate.hpp"
#include "examples/support/http.hpp"
#include "examples/support/mcp_protocol.hpp"

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

namespace example {

/// An MCP server on the loopback interface, for the demo, the examples and the tests. It serves from its
/// construction until `stop()`. Its tools are those of tools.hpp.
class mcp_server {
 public:
  /// Runs on a thread of its own.
  explicit mcp_server(server_options options = {})
      : own_context_(std::in_place, 1), server_(std::make_shared<server>(*own_context_, std::move(options))) {
    server_->start();
    own_thread_ = std::thread([this] { own_context_->run(); });
  }

  /// Runs on the caller's context, which must be single-threaded; `stop()` and the destructor belong to its
  /// thread.
  mcp_server(asio::io_context& context, server_options options)
      : server_(std::make_shared<server>(context, std::move(options))) {
    server_->start();
  }

  mcp_server(const mcp_server&) = delete;
  mcp_server& operator=(const mcp_server&) = delete;
  ~mcp_server() { stop(); }

  /// `http://127.0.0.1:<port>/mcp`, or https.
  std::string url() const {
    return std::string(server_->tls ? "https" : "http") + "://127.0.0.1:" + std::to_string(server_->port) +
           "/mcp";
  }
  /// Whom to trust, with TLS.
  const std::string& ca_pem() const noexcept { return server_->ca_pem; }

  server_counts counts() const { return server_->protocol.counts(); }
  /// Forgets all sessions, as a restarted server would.
  void drop_sessions() { server_->protocol.drop_sessions(); }
  /// Closes all connections, answered or not.
  void drop_connections() {
    asio::post(server_->executor, [server = server_] { server->drop_connections(); });
  }

  /// Closes everything. It cannot be started again.
  void stop() {
    if (own_thread_.joinable()) {
      own_context_->stop();
      own_thread_.join();
    }
    std::error_code ignored;
    server_->acceptor.close(ignored);
    server_->drop_connections();
  }

 private:
  // What a connection's coroutine may be waiting for.
  struct connection {
    asio::ip::tcp::socket::lowest_layer_type& socket;
    asio::steady_timer timer;

    void close() {
      std::error_code ignored;
      socket.close(ignored);
      timer.cancel();
    }
  };

  struct server : std::enable_shared_from_this<server> {
    server(asio::io_context& context, server_options options)
        : executor(context.get_executor()),
          acceptor(context, {asio::ip::address_v4::loopback(), options.port}),
          port(acceptor.local_endpoint().port()),
          protocol(std::move(options)) {
      if (!protocol.options().tls) return;
      const certificate_authority authority;
      const identity own = authority.issue("DNS:localhost,IP:127.0.0.1");
      ca_pem = authority.pem();
      tls.emplace(asio::ssl::context::tls_server);
      tls->use_certificate(asio::buffer(own.certificate), asio::ssl::context::pem);
      tls->use_private_key(asio::buffer(own.key), asio::ssl::context::pem);
    }

    void start() { asio::co_spawn(executor, accept(shared_from_this()), asio::detached); }

    void drop_connections() {
      for (connection* each : connections) each->close();
    }

    const asio::io_context::executor_type executor;
    asio::ip::tcp::acceptor acceptor;
    const std::uint16_t port;
    mcp_protocol protocol;
    std::string ca_pem;
    std::optional<asio::ssl::context> tls;
    std::set<connection*> connections;
  };

  static asio::awaitable<void> accept(std::shared_ptr<server> self) {
    for (;;) {
      std::error_code ec;
      asio::ip::tcp::socket socket =
          co_await self->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return;
      self->protocol.count_connection();
      socket.set_option(asio::ip::tcp::no_delay(true), ec);
      if (self->tls) {
        asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(socket), *self->tls);
        asio::co_spawn(self->executor, serve(self, std::move(stream)), asio::detached);
      } else {
        asio::co_spawn(self->executor, serve(self, std::move(socket)), asio::detached);
      }
    }
  }

  template <class Stream>
  static asio::awaitable<void> serve(std::shared_ptr<server> self, Stream stream) {
    connection here{stream.lowest_layer(), asio::steady_timer(self->executor)};
    self->connections.insert(&here);
    const auto leave = [&self](connection* gone) { self->connections.erase(gone); };
    const std::unique_ptr<connection, decltype(leave)> guard(&here, leave);

    bool open = true;
    if constexpr (!std::is_same_v<Stream, asio::ip::tcp::socket>) {
      std::error_code ec;
      co_await stream.async_handshake(asio::ssl::stream_base::server,
                                      asio::redirect_error(asio::use_awaitable, ec));
      open = !ec;
    }
    std::string buffer;
    http_request request;
    while (open) {
      open = co_await read_request(stream, buffer, request);
      if (!open) break;
      const reply answer = self->protocol.answer(request);
      open = co_await send(self->protocol.options(), stream, here.timer, answer);
      if (request.field("connection") == "close") break;
    }
  }

  template <class Stream>
  static asio::awaitable<bool> send(const server_options& options, Stream& stream, asio::steady_timer& timer,
                                    const reply& answer) {
    std::error_code ec;
    std::string out = options.extra_fields + answer.fields;
    const bool streams = answer.status == 200 && !answer.message.empty() &&
                         (options.sse_answers || !answer.progress_token.empty());
    if (streams) {
      out.append(
          "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n");
    } else {
      if (!answer.message.empty()) out.append("Content-Type: application/json\r\n");
      out.append("Content-Length: ").append(std::to_string(answer.message.size())).append("\r\n");
    }
    out = response_head(answer.status, out);

    for (std::int64_t step = 1; step <= answer.waits; ++step) {
      timer.expires_after(answer.wait);
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return false;
      if (answer.progress_token.empty()) continue;
      out.append(
          chunk(event(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
                      answer.progress_token + R"(,"progress":)" + std::to_string(step) + R"(,"total":)" +
                      std::to_string(answer.waits) + "}}")));
      co_await asio::async_write(stream, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
      if (ec) co_return false;
      out.clear();
    }

    if (streams) {
      out.append(chunk(event(answer.message))).append(chunk({}));
    } else {
      out.append(answer.message);
    }
    co_await asio::async_write(stream, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
  }

  std::optional<asio::io_context> own_context_;
  std::shared_ptr<server> server_;
  std::thread own_thread_;
};

}  // namespace example
