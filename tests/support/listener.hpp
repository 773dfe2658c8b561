// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace test {

/// A blocking listening socket on a free port of 127.0.0.1 or ::1.
class listener {
 public:
  explicit listener(int family = AF_INET, int backlog = 16)
      : socket_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (family == AF_INET) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(address);
      v4.sin_family = AF_INET;
      v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof v4;
    } else {
      auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
      v6.sin6_family = AF_INET6;
      v6.sin6_addr = in6addr_loopback;
      size = sizeof v6;
    }
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    listening_ = ::bind(socket_, generic, size) == 0 && ::listen(socket_, backlog) == 0 &&
                 ::getsockname(socket_, generic, &size) == 0;
    // The port lies at the same place in both.
    port_ = ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;
  ~listener() { ::close(socket_); }

  /// False where the family is missing on this machine.
  bool listening() const noexcept { return listening_; }
  std::uint16_t port() const noexcept { return port_; }

  /// The next connection, blocking; -1 after `shut_down()`. What blocks on it fails after 20 s.
  int accept() const {
    const int accepted = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
    const timeval limit{20, 0};
    ::setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(accepted, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return accepted;
  }

  /// Ends `accept()`, also one that is waiting in another thread.
  void shut_down() const { ::shutdown(socket_, SHUT_RDWR); }

 private:
  int socket_;
  bool listening_ = false;
  std::uint16_t port_ = 0;
};

}  // namespace test
