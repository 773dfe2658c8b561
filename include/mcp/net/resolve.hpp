// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/offload.hpp>
#include <mcp/base/ascii.hpp>
#include <mcp/base/result.hpp>
#include <mcp/net/address.hpp>
#include <mcp/net/happy_eyeballs.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <netdb.h>
#include <sys/socket.h>

namespace mcp::inline v0::net {

namespace detail {

/// `localhost` and what lies below it (RFC 6761 §6.3).
inline bool is_localhost(std::string_view host) noexcept {
  constexpr std::string_view name = "localhost";
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.size() < name.size()) return false;
  const std::string_view parent = host.substr(0, host.size() - name.size());
  return ascii::equals_lower(host.substr(parent.size()), name) && (parent.empty() || parent.ends_with('.'));
}

/// Blocks. Without AI_ADDRCONFIG: it hides addresses of hosts that have none but loopback addresses of a
/// family, and what it saves, attempts at unreachable addresses, the kernel refuses at once.
inline result<std::vector<endpoint>> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); code != 0) {
    const std::string why =
        code == EAI_SYSTEM ? std::system_category().message(errno) : std::string(::gai_strerror(code));
    return failure(errc::resolve_failed, host + ": " + why);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  std::vector<endpoint> found;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    endpoint address;
    std::memcpy(address.data(), each->ai_addr, each->ai_addrlen);
    address.resize(each->ai_addrlen);
    address.port(port);
    found.push_back(address);
  }
  if (found.empty()) return failure(errc::resolve_failed, host + ": no address");
  return found;
}

}  // namespace detail

/// The addresses of `host` in the order in which to try them (RFC 8305 §4); never an empty list.
///
/// `host` is a name or an IP address without brackets. Addresses and `localhost` need no look-up, and
/// `localhost` is this host whatever a look-up would say (RFC 6761 §6.3). Fails with `errc::resolve_failed`,
/// `errc::deadline_exceeded` or `errc::cancelled`; a look-up that hangs delays nobody.
inline asio::awaitable<result<std::vector<endpoint>>> resolve(asio::any_io_executor executor,
                                                              deadline_list& deadlines,
                                                              deadline::time_point when, std::string host,
                                                              std::uint16_t port) {
  std::error_code no_address;
  const auto address = asio::ip::make_address(host, no_address);
  if (!no_address) co_return std::vector<endpoint>{endpoint(address, port)};
  if (detail::is_localhost(host)) {
    co_return std::vector<endpoint>{endpoint(asio::ip::address_v6::loopback(), port),
                                    endpoint(asio::ip::address_v4::loopback(), port)};
  }
  auto job = [host, port] { return detail::look_up(host, port); };
  auto found = co_await offload(executor, deadlines, when, std::move(job));
  if (found) co_return interleave_families(*found);
  if (found.error().code().category() == error_category()) co_return found;
  co_return failure(errc::resolve_failed, host + ": " + found.error().code().message());
}

}  // namespace mcp::inline v0::net
