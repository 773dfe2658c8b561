// SPDX-License-Identifier: MIT
#include <mcp/types/tool.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <string>
#include <string_view>

using mcp::json::value;
using namespace std::chrono_literals;

TEST_CASE("a tool keeps its schemas byte for byte", "[types]") {
  const std::string schema =
      R"({ "$schema":"https://json-schema.org/draft/2020-12/schema", "type" : "object",)"
      R"("$defs":{"a":{"$anchor":"x","\u0074ype":"string"}},"properties":{"n":{"$ref":"http://127.0.0.1/c"},"n":{}},)"
      R"("allOf":[{"anyOf":[{"required":["n"]}]}],"if":{},"then":{},"else":{},"additionalProperties":false,)"
      R"("maximum":1.0e+400,"x":123456789012345678901234567890})";
  const std::string json =
      R"({"name":"t","title":"T","description":"d","inputSchema":)" + schema +
      R"(,"outputSchema":{"type":"array"},"icons":[{"src":"x"}],"_meta":{"k":1},)"
      R"("execution":{"taskSupport":"optional"},"annotations":{"title":"A","readOnlyHint":true,)"
      R"("destructiveHint":false,"idempotentHint":null}})";
  const auto tool = mcp::tool::parse(value(json)).value();
  CHECK(tool.name == "t");
  CHECK(tool.title == "T");
  CHECK(tool.description == "d");
  CHECK(tool.input_schema == schema);
  CHECK(tool.output_schema == R"({"type":"array"})");
  CHECK(tool.icons == R"([{"src":"x"}])");
  CHECK(tool.meta == R"({"k":1})");
  CHECK(tool.raw == json);
  REQUIRE(tool.annotations);
  CHECK(tool.annotations->title == "A");
  CHECK(tool.annotations->read_only_hint == true);
  CHECK(tool.annotations->destructive_hint == false);
  CHECK_FALSE(tool.annotations->idempotent_hint);
  CHECK_FALSE(tool.annotations->open_world_hint);
}

TEST_CASE("null stands for an optional member that is absent", "[types]") {
  const auto tool =
      mcp::tool::parse(value(R"({"name":"t","title":null,"description":null,"inputSchema":{},)"
                             R"("outputSchema":null,"annotations":null,"icons":null,"_meta":null})"))
          .value();
  CHECK(tool.title.empty());
  CHECK(tool.output_schema.empty());
  CHECK_FALSE(tool.annotations);
  CHECK(tool.meta.empty());
  CHECK(tool.icons.empty());
}

TEST_CASE("pages of tools", "[types]") {
  const auto page = mcp::list_tools_result::parse(
                        value(R"({"tools":[{"name":"a","inputSchema":{}},{"name":"b","inputSchema":{}}],)"
                              R"("nextCursor":"p\u00322","ttlMs":1500,"cacheScope":"public"})"))
                        .value();
  REQUIRE(page.tools.size() == 2);
  CHECK(page.tools[1].name == "b");
  CHECK(page.next_cursor == "p22");
  CHECK(page.cache.ttl == 1500ms);
  CHECK(page.cache.shared);

  const auto last = mcp::list_tools_result::parse(value(R"({"tools":[]})")).value();
  CHECK(last.tools.empty());
  CHECK_FALSE(last.next_cursor);
  CHECK(last.cache.ttl == 0ms);
  CHECK_FALSE(last.cache.shared);
}

TEST_CASE("faulty pages name the faulty member", "[types]") {
  struct {
    std::string_view json, path;
  } const cases[] = {
      {"{}", "tools"},
      {"[]", ""},
      {R"({"tools":null})", "tools"},
      {R"({"tools":{}})", "tools"},
      {R"({"tools":[],"nextCursor":5})", "nextCursor"},
      {R"({"tools":[5]})", "tools[0]"},
      {R"({"tools":[{"name":"a","inputSchema":{}},{"inputSchema":{}}]})", "tools[1].name"},
      {R"({"tools":[{"name":"a"}]})", "tools[0].inputSchema"},
      {R"({"tools":[{"name":"a","inputSchema":true}]})", "tools[0].inputSchema"},
      {R"({"tools":[{"name":"a","inputSchema":{},"outputSchema":"x"}]})", "tools[0].outputSchema"},
      {R"({"tools":[{"name":"a","inputSchema":{},"annotations":{"readOnlyHint":"yes"}}]})",
       "tools[0].annotations.readOnlyHint"},
  };
  for (const auto& [json, path] : cases) {
    CAPTURE(json);
    const auto parsed = mcp::list_tools_result::parse(value(json));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == mcp::errc::unexpected_result);
    CHECK(parsed.error().message() == path);
  }
}

TEST_CASE("what has no meaning as a cache hint is no hint", "[types]") {
  struct {
    std::string_view json;
    mcp::cache_hint expected;
  } const cases[] = {
      {R"({"ttlMs":-5,"cacheScope":"private"})", {0ms, false}},
      {R"({"ttlMs":"5","cacheScope":5})", {0ms, false}},
      {R"({"ttlMs":1e999,"cacheScope":"PUBLIC"})", {0ms, false}},
      {R"({"ttlMs":1e300,"cacheScope":"public"})", {365 * 24h, true}},
      {R"({"ttlMs":2.5})", {2ms, false}},
  };
  for (const auto& [json, expected] : cases) {
    CAPTURE(json);
    const auto got = mcp::cache_hint::parse(value(json));
    CHECK(got.ttl == expected.ttl);
    CHECK(got.shared == expected.shared);
  }
}
