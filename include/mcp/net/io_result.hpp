// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/socket.h>
#include <sys/types.h>

namespace mcp::inline v0::net {

/// What stopped an operation that does not wait.
enum class io_status : std::uint8_t {
  ok,             ///< nothing: all was done, or some bytes have come and more may follow
  would_block,    ///< the socket: wait for it, then go on
  end_of_stream,  ///< the peer, which sends no more: close_notify over TLS, else the end of the TCP stream
  truncated,      ///< the end of the TCP stream without close_notify: the peer may have sent more
  failed,         ///< an error; the stream says which
};

/// Outcome of an operation that does not wait. Bytes were transferred whatever the status is.
struct io_result {
  std::size_t bytes = 0;
  io_status status = io_status::ok;
};

namespace detail {

inline ssize_t send_now(int socket, const void* data, std::size_t size) noexcept {
  ssize_t sent = 0;
  do {
    sent = ::send(socket, data, size, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

inline ssize_t receive_now(int socket, void* data, std::size_t size) noexcept {
  ssize_t received = 0;
  do {
    received = ::recv(socket, data, size, 0);
  } while (received < 0 && errno == EINTR);
  return received;
}

inline bool is_would_block(int error) noexcept { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace detail
}  // namespace mcp::inline v0::net
