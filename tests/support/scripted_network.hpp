// SPDX-License-Identifier: MIT
#pragma once

#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <support/allocation_faults.hpp>
#include <support/io_faults.hpp>
#include <support/memory_tls.hpp>
#include <support/tls_server.hpp>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace test {

/// A connection as its server sees it. The client holds one end of a socket pair, this object the other.
class link {
 public:
  /// `number` counts the sockets of a network from 1; `tls` is null for plain TCP.
  link(int ends[2], int number, SSL_CTX* tls) : client_(ends[0]), server_(ends[1]), number_(number) {
    if (tls != nullptr) tls_.emplace(tls);
  }
  link(const link&) = delete;
  link& operator=(const link&) = delete;
  ~link() { close_server_end(); }

  int number() const noexcept { return number_; }
  /// Whether what is sent can still reach the client.
  bool open() const noexcept { return server_ >= 0 && client_ >= 0; }

  /// Sends to the client, through TLS where the network speaks it.
  void send(std::string_view bytes) {
    if (tls_) tls_->encrypt(bytes);
    backlog_ += tls_ ? tls_->take_output() : std::string(bytes);
    flush();
  }
  /// The end of the stream, over TLS after close_notify.
  void close() {
    if (tls_ && open()) tls_->shut_down(), send("");
    cut();
  }
  /// The end of the stream; over TLS without close_notify.
  void cut() {
    flush();
    close_server_end();
  }
  /// What has arrived at the client, but was not read, is lost as well.
  void reset() {
    dead_with_ = ECONNRESET;
    close_server_end();
  }

 private:
  friend class scripted_network;

  void flush() {
    while (server_ >= 0 && !backlog_.empty()) {
      const long sent = ::syscall(SYS_sendto, server_, backlog_.data(), backlog_.size(),
                                  MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
      if (sent < 0) return;  // the client has gone, or must read first
      backlog_.erase(0, static_cast<std::size_t>(sent));
    }
  }

  void close_server_end() {
    if (server_ >= 0) ::syscall(SYS_close, std::exchange(server_, -1));
  }

  /// From now on epoll finds no room to write at the client's end.
  void stuff() const {
    const std::string much(16 * 1024, 'x');
    while (::syscall(SYS_sendto, client_, much.data(), much.size(), MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0) >
           0)
      continue;
  }

  int client_;  // -1 when the client has closed it
  int server_;
  int number_;
  std::optional<memory_tls> tls_;
  std::string backlog_;
  sockaddr_storage peer_{};
  socklen_t peer_size_ = 0;
  int connect_error_ = 0;      // that SO_ERROR is going to tell
  bool accepted_ = false;      // the server knows
  int dead_with_ = 0;          // errno of every further operation
  bool at_end_ = false;        // nothing more is to be read
  bool deaf_ = false;          // and there is never anything to read
  bool send_blocked_ = false;  // there is never room to write
};

/// What stands at the other end of every connection. Runs inside the client's own system calls: it must not
/// call the client.
class scripted_peer {
 public:
  enum class admission {
    soon,             ///< EINPROGRESS, then connected
    at_once,          ///< connected when `connect()` returns
    refused_soon,     ///< EINPROGRESS, then ECONNREFUSED
    refused_at_once,  ///< ECONNREFUSED
    never,            ///< EINPROGRESS, and nothing more
  };

  virtual ~scripted_peer() = default;
  virtual admission admit(link&) { return admission::soon; }
  /// The client has connected.
  virtual void accepted(link&) {}
  /// The client has sent bytes; over TLS they are decrypted.
  virtual void received(link& from, std::string_view bytes) = 0;
  /// The client has closed.
  virtual void gone(link&) {}
};

/// While it lives, the sockets that this program opens to other hosts, or to this one, lead to `peer`, names
/// lead to 127.0.0.1, and new threads run to their end before `pthread_create` returns. There is at most one.
/// Needs `interposed_network.hpp` in the program.
class scripted_network {
 public:
  explicit scripted_network(scripted_peer& peer) : peer_(&peer) { current_ = this; }
  /// Speaks TLS.
  scripted_network(scripted_peer& peer, const identity& own)
      : peer_(&peer), tls_(detail::server_context({.own = own})) {
    current_ = this;
  }
  scripted_network(const scripted_network&) = delete;
  scripted_network& operator=(const scripted_network&) = delete;
  ~scripted_network() {
    current_ = nullptr;
    for (const auto& [routine, argument] : late_jobs_) routine(argument);
    SSL_CTX_free(tls_);
  }

  static scripted_network* current() noexcept { return current_; }

  io_faults faults;
  bool no_sockets = false;  ///< the process has opened too many

  /// Sockets opened so far.
  int opened() const noexcept { return opened_; }
  /// Sockets that the client has not closed.
  std::size_t open() const noexcept { return links_.size(); }
  /// The open sockets that are connected, oldest first.
  std::vector<link*> connected() const {
    std::vector<link*> found;
    for (const auto& each : links_)
      if (each->accepted_ && each->open()) found.push_back(each.get());
    return found;
  }

  // What interposed functions call. They answer as the functions do.

  link* find(int descriptor) const noexcept {
    const auto found = std::ranges::find_if(links_, [&](auto& each) { return each->client_ == descriptor; });
    return found == links_.end() ? nullptr : found->get();
  }

  int open_socket() {
    if (faults.next(io_operation::socket) == io_fault::error || no_sockets)
      return failed(error_of(io_operation::socket));
    int ends[2];
    if (::syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    links_.push_back(std::make_unique<link>(ends, ++opened_, tls_));
    return ends[0];
  }

  int connect(link& on, const sockaddr* to, socklen_t size) {
    on.peer_size_ = std::min<socklen_t>(size, sizeof on.peer_);
    std::memcpy(&on.peer_, to, on.peer_size_);
    const io_fault fault = faults.next(io_operation::connect);
    if (fault == io_fault::error) return failed(error_of(io_operation::connect));
    using admission = scripted_peer::admission;
    switch (fault == io_fault::stall ? admission::never : peer_->admit(on)) {
      case admission::at_once: accept(on); return 0;
      case admission::soon: break;
      case admission::refused_at_once: return failed(ECONNREFUSED);
      case admission::refused_soon: on.connect_error_ = ECONNREFUSED; break;
      case admission::never: on.stuff(); break;
    }
    return failed(EINPROGRESS);
  }

  int connect_outcome(link& of) {
    if (faults.next(io_operation::get_option) == io_fault::error)
      of.connect_error_ = error_of(io_operation::get_option);
    if (of.connect_error_ == 0) accept(of);
    return of.connect_error_;
  }

  ssize_t send(link& on, const void* data, std::size_t size) {
    switch (faults.next(io_operation::send)) {
      case io_fault::error: on.reset(), on.dead_with_ = error_of(io_operation::send); break;
      case io_fault::end: on.cut(); break;
      case io_fault::one_byte: size = std::min<std::size_t>(size, 1); break;
      case io_fault::stall: on.send_blocked_ = true, on.stuff(); break;
      default: break;
    }
    if (on.dead_with_ != 0) return failed(on.dead_with_);
    if (on.send_blocked_) return failed(EAGAIN);
    if (on.server_ < 0) return failed(EPIPE);
    const std::string_view bytes(static_cast<const char*>(data), size);
    if (!on.tls_) {
      peer_->received(on, bytes);
    } else {
      const std::string plaintext = on.tls_->decrypt(bytes);
      on.send("");  // what TLS itself has to say
      if (!plaintext.empty()) peer_->received(on, plaintext);
    }
    return static_cast<ssize_t>(size);
  }

  ssize_t receive(link& on, void* data, std::size_t size, int flags) {
    switch (faults.next(io_operation::receive)) {
      case io_fault::error: on.reset(); break;
      case io_fault::end: on.at_end_ = true, on.close_server_end(); break;
      case io_fault::one_byte: size = std::min<std::size_t>(size, 1); break;
      case io_fault::stall: on.deaf_ = true; break;
      default: break;
    }
    if (on.dead_with_ != 0) return failed(on.dead_with_);
    if (on.at_end_) return 0;
    if (on.deaf_) return failed(EAGAIN);
    const long count = ::syscall(SYS_recvfrom, on.client_, data, size, flags, nullptr, nullptr);
    const int error = errno;
    on.flush();
    errno = error;
    return count;
  }

  int set_option() {
    const bool fails = faults.next(io_operation::set_option) == io_fault::error;
    return fails ? failed(error_of(io_operation::set_option)) : 0;
  }

  int peer_name(const link& of, sockaddr* address, socklen_t* size) {
    if (faults.next(io_operation::peer_name) == io_fault::error)
      return failed(error_of(io_operation::peer_name));
    std::memcpy(address, &of.peer_, std::min(*size, of.peer_size_));
    *size = of.peer_size_;
    return 0;
  }

  void close(link& closed) {
    ::syscall(SYS_close, std::exchange(closed.client_, -1));
    if (closed.accepted_) peer_->gone(closed);
    std::erase_if(links_, [&](auto& each) { return each.get() == &closed; });
  }

  int start_thread(void* (*routine)(void*), void* argument) {
    {
      const allocation_faults::pause test_code;
      const io_fault fault = faults.next(io_operation::start_thread);
      if (fault == io_fault::error) return error_of(io_operation::start_thread);
      if (fault == io_fault::stall) return late_jobs_.emplace_back(routine, argument), 0;
    }
    routine(argument);
    return 0;
  }

 private:
  static int failed(int error) noexcept {
    errno = error;
    return -1;
  }

  void accept(link& on) {
    if (!std::exchange(on.accepted_, true)) peer_->accepted(on);
  }

  static inline scripted_network* current_ = nullptr;

  scripted_peer* peer_;
  SSL_CTX* tls_ = nullptr;
  std::vector<std::unique_ptr<link>> links_;
  std::vector<std::pair<void* (*)(void*), void*>> late_jobs_;  // of threads that stall
  int opened_ = 0;
};

}  // namespace test
