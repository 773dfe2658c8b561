// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/client.hpp"
#include "benchmarks/wire.hpp"

#include <openssl/ssl.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace bench {

/// A blocking TCP connection, with TLS or without.
class blocking_stream {
 public:
  blocking_stream(const endpoint& server, std::uint16_t port, bool tls) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "cannot connect");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (!tls) return;
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    require(SSL_CTX_load_verify_locations(context, server.ca_file.c_str(), nullptr) == 1, "no CA file");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    ssl_ = SSL_new(context);
    SSL_CTX_free(context);
    SSL_set_fd(ssl_, socket_);
    require(SSL_connect(ssl_) == 1, "TLS handshake failed");
  }
  blocking_stream(const blocking_stream&) = delete;
  blocking_stream& operator=(const blocking_stream&) = delete;
  ~blocking_stream() {
    SSL_free(ssl_);
    ::close(socket_);
  }

  void write(std::string_view bytes) {
    const auto sent = ssl_ != nullptr ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    require(sent == static_cast<ssize_t>(bytes.size()), "cannot write");
  }
  std::size_t read(char* to, std::size_t size) {
    const auto got =
        ssl_ != nullptr ? SSL_read(ssl_, to, static_cast<int>(size)) : ::recv(socket_, to, size, 0);
    require(got > 0, "cannot read");
    return static_cast<std::size_t>(got);
  }

 private:
  int socket_ = -1;
  SSL* ssl_ = nullptr;
};

/// What the server tells by GET.
inline std::string fetch(const endpoint& server, std::string_view target) {
  blocking_stream stream(server, server.plain_port, false);
  stream.write("GET " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  std::string answer(16384, '\0');
  answer.resize(stream.read(answer.data(), answer.size()));
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

/// The floor: a blocking socket that sends again the very bytes of the last tool call that reached the
/// server, with a new id of as many digits, and looks at no more of the answer than its end, its id and its
/// text. So let the client that is to be compared make some calls first.
class floor_client final : public client {
 public:
  floor_client(const endpoint& server, const scenario& which)
      : sse_(which.sse),
        request_(fetch(server, last_call_target)),
        stream_(server, server.port(which), which.tls) {
    constexpr std::string_view key = R"("id":)";
    const std::size_t at = request_.find(key);
    require(at != request_.npos, "no call to repeat");
    id_ = request_.data() + at + key.size();
    id_size_ = request_.find_first_of(",}", at) - at - key.size();
    for (std::size_t digit = 1; digit < id_size_; ++digit) smallest_id_ *= 10;
    next_id_ = smallest_id_;
  }

  void run(std::size_t calls, stopwatch* watch) override {
    for (std::size_t i = 0; i != calls; ++i) {
      if (watch != nullptr) watch->start();
      call();
      if (watch != nullptr) watch->stop();
    }
  }

 private:
  void call() {
    if (next_id_ == smallest_id_ * 10) next_id_ = smallest_id_;
    std::to_chars(id_, id_ + id_size_, next_id_++);
    stream_.write(request_);

    std::size_t filled = 0;
    do {
      filled += stream_.read(buffer_.data() + filled, buffer_.size() - filled);
    } while (!is_complete({buffer_.data(), filled}));

    const std::string_view answer(buffer_.data(), filled);
    const std::size_t id = answer.find(R"("id":)") + 5;
    require(answer.substr(id, id_size_) == std::string_view(id_, id_size_), "the floor got another id");
    require(answer.find(tool_answer) != answer.npos, "the floor got another answer");
  }

  bool is_complete(std::string_view answer) const {
    if (sse_) return answer.ends_with("\r\n0\r\n\r\n");
    constexpr std::string_view key = "Content-Length: ";
    const std::size_t head = answer.find("\r\n\r\n");
    if (head == answer.npos) return false;
    const char* const digits = answer.data() + answer.find(key) + key.size();
    std::size_t length = 0;
    std::from_chars(digits, answer.data() + head, length);
    return answer.size() == head + 4 + length;
  }

  bool sse_;
  std::string request_;
  blocking_stream stream_;
  char* id_ = nullptr;
  std::size_t id_size_ = 0;
  std::uint64_t smallest_id_ = 1;
  std::uint64_t next_id_ = 1;
  std::array<char, 16384> buffer_;
};

}  // namespace bench
