// SPDX-License-Identifier: MIT
#include <mcp/json/value.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

using mcp::json::value;
using namespace std::string_literals;

TEST_CASE("integers are read exactly or not at all", "[json]") {
  struct {
    std::string_view text;
    std::optional<std::int64_t> expected;
  } const cases[] = {
      {"0", 0},
      {"-0", 0},
      {"7", 7},
      {"-12345", -12345},
      {"999999999999999999", 999999999999999999},
      {"-99999999999999999", -99999999999999999},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"9223372036854775808", std::nullopt},
      {"-9223372036854775809", std::nullopt},
      {"123456789012345678901234567890", std::nullopt},
      {"-", std::nullopt},
      {"01", std::nullopt},
      {"-01", std::nullopt},
      {"1x", std::nullopt},
      {"1.0", std::nullopt},
      {"1e3", std::nullopt},
      {"\"1\"", std::nullopt},
      {"true", std::nullopt},
      {"null", std::nullopt},
      {"{}", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(value(text).integer() == expected);
  }
}

TEST_CASE("numbers are doubles within range", "[json]") {
  CHECK(value("0.1").number() == 0.1);
  CHECK(value("-1e3").number() == -1000.0);
  CHECK(value("3").number() == 3.0);
  for (const auto* text : {"1e999", "-1e999", "null", "\"1\"", "[1]", "", "-", "01", ".5", "5.", "-.5",
                           "1.e1", "inf", "nan", "1x", "+1", "0x1"}) {
    CAPTURE(text);
    CHECK_FALSE(value(text).number());
  }
}

TEST_CASE("kinds", "[json]") {
  CHECK(value("true").boolean() == true);
  CHECK(value("false").boolean() == false);
  CHECK_FALSE(value("null").boolean());
  CHECK_FALSE(value("tru").boolean());
  CHECK_FALSE(value("nul").is_null());
  CHECK(value("null").is_null());
  CHECK(value("{}").is_object());
  CHECK(value("[]").is_array());
  CHECK(value("\"\"").is_string());
  CHECK_FALSE(value("1").is_string());
  CHECK(value("1").present());
  CHECK_FALSE(value().present());
  CHECK_FALSE((value().is_null() || value().is_object() || value().is_array() || value().is_string()));
}

TEST_CASE("strings are decoded, and equal what they decode to", "[json]") {
  struct {
    std::string_view text;
    std::string expected;
  } const cases[] = {
      {R"("")", ""},
      {R"("plain")", "plain"},
      {R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t"},
      {R"("a\u0069d")", "aid"},
      {R"("\u0000")", "\0"s},
      {R"("\u007f\u0080\u07ff\u0800\uFFFF")", "\u007f\u0080\u07ff\u0800\uffff"},
      {R"("\ud83d\ude00\udbff\udfff\ud800\udc00")", "\U0001F600\U0010FFFF\U00010000"},
      {"\"\u20ac\"", "\u20ac"},
      {R"("x\ud83d")", "x\uFFFD"},
      {R"("\ud83dx")", "\uFFFDx"},
      {R"("\ude00\ud83d")", "\uFFFD\uFFFD"},
      {R"("\ud83d\ud83d\ude00")", "\uFFFD\U0001F600"},
      {R"("\ud83d\ue000")", "\uFFFD\ue000"},
      {R"("\ud83d\n")", "\uFFFD\n"},
      {R"("notifications\/message")", "notifications/message"},
  };
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    CHECK(value(text).string() == expected);
    CHECK(value(text) == expected);
    CHECK(value(text) != expected + "x");
    CHECK(value(text) != "x" + expected);
    if (!expected.empty()) CHECK(value(text) != std::string_view(expected).substr(1));
  }
  // A backslash in the compared text is a backslash, not an escape.
  CHECK(value(R"("\n")") != R"(\n)");
  CHECK(value(R"("\\n")") == R"(\n)");
  CHECK(value("1") != "1");
  CHECK(value("null") != "null");
  CHECK(value("null") != "");
  CHECK(value() != "");
  CHECK(value("\"\"") == std::string_view());
  CHECK_FALSE(value("5").string());
  for (const auto* text : {R"("\x")", R"("a\u12")", R"("\u12g4")"}) {
    CAPTURE(text);
    CHECK_FALSE(value(text).string());
    CHECK(value(text) != "");
    CHECK(value(text) != "a");
  }
}
