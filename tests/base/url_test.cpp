// SPDX-License-Identifier: MIT
#include <mcp/base/url.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <string>
#include <string_view>

using mcp::url;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

url parsed(std::string_view text) {
  auto result = url::parse(text);
  CAPTURE(text);
  REQUIRE(result);
  return *std::move(result);
}

}  // namespace

TEST_CASE("the parts of a URL", "[url]") {
  const struct {
    std::string_view text;
    std::string_view scheme;
    std::string_view host;
    std::uint16_t port;
    std::string_view authority;
    std::string_view target;
    bool ip = false;
  } cases[] = {
      {"https://example.com", "https", "example.com", 443, "example.com", "/"},
      {"http://example.com/", "http", "example.com", 80, "example.com", "/"},
      {"https://example.com:8443/mcp", "https", "example.com", 8443, "example.com:8443", "/mcp"},
      {"http://localhost:3000/mcp?key=a/b?c", "http", "localhost", 3000, "localhost:3000", "/mcp?key=a/b?c"},
      {"https://example.com?q=1", "https", "example.com", 443, "example.com", "/?q=1"},
      {"https://example.com/?", "https", "example.com", 443, "example.com", "/?"},
      {"https://example.com/a#part?no", "https", "example.com", 443, "example.com", "/a"},
      {"https://example.com#part", "https", "example.com", 443, "example.com", "/"},
      {"https://example.com:65535/", "https", "example.com", 65535, "example.com:65535", "/"},
      {"https://example.com:443/", "https", "example.com", 443, "example.com", "/"},
      {"https://example.com:0443/", "https", "example.com", 443, "example.com", "/"},
      {"https://example.com:/", "https", "example.com", 443, "example.com", "/"},
      {"http://example.com:443/", "http", "example.com", 443, "example.com:443", "/"},
      {"https://a_b.example-1.com./", "https", "a_b.example-1.com.", 443, "a_b.example-1.com.", "/"},
      {"http://1.2.3.4.example/", "http", "1.2.3.4.example", 80, "1.2.3.4.example", "/"},
      {"http://127.0.0.1:8080/", "http", "127.0.0.1", 8080, "127.0.0.1:8080", "/", true},
      {"http://[::1]/", "http", "::1", 80, "[::1]", "/", true},
      {"https://[2001:DB8::1]:8443/x", "https", "2001:db8::1", 8443, "[2001:db8::1]:8443", "/x", true},
      {"https://example.com/a%20b/c;d=e,f/@:!$&'()*+", "https", "example.com", 443, "example.com",
       "/a%20b/c;d=e,f/@:!$&'()*+"},
      {"https://example.com//a//", "https", "example.com", 443, "example.com", "//a//"},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.text);
    const url got = parsed(expected.text);
    CHECK(got.scheme() == expected.scheme);
    CHECK(got.is_tls() == (expected.scheme == "https"));
    CHECK(got.host() == expected.host);
    CHECK(got.port() == expected.port);
    CHECK(got.authority() == expected.authority);
    CHECK(got.target() == expected.target);
    CHECK(got.is_ip_literal() == expected.ip);
    CHECK(got.origin() == std::string(expected.scheme) + "://" + std::string(expected.authority));
    CHECK(got.str() == std::string(got.origin()) + std::string(expected.target));
    CHECK(parsed(got.str()) == got);
  }
}

TEST_CASE("spellings of one URL are equal", "[url]") {
  const struct {
    std::string_view text;
    std::string_view canonical;
  } cases[] = {
      {"HTTPS://Example.COM/", "https://example.com/"},
      {"https://example.com", "https://example.com/"},
      {"https://example.com:443", "https://example.com/"},
      {"http://example.com:80/a", "http://example.com/a"},
      {"https://example.com/%7Euser/%2D%5F%2e%41", "https://example.com/~user/-_.A"},
      {"https://example.com/a%2fb%c3%a9?x=%3d%7e", "https://example.com/a%2Fb%C3%A9?x=%3D~"},
      {"https://example.com/a/./b/../c", "https://example.com/a/c"},
      {"https://example.com/a/%2e%2E/b", "https://example.com/b"},
      {"https://example.com/../..", "https://example.com/"},
      {"https://example.com/a/..", "https://example.com/"},
      {"https://example.com/a/b/.", "https://example.com/a/b/"},
      {"https://example.com/...//..a", "https://example.com/...//..a"},
      {"https://example.com/a?b=/../c", "https://example.com/a?b=/../c"},
      {"http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"},
      {"http://[0:0:0:0:0:0:0:0]/", "http://[::]/"},
      {"http://[2001:0db8:0:0:1:0:0:1]/", "http://[2001:db8::1:0:0:1]/"},
      {"http://[2001:db8:0:1:1:1:1:1]/", "http://[2001:db8:0:1:1:1:1:1]/"},
      {"http://[2001:db8:1:1:1:1:0:0]/", "http://[2001:db8:1:1:1:1::]/"},
      {"http://[1::2:3]/", "http://[1::2:3]/"},
      {"http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"},
      {"http://[1:2:3:4:5:6:7.8.9.10]/", "http://[1:2:3:4:5:6:708:90a]/"},
      {"http://[1:2:3:4:5:6:7::]/", "http://[1:2:3:4:5:6:7:0]/"},
  };
  for (const auto& [text, canonical] : cases) {
    CAPTURE(text);
    CHECK(parsed(text).str() == canonical);
    CHECK(parsed(text) == parsed(canonical));
  }
  CHECK_FALSE(parsed("https://example.com/a") == parsed("https://example.com/A"));
  CHECK_FALSE(parsed("https://example.com/a") == parsed("https://example.com/a/"));
  CHECK_FALSE(parsed("https://example.com/a") == parsed("https://example.com/a?"));
  CHECK_FALSE(parsed("https://example.com/") == parsed("http://example.com/"));
}

TEST_CASE("what is no URL for us is refused, with the reason", "[url]") {
  const struct {
    std::string_view text;
    std::string_view why;
  } cases[] = {
      {"", "not an absolute URL"},
      {"example.com", "not an absolute URL"},
      {"/mcp", "not an absolute URL"},
      {"https:/example.com", "not an absolute URL"},
      {"ftp://example.com/", "scheme"},
      {"httpss://example.com/", "scheme"},
      {"://example.com/", "scheme"},
      {"javascript:alert(1)//://x", "scheme"},
      {"https://", "no host"},
      {"https:///path", "no host"},
      {"https://:443/", "no host"},
      {"https://user@example.com/", "user name"},
      {"https://user:secret@example.com/", "user name"},
      {"https://example.com/a b", "space"},
      {"https://example.com /", "space"},
      {" https://example.com/", "space"},
      {"https://example.com/\r\nHost: evil", "control"},
      {"https://example.com/\t", "control"},
      {"https://example.com/\x7f", "control"},
      {"https://example.com/\0"sv, "control"},
      {"https://example.com#\n", "control"},
      {"https://ex\xc3\xa4mple.com/", "ASCII"},
      {"https://example.com/\xc3\xa4", "ASCII"},
      {"https://example.com\\@evil.com/", "backslash"},
      {"https://example.com/%", "'%'"},
      {"https://example.com/%4", "'%'"},
      {"https://example.com/%zz", "'%'"},
      {"https://example.com/?%a", "'%'"},
      {"https://example.com/<a>", "percent-encoded"},
      {"https://example.com/a|b", "percent-encoded"},
      {"https://example.com/?a[0]=\"b\"", "percent-encoded"},
      {"https://ex%61mple.com/", "host name"},
      {"https://exa!mple.com/", "host name"},
      {"https://example.com:0/", "port"},
      {"https://example.com:65536/", "port"},
      {"https://example.com:99999999999999999999999/", "port"},
      {"https://example.com:+1/", "port"},
      {"https://example.com:1:2/", "port"},
      {"https://example.com:80a/", "port"},
      {"https://::1/", "no host"},
      {"https://a::1/", "port"},
      {"https://[::1/", "']'"},
      {"https://[::1]a/", "between host and port"},
      {"https://[]/", "IPv6"},
      {"https://[:]/", "IPv6"},
      {"https://[:::]/", "IPv6"},
      {"https://[1]/", "IPv6"},
      {"https://[1:]/", "IPv6"},
      {"https://[:1]/", "IPv6"},
      {"https://[1:2:3:4:5:6:7]/", "IPv6"},
      {"https://[1:2:3:4:5:6:7:8:9]/", "IPv6"},
      {"https://[1:2:3:4:5:6:7:8::]/", "IPv6"},
      {"https://[::1:2:3:4:5:6:7:8]/", "IPv6"},
      {"https://[1::2::3]/", "IPv6"},
      {"https://[12345::]/", "IPv6"},
      {"https://[::g]/", "IPv6"},
      {"https://[::1.2.3]/", "IPv6"},
      {"https://[::1.2.3.4:1]/", "IPv6"},
      {"https://[1:2:3:4:5:6:7:1.2.3.4]/", "IPv6"},
      {"https://[fe80::1%25eth0]/", "IPv6"},
      {"https://[v1.x]/", "IPv6"},
      {"https://[127.0.0.1]/", "IPv6"},
      {"http://2130706433/", "dotted-decimal"},
      {"http://127.1/", "dotted-decimal"},
      {"http://0x7f.0.0.1/", "dotted-decimal"},
      {"http://0x7f000001/", "dotted-decimal"},
      {"http://127.0.0.0x1/", "dotted-decimal"},
      {"http://127.0.0.1./", "dotted-decimal"},
      {"http://127.0.0.01/", "dotted-decimal"},
      {"http://1.2.3.256/", "dotted-decimal"},
      {"http://1.2.3.4.5/", "dotted-decimal"},
      {"http://1..3.4/", "dotted-decimal"},
  };
  for (const auto& [text, why] : cases) {
    CAPTURE(text);
    const auto result = url::parse(text);
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == mcp::errc::invalid_url);
    CAPTURE(result.error().message());
    CHECK(result.error().message().find(why) != std::string_view::npos);
    CHECK(result.error().message().find("secret") == std::string_view::npos);
  }
}

TEST_CASE("references are resolved", "[url]") {
  // RFC 3986 §5.4, as far as http goes.
  const url base = parsed("http://a/b/c/d;p?q");
  const struct {
    std::string_view reference;
    std::string_view expected;
  } cases[] = {
      {"g", "http://a/b/c/g"},
      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},
      {"/g", "http://a/g"},
      {"//g", "http://g/"},
      {"//g:8080/x?y", "http://g:8080/x?y"},
      {"?y", "http://a/b/c/d;p?y"},
      {"g?y", "http://a/b/c/g?y"},
      {"#s", "http://a/b/c/d;p?q"},
      {"g#s", "http://a/b/c/g"},
      {"g?y#s", "http://a/b/c/g?y"},
      {";x", "http://a/b/c/;x"},
      {"g;x?y#s", "http://a/b/c/g;x?y"},
      {"", "http://a/b/c/d;p?q"},
      {".", "http://a/b/c/"},
      {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},
      {"../", "http://a/b/"},
      {"../g", "http://a/b/g"},
      {"../..", "http://a/"},
      {"../../", "http://a/"},
      {"../../g", "http://a/g"},
      {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},
      {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},
      {"..g", "http://a/b/c/..g"},
      {"./g/.", "http://a/b/c/g/"},
      {"g/./h", "http://a/b/c/g/h"},
      {"g;x=1/../y", "http://a/b/c/y"},
      {"g?y/../x", "http://a/b/c/g?y/../x"},
      {"g#s/../x", "http://a/b/c/g"},
      {"?y:z", "http://a/b/c/d;p?y:z"},
      {"#s:t", "http://a/b/c/d;p?q"},
      {"./g:h", "http://a/b/c/g:h"},
      {"https://other.example/x", "https://other.example/x"},
  };
  for (const auto& [reference, expected] : cases) {
    CAPTURE(reference);
    const auto resolved = base.resolve(reference);
    REQUIRE(resolved);
    CHECK(resolved->str() == expected);
  }
  for (const std::string_view reference :
       {"g:h", "http:g", "mailto:a@b", "//user@host/", "/a b", "/%", "\\\\host\\x", "//", "/\r\n", "#\n"}) {
    CAPTURE(reference);
    const auto resolved = base.resolve(reference);
    REQUIRE_FALSE(resolved);
    CHECK(resolved.error().code() == mcp::errc::invalid_url);
  }
  CHECK(parsed("https://[::1]:8443/a/b?c").resolve("d")->str() == "https://[::1]:8443/a/d");
}

TEST_CASE("origins", "[url]") {
  const url base = parsed("https://example.com/mcp");
  CHECK(base.same_origin(parsed("https://EXAMPLE.com:443/other?x")));
  CHECK_FALSE(base.same_origin(parsed("http://example.com/mcp")));
  CHECK_FALSE(base.same_origin(parsed("http://example.com:443/mcp")));
  CHECK_FALSE(base.same_origin(parsed("https://example.com:8443/mcp")));
  CHECK_FALSE(base.same_origin(parsed("https://example.com.evil.example/mcp")));
  CHECK_FALSE(base.same_origin(parsed("https://www.example.com/mcp")));
}
