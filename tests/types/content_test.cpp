// SPDX-License-Identifier: MIT
#include <mcp/types/content.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>
#include <variant>

using mcp::content_block;
using mcp::json::value;

namespace {

content_block parse(std::string_view json) { return content_block::parse(value(json)).value(); }

}  // namespace

TEST_CASE("content of each kind", "[types]") {
  const auto text = parse(
      R"({"type":"text","text":"72\u00b0","annotations":{"audience":["user","assistant"],"priority":0.5,)"
      R"("lastModified":"2025-01-12T15:00:58Z"},"_meta":{"a":1}})");
  CHECK(std::get<mcp::text_content>(text.value).text == "72\u00b0");
  REQUIRE(text.annotations);
  CHECK(text.annotations->audience == std::vector<std::string>{"user", "assistant"});
  CHECK(text.annotations->priority == 0.5);
  CHECK(text.annotations->last_modified == "2025-01-12T15:00:58Z");
  CHECK(text.meta == R"({"a":1})");

  const auto image = parse(R"({"data":"aGk=","mimeType":"image/png","type":"image"})");
  CHECK(std::get<mcp::image_content>(image.value).data == "aGk=");
  CHECK(std::get<mcp::image_content>(image.value).mime_type == "image/png");
  CHECK_FALSE(image.annotations);
  CHECK(image.meta.empty());

  const auto audio = parse(R"({"type":"audio","data":"aGk=","mimeType":"audio/wav"})");
  CHECK(std::get<mcp::audio_content>(audio.value).mime_type == "audio/wav");

  const auto link =
      parse(R"({"type":"resource_link","uri":"file:///a","name":"a","title":"A","description":"d",)"
            R"("mimeType":"text/plain","size":12,"annotations":null})");
  const auto& resource = std::get<mcp::resource_link>(link.value);
  CHECK(resource.uri == "file:///a");
  CHECK(resource.name == "a");
  CHECK(resource.title == "A");
  CHECK(resource.description == "d");
  CHECK(resource.mime_type == "text/plain");
  CHECK(resource.size == 12);
  CHECK_FALSE(link.annotations);

  const auto embedded = parse(
      R"({"type":"resource","resource":{"uri":"u","mimeType":"m","text":"t","_meta":{}},"_meta":{"b":2}})");
  CHECK(std::get<mcp::embedded_resource>(embedded.value).uri == "u");
  CHECK(std::get<mcp::embedded_resource>(embedded.value).mime_type == "m");
  CHECK(std::get<mcp::embedded_resource>(embedded.value).text == "t");
  CHECK_FALSE(std::get<mcp::embedded_resource>(embedded.value).blob);
  CHECK(std::get<mcp::embedded_resource>(embedded.value).meta == "{}");
  CHECK(embedded.meta == R"({"b":2})");
  const auto blob = parse(R"({"type":"resource","resource":{"uri":"u","blob":""}})");
  CHECK(std::get<mcp::embedded_resource>(blob.value).blob == "");
}

TEST_CASE("content of an unknown kind is kept as it came", "[types]") {
  const auto block = parse(R"({"type":"hologram","text":5, "x":[1,2]})");
  CHECK(std::get<mcp::unknown_content>(block.value).type == "hologram");
  CHECK(std::get<mcp::unknown_content>(block.value).raw == R"({"type":"hologram","text":5, "x":[1,2]})");
}

TEST_CASE("faulty content names the faulty member", "[types]") {
  struct {
    std::string_view json, path;
  } const cases[] = {
      {"5", ""},
      {"{}", "type"},
      {R"({"type":5})", "type"},
      {R"({"type":"text"})", "text"},
      {R"({"type":"text","text":null})", "text"},
      {R"({"type":"text","text":["a"]})", "text"},
      {R"({"type":"text","text":"","_meta":[]})", "_meta"},
      {R"({"type":"text","text":"","annotations":5})", "annotations"},
      {R"({"type":"text","text":"","annotations":{"audience":"user"}})", "annotations.audience"},
      {R"({"type":"text","text":"","annotations":{"audience":[1]}})", "annotations.audience"},
      {R"({"type":"text","text":"","annotations":{"priority":"high"}})", "annotations.priority"},
      {R"({"type":"image","mimeType":"m"})", "data"},
      {R"({"type":"image","data":""})", "mimeType"},
      {R"({"type":"audio","data":""})", "mimeType"},
      {R"({"type":"resource_link","uri":"u"})", "name"},
      {R"({"type":"resource_link","uri":"u","name":"n","size":"1"})", "size"},
      {R"({"type":"resource"})", "resource"},
      {R"({"type":"resource","resource":"u"})", "resource"},
      {R"({"type":"resource","resource":{"text":""}})", "resource.uri"},
      {R"({"type":"resource","resource":{"uri":"u"}})", "resource.text"},
  };
  for (const auto& [json, path] : cases) {
    CAPTURE(json);
    const auto parsed = content_block::parse(value(json));
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == mcp::errc::unexpected_result);
    CHECK(parsed.error().message() == path);
  }
}
