// SPDX-License-Identifier: MIT
#include <mcp/net/address.hpp>

#include <asio/ip/address.hpp>
#include <catch2/catch_test_macros.hpp>

#include <string>

using mcp::net::address_class;
using mcp::net::connect_policy;

TEST_CASE("addresses are classified by where they lead") {
  struct row {
    const char* address;
    address_class expected;
  };
  const row rows[] = {
      {"1.1.1.1", address_class::global},
      {"9.255.255.255", address_class::global},
      {"11.0.0.0", address_class::global},
      {"172.15.255.255", address_class::global},
      {"172.32.0.0", address_class::global},
      {"100.63.255.255", address_class::global},
      {"100.128.0.0", address_class::global},
      {"169.253.255.255", address_class::global},
      {"192.167.255.255", address_class::global},
      {"223.255.255.255", address_class::global},
      {"2606:4700::1111", address_class::global},
      {"2001:4860:4860::8888", address_class::global},
      {"3ffe::1", address_class::global},

      {"127.0.0.1", address_class::loopback},
      {"127.255.255.254", address_class::loopback},
      {"::1", address_class::loopback},

      {"10.0.0.1", address_class::private_use},
      {"10.255.255.255", address_class::private_use},
      {"172.16.0.1", address_class::private_use},
      {"172.31.255.255", address_class::private_use},
      {"192.168.1.1", address_class::private_use},
      {"100.64.0.1", address_class::private_use},
      {"100.127.255.255", address_class::private_use},
      {"fc00::1", address_class::private_use},
      {"fdff:ffff::1", address_class::private_use},
      {"fec0::1", address_class::private_use},
      {"64:ff9b:1::1", address_class::private_use},

      {"169.254.169.254", address_class::link_local},
      {"fe80::1", address_class::link_local},
      {"febf::1", address_class::link_local},

      {"0.0.0.0", address_class::unspecified},
      {"0.1.2.3", address_class::unspecified},
      {"::", address_class::unspecified},

      {"224.0.0.1", address_class::multicast},
      {"239.255.255.255", address_class::multicast},
      {"ff02::1", address_class::multicast},

      {"192.0.0.192", address_class::reserved},
      {"192.0.2.1", address_class::reserved},
      {"192.88.99.1", address_class::reserved},
      {"198.18.0.1", address_class::reserved},
      {"198.19.255.255", address_class::reserved},
      {"198.51.100.1", address_class::reserved},
      {"203.0.113.1", address_class::reserved},
      {"240.0.0.1", address_class::reserved},
      {"255.255.255.255", address_class::reserved},
      {"100::1", address_class::reserved},
      {"2001::1", address_class::reserved},
      {"2001:db8::1", address_class::reserved},
      {"3fff:fff::1", address_class::reserved},
      {"4000::1", address_class::reserved},

      // An IPv4 address by another name
      {"::ffff:127.0.0.1", address_class::loopback},
      {"::ffff:10.0.0.1", address_class::private_use},
      {"::ffff:1.1.1.1", address_class::global},
      {"::7f00:1", address_class::loopback},
      {"64:ff9b::a9fe:a9fe", address_class::link_local},
      {"64:ff9b::101:101", address_class::global},
      {"2002:7f00:1::", address_class::loopback},
      {"2002:c0a8:101::1", address_class::private_use},
  };
  for (const row& each : rows) {
    CAPTURE(each.address);
    CHECK(mcp::net::classify(asio::ip::make_address(each.address)) == each.expected);
  }
}

TEST_CASE("a policy allows the classes it names") {
  constexpr address_class all[] = {address_class::global,      address_class::loopback,
                                   address_class::private_use, address_class::link_local,
                                   address_class::unspecified, address_class::multicast,
                                   address_class::reserved};
  constexpr connect_policy any;
  constexpr auto internet = connect_policy::public_only();
  constexpr auto one = connect_policy::only({address_class::loopback});
  auto more = internet;
  more.allow(address_class::private_use);
  for (const address_class each : all) {
    CAPTURE(static_cast<int>(each));
    CHECK(any.allows(each));
    CHECK(internet.allows(each) == (each == address_class::global));
    CHECK(one.allows(each) == (each == address_class::loopback));
    CHECK(more.allows(each) == (each == address_class::global || each == address_class::private_use));
  }
  CHECK_FALSE(internet.allows(asio::ip::make_address("::ffff:169.254.169.254")));
  CHECK(internet.allows(asio::ip::make_address("2606:4700::1111")));
}

TEST_CASE("endpoints are written as in a URL") {
  CHECK(mcp::net::to_text({asio::ip::make_address("127.0.0.1"), 80}) == "127.0.0.1:80");
  CHECK(mcp::net::to_text({asio::ip::make_address("::1"), 443}) == "[::1]:443");
}
