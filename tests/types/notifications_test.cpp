// SPDX-License-Identifier: MIT
#include <mcp/types/notifications.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string_view>

using mcp::json::value;

TEST_CASE("progress", "[types]") {
  const auto got = mcp::progress_update::parse(
                       value(R"({"progressToken":7,"progress":0.5,"total":2,"message":"h\u0061lf"})"))
                       .value();
  CHECK(got.token == "7");
  CHECK(got.progress == 0.5);
  CHECK(got.total == 2.0);
  CHECK(got.message == "half");
  const auto bare =
      mcp::progress_update::parse(value(R"({"progressToken":"t","progress":1,"total":null})")).value();
  CHECK(bare.token == "\"t\"");
  CHECK_FALSE(bare.total);
  for (const auto* json : {"", "[]", "{}", R"({"progress":1})", R"({"progressToken":1})",
                           R"({"progressToken":1.5,"progress":1})", R"({"progressToken":1,"progress":"1"})",
                           R"({"progressToken":1,"progress":1,"total":"x"})"}) {
    CAPTURE(json);
    CHECK_FALSE(mcp::progress_update::parse(value(json)));
  }
}

TEST_CASE("log messages", "[types]") {
  for (const auto name : mcp::logging_level_names) {
    const std::string json = R"({"level":")" + std::string(name) + R"(","logger":"l","data":{"a": 1}})";
    const auto got = mcp::log_message::parse(value(json)).value();
    CHECK(to_string(got.level) == name);
    CHECK(got.logger == "l");
    CHECK(got.data == R"({"a": 1})");
  }
  CHECK(mcp::log_message::parse(value(R"({"level":"error","data":null})"))->level ==
        mcp::logging_level::error);
  for (const auto* json : {"{}", R"({"level":"info"})", R"({"data":1})", R"({"level":"loud","data":1})",
                           R"({"level":3,"data":1})"}) {
    CAPTURE(json);
    CHECK_FALSE(mcp::log_message::parse(value(json)));
  }
}

TEST_CASE("cancelled requests", "[types]") {
  const auto got = mcp::cancelled_request::parse(value(R"({"requestId":"a","reason":"r"})")).value();
  CHECK(got.request_id == "\"a\"");
  CHECK(got.reason == "r");
  CHECK(mcp::cancelled_request::parse(value(R"({"requestId":3})"))->request_id == "3");
  for (const auto* json : {"{}", R"({"requestId":null})", R"({"requestId":1.5})", R"({"requestId":{}})"}) {
    CAPTURE(json);
    CHECK_FALSE(mcp::cancelled_request::parse(value(json)));
  }
}
