// SPDX-License-Identifier: MIT
#include <mcp/types/server.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

using mcp::json::value;
using namespace std::chrono_literals;

TEST_CASE("the answer to initialize", "[types]") {
  const auto got =
      mcp::initialize_result::parse(
          value(R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true},)"
                R"("logging":{},"prompts":null,"experimental":{"x":{}}},"serverInfo":{"name":"s",)"
                R"("version":"1","title":"S","icons":[]},"instructions":"i","_meta":{}})"))
          .value();
  CHECK(got.protocol_version == "2025-11-25");
  CHECK(got.capabilities.tools);
  CHECK(got.capabilities.logging);
  CHECK_FALSE(got.capabilities.prompts);
  CHECK_FALSE(got.capabilities.resources);
  CHECK_FALSE(got.capabilities.completions);
  CHECK(got.capabilities.raw ==
        R"({"tools":{"listChanged":true},"logging":{},"prompts":null,"experimental":{"x":{}}})");
  CHECK(got.server_info.name == "s");
  CHECK(got.server_info.version == "1");
  CHECK(got.server_info.title == "S");
  CHECK(got.instructions == "i");
}

TEST_CASE("the answer to server/discover", "[types]") {
  const auto parse = [](std::string_view json) { return mcp::discover_result::parse(value(json)).value(); };
  const auto got = parse(
      R"({"supportedVersions":["2026-07-28","x"],"capabilities":{"resources":{},"completions":{}},)"
      R"("_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m","version":"1"}},)"
      R"("serverInfo":{"name":"top","version":"2"},"instructions":"i","ttlMs":9,"cacheScope":"public"})");
  CHECK(got.supported_versions == std::vector<std::string>{"2026-07-28", "x"});
  CHECK(got.capabilities.resources);
  CHECK(got.capabilities.completions);
  REQUIRE(got.server_info);
  CHECK(got.server_info->name == "m");
  CHECK(got.instructions == "i");
  CHECK(got.cache.ttl == 9ms);
  CHECK(got.cache.shared);

  const std::string_view start = R"({"supportedVersions":[],"capabilities":{})";
  CHECK(parse(std::string(start) + R"(,"serverInfo":{"name":"top","version":"2"}})").server_info->name ==
        "top");
  CHECK_FALSE(parse(std::string(start) + "}").server_info);
  CHECK_FALSE(parse(std::string(start) + R"(,"serverInfo":"x","_meta":5})").server_info);
  CHECK_FALSE(parse(std::string(start) + R"(,"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"m"}}})")
                  .server_info);
}

TEST_CASE("faulty answers name the faulty member", "[types]") {
  struct {
    std::string_view json, initialize, discover;
  } const cases[] = {
      {"{}", "protocolVersion", "supportedVersions"},
      {R"({"protocolVersion":1,"supportedVersions":"x"})", "protocolVersion", "supportedVersions"},
      {R"({"protocolVersion":"v","supportedVersions":["v",1]})", "capabilities", "supportedVersions"},
      {R"({"protocolVersion":"v","supportedVersions":["v"]})", "capabilities", "capabilities"},
      {R"({"protocolVersion":"v","supportedVersions":["v"],"capabilities":[],"serverInfo":{}})",
       "capabilities", "capabilities"},
      {R"({"protocolVersion":"v","supportedVersions":["v"],"capabilities":{},"instructions":5})",
       "serverInfo", "instructions"},
      {R"({"protocolVersion":"v","capabilities":{},"serverInfo":{"name":"s"}})", "serverInfo.version",
       "supportedVersions"},
      {R"({"protocolVersion":"v","capabilities":{},"serverInfo":null})", "serverInfo", "supportedVersions"},
  };
  for (const auto& [json, initialize, discover] : cases) {
    CAPTURE(json);
    const auto first = mcp::initialize_result::parse(value(json));
    const auto second = mcp::discover_result::parse(value(json));
    REQUIRE_FALSE(first);
    REQUIRE_FALSE(second);
    CHECK(first.error().code() == mcp::errc::unexpected_result);
    CHECK(first.error().message() == initialize);
    CHECK(second.error().message() == discover);
  }
}

TEST_CASE("an implementation is written as it is read", "[types]") {
  for (const auto* json :
       {R"({"name":"a \"b\"","version":"1"})", R"({"name":"a","version":"1","title":"T"})"}) {
    std::string text;
    mcp::json::writer out(text);
    mcp::implementation::parse(value(json)).value().write(out);
    CHECK(text == json);
  }
}

TEST_CASE("the data of an unsupported version", "[types]") {
  const auto got =
      mcp::unsupported_version::parse(value(R"({"supported":["2025-11-25"],"requested":"2026-07-28"})"))
          .value();
  CHECK(got.supported == std::vector<std::string>{"2025-11-25"});
  CHECK(got.requested == "2026-07-28");
  CHECK(mcp::unsupported_version::parse(value(R"({"supported":[]})")));
  for (const auto* json : {"", "null", "{}", R"({"supported":"x"})", R"({"supported":[null]})"}) {
    CAPTURE(json);
    CHECK_FALSE(mcp::unsupported_version::parse(value(json)));
  }
}
