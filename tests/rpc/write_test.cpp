// SPDX-License-Identifier: MIT
#include <mcp/rpc/code.hpp>
#include <mcp/rpc/message.hpp>
#include <mcp/rpc/write.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <support/padded.hpp>

using namespace mcp::rpc;

TEST_CASE("notifications", "[rpc]") {
  std::string text;
  write_notification(text, "notifications/initialized");
  CHECK(text == R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  text.clear();
  write_notification(text, "m", R"({"a":1})");
  CHECK(text == R"({"jsonrpc":"2.0","method":"m","params":{"a":1}})");
}

TEST_CASE("responses carry the id as it was received", "[rpc]") {
  for (const std::string id : {"7", "-7", R"("a\u0041\"")"}) {
    message request;
    const std::string received = R"({"jsonrpc":"2.0","method":"ping","id": )" + id + " }";
    REQUIRE(parse(test::padded(received), {}, request));
    std::string text;
    write_response(text, request.id);
    CHECK(text == R"({"jsonrpc":"2.0","id":)" + id + R"(,"result":{}})");
    text.clear();
    write_error(text, request.id, code::method_not_found, "Method \"x\" not found");
    CHECK(text == R"({"jsonrpc":"2.0","id":)" + id +
                      R"(,"error":{"code":-32601,"message":"Method \"x\" not found"}})");
  }
  std::string text;
  write_error(text, request_id(), code::parse_error, "");
  CHECK(text == R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}})");
}
