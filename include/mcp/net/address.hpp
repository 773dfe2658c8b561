// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <asio/ip/address.hpp>
#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace mcp::inline v0::net {

using endpoint = asio::ip::tcp::endpoint;

/// What an address can reach, after the IANA special-purpose registries (RFC 6890).
enum class address_class : std::uint8_t {
  global,       ///< the public Internet
  loopback,     ///< this host: 127.0.0.0/8, ::1
  private_use,  ///< this site: RFC 1918, RFC 6598 (carrier NAT), fc00::/7, fec0::/10
  link_local,   ///< this link: 169.254.0.0/16 (where clouds serve their metadata), fe80::/10
  unspecified,  ///< 0.0.0.0/8 and ::, which on most systems reach this host
  multicast,    ///< 224.0.0.0/4, ff00::/8
  reserved,     ///< everything else that is no unicast address of the Internet
};

namespace detail {

struct address_block {
  std::array<std::uint8_t, 6> prefix;  // no block has a longer one than 48 bits
  unsigned bits;
  address_class meaning;
};

template <std::size_t N>
bool in_block(const std::array<std::uint8_t, N>& bytes, const address_block& block) noexcept {
  const std::size_t whole = block.bits / 8;
  if (!std::equal(bytes.begin(), bytes.begin() + whole, block.prefix.begin())) return false;
  const unsigned rest = block.bits % 8;
  return rest == 0 || ((bytes[whole] ^ block.prefix[whole]) >> (8 - rest)) == 0;
}

template <std::size_t N, std::size_t Blocks>
std::optional<address_class> find_block(const std::array<std::uint8_t, N>& bytes,
                                        const std::array<address_block, Blocks>& blocks) noexcept {
  const auto found = std::ranges::find_if(blocks, [&](const auto& block) { return in_block(bytes, block); });
  if (found == blocks.end()) return std::nullopt;
  return found->meaning;
}

inline constexpr std::array v4_blocks{
    address_block{{0}, 8, address_class::unspecified},
    address_block{{10}, 8, address_class::private_use},
    address_block{{100, 64}, 10, address_class::private_use},
    address_block{{127}, 8, address_class::loopback},
    address_block{{169, 254}, 16, address_class::link_local},
    address_block{{172, 16}, 12, address_class::private_use},
    address_block{{192, 0, 0}, 24, address_class::reserved},
    address_block{{192, 0, 2}, 24, address_class::reserved},
    address_block{{192, 88, 99}, 24, address_class::reserved},
    address_block{{192, 168}, 16, address_class::private_use},
    address_block{{198, 18}, 15, address_class::reserved},
    address_block{{198, 51, 100}, 24, address_class::reserved},
    address_block{{203, 0, 113}, 24, address_class::reserved},
    address_block{{224}, 4, address_class::multicast},
    address_block{{240}, 4, address_class::reserved},
};

inline constexpr std::array v6_blocks{
    address_block{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, address_class::private_use},
    address_block{{0xfc}, 7, address_class::private_use},
    address_block{{0xfe, 0x80}, 10, address_class::link_local},
    address_block{{0xfe, 0xc0}, 10, address_class::private_use},
    address_block{{0xff}, 8, address_class::multicast},
    address_block{{0x20, 0x01, 0x00}, 23, address_class::reserved},
    address_block{{0x20, 0x01, 0x0d, 0xb8}, 32, address_class::reserved},
    address_block{{0x3f, 0xff, 0x00}, 20, address_class::reserved},
    address_block{{0x20}, 3, address_class::global},
};

inline address_class classify(const asio::ip::address_v4& address) noexcept {
  return find_block(address.to_bytes(), v4_blocks).value_or(address_class::global);
}

/// The IPv4 address that packets to `bytes` end up at: IPv4-mapped (RFC 4291 §2.5.5.2), IPv4-compatible,
/// NAT64 (RFC 6052) and 6to4 (RFC 3056).
inline std::optional<asio::ip::address_v4> embedded_v4(
    const asio::ip::address_v6::bytes_type& bytes) noexcept {
  const auto v4_at = [&](std::size_t at) {
    return asio::ip::address_v4({bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]});
  };
  constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<std::uint8_t, 12> compatible{};
  constexpr std::array<std::uint8_t, 12> nat64{0x00, 0x64, 0xff, 0x9b};
  const auto head = std::span(bytes).first<12>();
  for (const auto& prefix : {mapped, compatible, nat64}) {
    if (std::ranges::equal(head, prefix)) return v4_at(12);
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return v4_at(2);
  return std::nullopt;
}

}  // namespace detail

/// The class of `address`. An IPv6 address that stands for an IPv4 address has the latter's class.
inline address_class classify(const asio::ip::address& address) noexcept {
  if (address.is_v4()) return detail::classify(address.to_v4());
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.is_unspecified()) return address_class::unspecified;
  if (v6.is_loopback()) return address_class::loopback;
  const auto bytes = v6.to_bytes();
  if (const auto v4 = detail::embedded_v4(bytes)) return detail::classify(*v4);
  return detail::find_block(bytes, detail::v6_blocks).value_or(address_class::reserved);
}

/// Which classes of addresses may be connected to; by default all. It is asked for every address before it
/// is tried, so that no name, redirect or look-up leads past it; a refusal is `errc::connect_blocked`.
class connect_policy {
 public:
  constexpr connect_policy() noexcept = default;

  /// Only these classes.
  static constexpr connect_policy only(std::initializer_list<address_class> classes) noexcept {
    connect_policy policy;
    policy.allowed_ = 0;
    for (const address_class each : classes) policy.allow(each);
    return policy;
  }

  /// Only the Internet: what an untrusted party may name.
  static constexpr connect_policy public_only() noexcept { return only({address_class::global}); }

  /// Allows one class more.
  constexpr connect_policy& allow(address_class also) noexcept {
    allowed_ = static_cast<std::uint8_t>(allowed_ | bit(also));
    return *this;
  }

  constexpr bool allows(address_class asked) const noexcept { return (allowed_ & bit(asked)) != 0; }
  bool allows(const asio::ip::address& address) const noexcept { return allows(classify(address)); }

 private:
  static constexpr unsigned bit(address_class of) noexcept { return 1U << static_cast<unsigned>(of); }

  std::uint8_t allowed_ = 0xff;
};

/// `endpoint` as people write it: `192.0.2.1:80`, `[2001:db8::1]:80`.
inline std::string to_text(const endpoint& of) {
  const std::string address = of.address().to_string();
  return (of.address().is_v6() ? '[' + address + ']' : address) + ':' + std::to_string(of.port());
}

}  // namespace mcp::inline v0::net
