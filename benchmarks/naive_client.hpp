// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/coroutine_client.hpp"
#include "benchmarks/wire.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/completion_condition.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <strings.h>

namespace bench {

/// The second baseline: what a competent engineer writes first with Asio's coroutines and simdjson, kept
/// alive and without known waste, but without the care of a library: no limits, no deadlines, no era, no
/// session, no recovery.
template <class Stream>
class naive_client final : public coroutine_client {
 public:
  template <class... Tls>
  naive_client(const endpoint& server, const scenario& which, std::string_view target, Tls&... tls)
      : head_("POST " + std::string(target) +
              " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port(which)) +
              "\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
              "MCP-Protocol-Version: " +
              std::string(protocol_version) + "\r\nMcp-Session-Id: " + std::string(session_id) +
              "\r\nContent-Length: "),
        stream_(context_, tls...) {
    auto& socket = stream_.lowest_layer();
    socket.connect({asio::ip::address_v4::loopback(), server.port(which)});
    socket.set_option(asio::ip::tcp::no_delay(true));
    if constexpr (sizeof...(Tls) != 0) stream_.handshake(asio::ssl::stream_base::client);
  }

 private:
  struct response_head {
    bool chunked = false;
    bool event_stream = false;
    std::size_t content_length = 0;
  };

  asio::awaitable<void> block(std::size_t calls, stopwatch* watch) override {
    const std::string name(tool_name);
    const std::string arguments(tool_arguments);
    for (std::size_t i = 0; i != calls; ++i) {
      if (watch != nullptr) watch->start();
      const std::string text = co_await call_tool(name, arguments);
      require(text == tool_answer, "the naive client got another answer");
      if (watch != nullptr) watch->stop();
    }
  }

  asio::awaitable<std::string> call_tool(const std::string& name, const std::string& arguments) {
    const std::string body = R"({"jsonrpc":"2.0","id":)" + std::to_string(++id_) +
                             R"(,"method":"tools/call","params":{"name":")" + name + R"(","arguments":)" +
                             arguments + "}}";
    const std::string request = head_ + std::to_string(body.size()) + "\r\n\r\n" + body;
    co_await asio::async_write(stream_, asio::buffer(request), asio::use_awaitable);

    const std::size_t head_size = co_await asio::async_read_until(stream_, asio::dynamic_buffer(buffer_),
                                                                  "\r\n\r\n", asio::use_awaitable);
    const response_head head = parse_head(std::string_view(buffer_).substr(0, head_size));
    buffer_.erase(0, head_size);

    std::string content;
    if (head.chunked) {
      for (std::size_t size = 1; size != 0;) {
        const std::size_t line = co_await asio::async_read_until(stream_, asio::dynamic_buffer(buffer_),
                                                                 "\r\n", asio::use_awaitable);
        std::from_chars(buffer_.data(), buffer_.data() + line, size, 16);
        buffer_.erase(0, line);
        if (buffer_.size() < size + 2) {
          const std::size_t missing = size + 2 - buffer_.size();
          co_await asio::async_read(stream_, asio::dynamic_buffer(buffer_), asio::transfer_exactly(missing),
                                    asio::use_awaitable);
        }
        content.append(buffer_, 0, size);
        buffer_.erase(0, size + 2);
      }
    } else {
      if (buffer_.size() < head.content_length) {
        const std::size_t missing = head.content_length - buffer_.size();
        co_await asio::async_read(stream_, asio::dynamic_buffer(buffer_), asio::transfer_exactly(missing),
                                  asio::use_awaitable);
      }
      content = buffer_.substr(0, head.content_length);
      buffer_.erase(0, head.content_length);
    }
    co_return parse_message(head.event_stream ? event_data(content) : std::move(content));
  }

  static response_head parse_head(std::string_view text) {
    require(text.starts_with("HTTP/1.1 200"), "the naive client got another status");
    response_head head;
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find("\r\n"));
      text.remove_prefix(line.size() + 2);
      const std::size_t colon = line.find(": ");
      if (colon == line.npos) continue;
      const std::string_view name = line.substr(0, colon);
      const std::string_view value = line.substr(colon + 2);
      if (equals(name, "content-length")) {
        std::from_chars(value.data(), value.data() + value.size(), head.content_length);
      } else if (equals(name, "transfer-encoding")) {
        head.chunked = equals(value, "chunked");
      } else if (equals(name, "content-type")) {
        head.event_stream = value.starts_with("text/event-stream");
      }
    }
    return head;
  }

  static bool equals(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
  }

  static std::string event_data(std::string_view stream) {
    std::string data;
    while (!stream.empty()) {
      const std::string_view line = stream.substr(0, stream.find('\n'));
      stream.remove_prefix(std::min(stream.size(), line.size() + 1));
      if (line.starts_with("data: ")) data += line.substr(6);
    }
    return data;
  }

  std::string parse_message(std::string json) {
    json.reserve(json.size() + simdjson::SIMDJSON_PADDING);
    simdjson::ondemand::document message = parser_.iterate(json);
    require(message["id"].get_uint64() == id_, "the naive client got another id");
    const std::string_view text = message["result"]["content"].at(0)["text"].get_string();
    return std::string(text);
  }

  std::string head_;
  Stream stream_;
  std::string buffer_;
  simdjson::ondemand::parser parser_;
  std::uint64_t id_ = 0;
};

inline std::unique_ptr<client> make_naive_client(const endpoint& server, const scenario& which,
                                                 std::string_view target) {
  if (!which.tls) return std::make_unique<naive_client<asio::ip::tcp::socket>>(server, which, target);
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(server.ca_file);
  tls.set_verify_mode(asio::ssl::verify_peer);
  return std::make_unique<naive_client<asio::ssl::stream<asio::ip::tcp::socket>>>(server, which, target, tls);
}

}  // namespace bench
