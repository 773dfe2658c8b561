// SPDX-License-Identifier: MIT
#include <mcp/types/tool_result.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <variant>

using mcp::tool_result;

namespace {

tool_result of(std::string_view json) { return tool_result(mcp::json_text(json)); }

}  // namespace

TEST_CASE("the parts of a tool result", "[types]") {
  const std::string_view json =
      R"({"content":[{"type":"text","text":"a\n"},{"type":"image","data":"aGk=","mimeType":"image/png"},)"
      R"({"type":"text","text":"\ud83d\ude00"},{"type":"new","text":5}],)"
      R"("structuredContent": {"a":[1, 2]},"isError":true,"_meta":{"m":1}})";
  const tool_result result = of(json);
  CHECK(result.raw() == json);
  CHECK(result.is_error());
  CHECK(result.text() == "a\n\U0001F600");
  REQUIRE(result.content().size() == 4);
  CHECK(std::get<mcp::image_content>(result.content()[1].value).mime_type == "image/png");
  CHECK(std::get<mcp::unknown_content>(result.content()[3].value).type == "new");
  CHECK(result.structured_content() == R"({"a":[1, 2]})");
  CHECK(result.meta() == R"({"m":1})");
}

TEST_CASE("parts that may be absent", "[types]") {
  const tool_result result = of(R"({"content":[]})");
  CHECK_FALSE(result.is_error());
  CHECK(result.text().empty());
  CHECK(result.content().empty());
  CHECK(result.structured_content().empty());
  CHECK(result.meta().empty());
  CHECK_FALSE(of(R"({"isError":null})").is_error());
  CHECK_FALSE(of(R"({"isError":false})").is_error());
  CHECK(of(R"({"structuredContent":null})").structured_content() == "null");
  CHECK(of(R"({"_meta":null})").meta().empty());
}

TEST_CASE("a faulty part is an error where it is read, and only there", "[types]") {
  struct {
    std::string_view json, text, content, is_error;
  } const cases[] = {
      {"{}", "content", "content", "-"},
      {R"({"content":{}})", "content", "content", "-"},
      {R"({"content":[],"isError":"yes"})", "-", "-", "isError"},
      {R"({"content":[{"type":"text"}]})", "content[0].text", "content[0].text", "-"},
      {R"({"content":[{"type":"text","text":"a"},{"type":"text","text":5}]})", "content[1].text",
       "content[1].text", "-"},
      {R"({"content":[{"type":"image"}]})", "-", "content[0].data", "-"},
      {R"({"content":[5]})", "-", "content[0]", "-"},
      {"", "content", "content", "-"},
  };
  const auto path = [](const auto& got) {
    if (got) return std::string("-");
    CHECK(got.error().code() == mcp::errc::unexpected_result);
    return std::string(got.error().message());
  };
  for (const auto& [json, text, content, is_error] : cases) {
    CAPTURE(json);
    const tool_result result = of(json);
    CHECK(path(result.try_text()) == text);
    CHECK(path(result.try_content()) == content);
    CHECK(path(result.try_is_error()) == is_error);
  }
  CHECK_THROWS_AS(of("{}").text(), mcp::error);
  CHECK_THROWS_AS(of("{}").content(), mcp::error);
  CHECK_THROWS_AS(of(R"({"isError":1})").is_error(), mcp::error);
}

TEST_CASE("views survive a move of the result", "[types]") {
  tool_result first = of(R"({"content":[],"structuredContent":{"a":1}})");
  const std::string_view view = first.structured_content();
  const tool_result second = std::move(first);
  CHECK(view.data() == second.structured_content().data());
  const tool_result copy = second;
  CHECK(copy.raw() == second.raw());
  CHECK(copy.raw().data() != second.raw().data());
  CHECK(tool_result().raw().empty());
  CHECK_FALSE(tool_result().is_error());
}
