// SPDX-License-Identifier: MIT
#include <mcp/http/header.hpp>
#include <mcp/session/headers.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>

using mcp::errc;
using mcp::header;
using mcp::detail::append_fields;

namespace {

std::string mirrored(std::string_view value) {
  std::string encoded;
  return std::string(mcp::detail::mirrored(value, encoded));
}

errc refusal(header field) {
  std::string block;
  const auto added = append_fields(block, {&field, 1});
  return added ? errc{} : static_cast<errc>(added.error().code().value());
}

}  // namespace

// The examples of 2026-07-28, Streamable HTTP, "Value Encoding".
TEST_CASE("mirrored values are encoded where they are no plain field values") {
  CHECK(mirrored("us-west1") == "us-west1");
  CHECK(mirrored("two words") == "two words");
  CHECK(mirrored("Hello, 世界") == "=?base64?SGVsbG8sIOS4lueVjA==?=");
  CHECK(mirrored(" padded ") == "=?base64?IHBhZGRlZCA=?=");
  CHECK(mirrored("line1\nline2") == "=?base64?bGluZTEKbGluZTI=?=");
  CHECK(mirrored("=?base64?literal?=") == "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
  CHECK(mirrored("=?base64?open") == "=?base64?open");
}

TEST_CASE("fields of the application") {
  CHECK(refusal({"Authorization", "Bearer abc"}) == errc{});
  CHECK(refusal({"X-Trace", ""}) == errc{});
  using namespace std::string_view_literals;
  for (const auto value : {"a\r\nb"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, " a"sv, "a "sv, "\x7f"sv, "é"sv})
    CHECK(refusal({"X-Name", value}) == errc::invalid_header_value);
  for (const std::string_view name : {"", "a b", "a:", "a\r\n", "é"})
    CHECK(refusal({name, "value"}) == errc::invalid_header_value);
  for (const std::string_view name : {"Host", "content-type", "CONTENT-LENGTH", "Transfer-Encoding", "accept",
                                      "Mcp-Session-Id", "mcp-protocol-version", "MCP-Method"})
    CHECK(refusal({name, "value"}) == errc::invalid_argument);
}
