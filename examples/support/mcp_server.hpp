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
#include <asio/redirect_error.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace example {

/// An MCP server on the loopback interface, on a thread of its own, for the demo and the examples. Its tools
/// are those of tools.hpp. It serves from its construction on, and can be killed and started again.
class mcp_server {
 public:
  explicit mcp_server(const server_options& options = {}) : protocol_(options), port_(options.port) {
    if (options.tls) {
      const certificate_authority authority;
      const identity own = authority.issue("DNS:localhost,IP:127.0.0.1");
      ca_pem_ = authority.pem();
      tls_.emplace(asio::ssl::context::tls_server);
      tls_->use_certificate(asio::buffer(own.certificate), asio::ssl::context::pem);
      tls_->use_private_key(asio::buffer(own.key), asio::ssl::context::pem);
    }
    start();
  }

  /// `http://127.0.0.1:<port>/mcp`, or https.
  std::string url() const {
    return std::string(tls_ ? "https" : "http") + "://127.0.0.1:" + std::to_string(port_) + "/mcp";
  }
  /// Whom to trust, with TLS.
  const std::string& ca_pem() const noexcept { return ca_pem_; }

  server_counts counts() const { return protocol_.counts(); }
  /// Forgets all sessions.
  void drop_sessions() { protocol_.drop_sessions(); }
  /// What becomes of the next tool call.
  void cut_next_call(cut where) { protocol_.cut_next_call(where); }

  /// As if its process were killed: its port is closed, so are its connections, answered or not, and what
  /// runs ends where it is. Only sessions are kept, until they are dropped.
  void kill() { process_.reset(); }
  /// Serves again, at the same port.
  void start() {
    process_ = std::make_unique<process>(protocol_, tls_ ? &*tls_ : nullptr, port_);
    port_ = process_->port();
  }

 private:
  /// The events of one answer. They come while it is being sent, and stay until all of it is.
  struct event_stream {
    explicit event_stream(const asio::io_context::executor_type& executor)
        : grown(executor, asio::steady_timer::time_point::max()) {}

    void add(std::string event) {
      events.push_back(std::move(event));
      grown.cancel();
    }

    std::vector<std::string> events;
    bool complete = false;
    asio::steady_timer grown;
  };

  /// What dies when the server is killed.
  class process {
   public:
    process(mcp_protocol& protocol, asio::ssl::context* tls, std::uint16_t port)
        : protocol_(protocol), tls_(tls), acceptor_(context_, {asio::ip::address_v4::loopback(), port}) {
      asio::co_spawn(context_, accept(), asio::detached);
      thread_ = std::thread([this] { context_.run(); });
    }
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    ~process() {
      context_.stop();
      thread_.join();
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

   private:
    asio::awaitable<void> accept() {
      for (;;) {
        std::error_code ec;
        asio::ip::tcp::socket socket =
            co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, ec));
        if (ec) co_return;
        protocol_.count_connection();
        socket.set_option(asio::ip::tcp::no_delay(true), ec);
        if (tls_ != nullptr) {
          asio::ssl::stream<asio::ip::tcp::socket> stream(std::move(socket), *tls_);
          asio::co_spawn(context_, serve(std::move(stream)), asio::detached);
        } else {
          asio::co_spawn(context_, serve(std::move(socket)), asio::detached);
        }
      }
    }

    template <class Stream>
    asio::awaitable<void> serve(Stream stream) {
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
        const reply answer = protocol_.answer(request);
        if (answer.breaks == cut::before_run || answer.breaks == cut::after_run) break;
        open = co_await send(stream, answer);
        if (request.field("connection") == "close") break;
      }
    }

    template <class Stream>
    asio::awaitable<bool> send(Stream& stream, const reply& answer) {
      const bool has_message = answer.status == 200 && !answer.message.empty();
      const bool streams = protocol_.options().sse_answers || !answer.progress_token.empty() ||
                           answer.breaks == cut::in_stream;
      if (!answer.resume_after.empty()) co_return co_await resume(stream, answer);
      if (has_message && streams) co_return co_await send_events(stream, answer);
      for (std::int64_t step = 0; step < answer.waits; ++step) co_await wait(answer);
      std::string fields = protocol_.options().extra_fields + answer.fields;
      if (!answer.message.empty()) fields.append("Content-Type: application/json\r\n");
      fields.append("Content-Length: ").append(std::to_string(answer.message.size())).append("\r\n");
      const std::string out = response_head(answer.status, fields).append(answer.message);
      std::error_code ec;
      co_await asio::async_write(stream, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
      co_return !ec;
    }

    asio::awaitable<void> wait(const reply& answer) {
      asio::steady_timer timer(context_, answer.wait);
      co_await timer.async_wait(asio::use_awaitable);
    }

    template <class Stream>
    asio::awaitable<bool> send_events(Stream& stream, const reply& answer) {
      auto events = std::make_shared<event_stream>(context_.get_executor());
      if (!answer.stream_id.empty()) streams_[answer.stream_id] = events;
      asio::co_spawn(context_, run(answer, events), asio::detached);
      const auto half = static_cast<std::size_t>(answer.waits / 2) + (answer.primed ? 1 : 0);
      const std::size_t end =
          answer.breaks == cut::in_stream ? half : std::numeric_limits<std::size_t>::max();
      const bool all = co_await deliver(stream, answer, events, 0, end);
      if (all) streams_.erase(answer.stream_id);
      co_return all;
    }

    /// Takes up a stream behind the event that the client has seen last.
    template <class Stream>
    asio::awaitable<bool> resume(Stream& stream, const reply& answer) {
      const std::size_t dash = answer.resume_after.rfind('-');
      const std::string id = answer.resume_after.substr(0, dash);
      const auto number = mcp::ascii::parse_decimal(
          dash == std::string::npos ? std::string_view()
                                    : std::string_view(answer.resume_after).substr(dash + 1));
      const auto found = streams_.find(id);
      if (found == streams_.end() || !number || *number >= found->second->events.size()) {
        const reply refusal = mcp_protocol::unknown_event();
        co_return co_await send(stream, refusal);
      }
      const auto events = found->second;
      const std::size_t next = *number + 1;
      const std::size_t end = std::numeric_limits<std::size_t>::max();
      const bool all = co_await deliver(stream, answer, events, next, end);
      if (all) streams_.erase(id);
      co_return all;
    }

    /// The tool's run: it goes on also while nobody is there to hear of it.
    asio::awaitable<void> run(reply answer, std::shared_ptr<event_stream> events) {
      const auto add = [&](const std::string& message) {
        const std::string number = "-" + std::to_string(events->events.size());
        events->add(event(message, answer.stream_id.empty() ? std::string() : answer.stream_id + number));
      };
      if (answer.primed) add({});
      for (std::int64_t step = 1; step <= answer.waits; ++step) {
        co_await wait(answer);
        if (answer.progress_token.empty()) continue;
        add(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
            answer.progress_token + R"(,"progress":)" + std::to_string(step) + R"(,"total":)" +
            std::to_string(answer.waits) + "}}");
      }
      events->complete = true;
      add(answer.message);
    }

    /// Sends the events from `next` on as they come; false where the client goes, or `end` is reached.
    template <class Stream>
    asio::awaitable<bool> deliver(Stream& stream, const reply& answer, std::shared_ptr<event_stream> events,
                                  std::size_t next, std::size_t end) {
      std::error_code ec;
      std::string fields = protocol_.options().extra_fields + answer.fields;
      fields.append(
          "Content-Type: text/event-stream\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n");
      std::string out = response_head(200, fields);
      for (;;) {
        while (next < events->events.size() && next < end) out.append(chunk(events->events[next++]));
        const bool all = events->complete && next == events->events.size();
        if (all) out.append(chunk({}));
        co_await asio::async_write(stream, asio::buffer(out), asio::redirect_error(asio::use_awaitable, ec));
        if (ec || all || next == end) co_return all && !ec;
        out.clear();
        if (next == events->events.size())
          co_await events->grown.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      }
    }

    // What runs in the context refers to all of it, and the streams' timers to the context: it goes last.
    mcp_protocol& protocol_;
    asio::ssl::context* const tls_;
    asio::io_context context_{1};
    std::map<std::string, std::shared_ptr<event_stream>, std::less<>> streams_;  // that can be taken up
    asio::ip::tcp::acceptor acceptor_;
    std::thread thread_;
  };

  mcp_protocol protocol_;
  std::uint16_t port_;
  std::string ca_pem_;
  std::optional<asio::ssl::context> tls_;
  std::unique_ptr<process> process_;
};

}  // namespace example
