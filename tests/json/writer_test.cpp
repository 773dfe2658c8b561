// SPDX-License-Identifier: MIT
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using mcp::json::value;
using mcp::json::writer;
using namespace std::string_literals;

namespace {

template <class Write>
std::string written(Write&& write) {
  std::string text;
  writer out(text);
  write(out);
  REQUIRE(out.ok());
  REQUIRE(mcp::json::validate("[" + text + "]"));
  return text;
}

}  // namespace

TEST_CASE("commas come by themselves", "[json]") {
  CHECK(written([](auto& out) {
          out.begin_object().key("a").integer(1).key("b").begin_array().string("x").null().boolean(true);
          out.begin_object().end_object().begin_array().end_array().boolean(false).end_array();
          out.key("c").begin_object().key("d").raw("[1, 2]").key("e").number(0.5).end_object().end_object();
        }) == R"({"a":1,"b":["x",null,true,{},[],false],"c":{"d":[1, 2],"e":0.5}})");
}

TEST_CASE("strings are escaped as RFC 8259 §7 demands, and no more", "[json]") {
  struct {
    std::string text;
    std::string_view expected;
  } const cases[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"\"\\\b\f\n\r\t", R"("\"\\\b\f\n\r\t")"},
      {"\0\x01\x1f\x7f"s, "\"\\u0000\\u0001\\u001f\x7f\""},
      {"/<>&'", R"("/<>&'")"},
      {"\u00e9\u20ac\U0001F600\u2028", "\"\u00e9\u20ac\U0001F600\u2028\""},
      {"a string of more than sixteen bytes,\nand a line",
       R"("a string of more than sixteen bytes,\nand a line")"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    const auto json = written([&](auto& out) { out.string(text); });
    CHECK(json == expected);
    CHECK(value(json).string() == text);
  }
}

TEST_CASE("every byte at every place reads back", "[json]") {
  for (std::size_t size = 0; size < 40; ++size) {
    for (int byte = 0; byte < 0x80; ++byte) {
      std::string text(size, 'x');
      text.insert(size / 2, 1, static_cast<char>(byte));
      std::string json;
      writer(json).string(text);
      REQUIRE(value(json).string() == text);
    }
  }
}

TEST_CASE("text that is not UTF-8 is refused", "[json]") {
  for (const auto* text :
       {"\x80", "abc\xC3", "\xC0\x80", "\xED\xA0\x80", "a long run of plain text, then \xFF"}) {
    std::string json;
    writer out(json);
    out.begin_object().key("a").string(text);
    CHECK_FALSE(out.ok());
    writer keys(json);
    keys.begin_object().key(text);
    CHECK_FALSE(keys.ok());
  }
}

TEST_CASE("numbers read back as they were", "[json]") {
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
    CHECK(value(written([&](auto& out) { out.integer(number); })).integer() == number);
  }
  for (const double number : {0.0, 1.0, -0.1, 1e300, 5e-324, 1.7976931348623157e308, 0.1 + 0.2}) {
    CHECK(value(written([&](auto& out) { out.number(number); })).number() == number);
  }
  for (const double number : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    std::string json;
    writer out(json);
    out.number(number);
    CHECK_FALSE(out.ok());
  }
}
