// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <support/allocation_faults.hpp>
#include <support/io_faults.hpp>
#include <support/scripted_network.hpp>

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Stand before the functions of the C library, and of the sanitizers, while there is a `scripted_network`. To
// be included in one file of a program. What is not the network's goes to the kernel.

namespace test::detail {

/// Calls `ours(network)` while there is a network, else `theirs()`.
template <class Ours, class Theirs>
auto interposed(Ours ours, Theirs theirs) {
  const allocation_faults::pause test_code;
  if (auto* const network = scripted_network::current()) return ours(*network);
  return theirs();
}

/// The same for a descriptor: calls `ours(network, link)` if it is one of the network's.
template <class Ours, class Theirs>
auto interposed(int descriptor, Ours ours, Theirs theirs) {
  const allocation_faults::pause test_code;
  auto* const network = scripted_network::current();
  if (auto* const link = network == nullptr ? nullptr : network->find(descriptor))
    return ours(*network, *link);
  return theirs();
}

}  // namespace test::detail

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  const auto kernel = [&] { return static_cast<int>(::syscall(SYS_socket, domain, type, protocol)); };
  if (domain != AF_INET && domain != AF_INET6) return kernel();
  return test::detail::interposed([](auto& network) { return network.open_socket(); }, kernel);
}

int connect(int descriptor, const sockaddr* address, socklen_t size) {
  return test::detail::interposed(
      descriptor, [&](auto& network, auto& link) { return network.connect(link, address, size); },
      [&] { return static_cast<int>(::syscall(SYS_connect, descriptor, address, size)); });
}

ssize_t send(int descriptor, const void* data, std::size_t size, int flags) {
  return test::detail::interposed(
      descriptor, [&](auto& network, auto& link) { return network.send(link, data, size); },
      [&] { return static_cast<ssize_t>(::syscall(SYS_sendto, descriptor, data, size, flags, nullptr, 0)); });
}

ssize_t recv(int descriptor, void* data, std::size_t size, int flags) {
  return test::detail::interposed(
      descriptor, [&](auto& network, auto& link) { return network.receive(link, data, size, flags); },
      [&] {
        return static_cast<ssize_t>(::syscall(SYS_recvfrom, descriptor, data, size, flags, nullptr, nullptr));
      });
}

int getsockopt(int descriptor, int level, int name, void* value, socklen_t* size) noexcept {
  const auto kernel = [&] {
    return static_cast<int>(::syscall(SYS_getsockopt, descriptor, level, name, value, size));
  };
  if (level != SOL_SOCKET || name != SO_ERROR) return kernel();
  return test::detail::interposed(
      descriptor,
      [&](auto& network, auto& link) {
        const int outcome = network.connect_outcome(link);
        std::memcpy(value, &outcome, std::min<std::size_t>(*size, sizeof outcome));
        return 0;
      },
      kernel);
}

int setsockopt(int descriptor, int level, int name, const void* value, socklen_t size) noexcept {
  return test::detail::interposed(
      descriptor, [](auto& network, auto&) { return network.set_option(); },
      [&] { return static_cast<int>(::syscall(SYS_setsockopt, descriptor, level, name, value, size)); });
}

int getpeername(int descriptor, sockaddr* address, socklen_t* size) noexcept {
  return test::detail::interposed(
      descriptor, [&](auto& network, auto& link) { return network.peer_name(link, address, size); },
      [&] { return static_cast<int>(::syscall(SYS_getpeername, descriptor, address, size)); });
}

int close(int descriptor) {
  return test::detail::interposed(
      descriptor, [](auto& network, auto& link) { return network.close(link), 0; },
      [&] { return static_cast<int>(::syscall(SYS_close, descriptor)); });
}

int epoll_ctl(int epoll, int what, int descriptor, epoll_event* event) noexcept {
  const auto kernel = [&] {
    return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, what, descriptor, event));
  };
  if (what == EPOLL_CTL_DEL) return kernel();
  return test::detail::interposed(
      descriptor,
      [&](auto& network, auto&) {
        if (network.faults.next(test::io_operation::watch) != test::io_fault::error) return kernel();
        errno = test::error_of(test::io_operation::watch);
        return -1;
      },
      kernel);
}

int socketpair(int domain, int type, int protocol, int ends[2]) noexcept {
  const auto kernel = [&] {
    return static_cast<int>(::syscall(SYS_socketpair, domain, type, protocol, ends));
  };
  return test::detail::interposed(
      [&](auto& network) {
        if (network.faults.next(test::io_operation::socket_pair) != test::io_fault::error) return kernel();
        errno = test::error_of(test::io_operation::socket_pair);
        return -1;
      },
      kernel);
}

int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  const auto libc = [&](const char* host) {
    static const auto real = reinterpret_cast<decltype(&::getaddrinfo)>(::dlsym(RTLD_NEXT, "getaddrinfo"));
    return real(host, service, hints, found);
  };
  return test::detail::interposed(
      [&](auto& network) {
        const bool fails = network.faults.next(test::io_operation::look_up) == test::io_fault::error;
        return fails ? EAI_AGAIN : libc("127.0.0.1");
      },
      [&] { return libc(name); });
}

// Clang's sanitizers, which are linked into the program, have theirs under this name.
[[gnu::weak]] int __interceptor_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*),
                                               void*);  // NOLINT(bugprone-reserved-identifier)

int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*routine)(void*),
                   void* argument) noexcept {
  if (auto* const network = test::scripted_network::current()) {
    std::memset(thread, 0xff, sizeof *thread);  // only to be detached
    return network->start_thread(routine, argument);
  }
  if (&__interceptor_pthread_create != nullptr)
    return __interceptor_pthread_create(thread, how, routine, argument);
  static const auto real =
      reinterpret_cast<decltype(&::pthread_create)>(::dlsym(RTLD_NEXT, "pthread_create"));
  return real(thread, how, routine, argument);
}

[[gnu::weak]] int __interceptor_pthread_detach(pthread_t);  // NOLINT(bugprone-reserved-identifier)

int pthread_detach(pthread_t thread) noexcept {
  pthread_t ours{};
  std::memset(&ours, 0xff, sizeof ours);
  if (std::memcmp(&thread, &ours, sizeof ours) == 0) return 0;
  if (&__interceptor_pthread_detach != nullptr) return __interceptor_pthread_detach(thread);
  static const auto real =
      reinterpret_cast<decltype(&::pthread_detach)>(::dlsym(RTLD_NEXT, "pthread_detach"));
  return real(thread);
}

}  // extern "C"
