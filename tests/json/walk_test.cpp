// SPDX-License-Identifier: MIT
#include <mcp/json/walk.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using mcp::json::value;
using mcp::json::verdict;
using namespace std::string_literals;

/// Walks a copy that ends where its allocation ends, so that a sanitizer sees a byte read too far.
verdict walk(std::string_view text, std::size_t depth = 256) {
  const auto exact = std::make_unique<char[]>(text.size());
  if (!text.empty()) std::memcpy(exact.get(), text.data(), text.size());
  return mcp::json::walk({exact.get(), text.size()}, depth);
}

std::string repeat(std::size_t times, std::string_view piece) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

}  // namespace

TEST_CASE("a walk accepts every form of RFC 8259", "[json]") {
  const std::string texts[] = {
      "{}",
      "[]",
      "true",
      "false",
      "null",
      "0",
      "-0",
      "-1.25e-10",
      "1E+2",
      "123456789012345678901234567890",  // any size: who reads the number judges it
      "1e999",
      R"("")",
      R"("plain text that is longer than one word of sixteen bytes")",
      R"("\"\\\/\b\f\n\r\t\u0000\uABCD\uabcd")",
      R"("\ud83d\ude00")",
      "\"\x7f\"",
      "\"\u00e9 \u20ac \U0001F600 \U0010FFFF\"",
      R"({"a":1,"a":2})",
      R"({"":{"":[[],{},[{}]]}})",
      " \t\r\n { \"a\" : [ 1 , 2 ] , \"b\" : null } \n",
      R"([1,"a",true,false,null,{"x":[0.5]}])",
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(walk(text) == verdict::valid);
  }
}

TEST_CASE("a walk refuses what is not JSON", "[json]") {
  const std::string texts[] = {
      "",
      " ",
      "tru",
      "truE",
      "nul",
      "falsy",
      "nan",
      "Infinity",
      "-",
      "+1",
      "01",
      "-01",
      "1.",
      ".5",
      "1e",
      "1e+",
      "1.e1",
      "0x10",
      "1 2",
      "1,",
      "[1,2,}",
      "[1,2,]",
      "[,1]",
      "[1 2]",
      "[",
      "]",
      "{",
      "}",
      "{]",
      "[}",
      "[1}",
      R"({"a":1])",
      R"({"a":1,})",
      R"({,"a":1})",
      R"({"a"})",
      R"({"a":})",
      R"({"a" 1})",
      R"({"a":1 "b":2})",
      R"({a:1})",
      R"({1:1})",
      R"({null:1})",
      R"({"a":1}})",
      R"([]])",
      R"([[])",
      R"({"a":{})",
      R"([]x)",
      R"({"x":tru})",
      R"({"x":truefalse})",
      R"(["a" "b"])",
      R"([1"a"])",
      R"([{}{}])",
      R"(")",
      R"("abc)",
      R"("\)",
      R"("\")",
      R"("\x")",
      R"("\u")",
      R"("\u12")",
      R"("\u12g4")",
      R"("\u-123")",
      R"("\u0x1")",
      R"("\ud83d\u12")",
      "'a'",
      "[1]//c",
      "[/**/1]",
      "\xEF\xBB\xBF{}",
      "\"a\nb\"",
      "\"a\tb\"",
      "\"a\x1f\"",
      "\"\0\""s,
      "\0"s,
      "[]\0"s,
      "[\0]"s,
      "\v[]",
      "[\f]",
      "\u00a0[]",
      // UTF-8: cut, overlong, surrogate, over U+10FFFF, stray; short of a word and over one
      "\"\xC3\"",
      "\"\xC0\x80\"",
      "\"\xE0\x80\x80\"",
      "\"\xED\xA0\x80\"",
      "\"\xF4\x90\x80\x80\"",
      "\"\x80\"",
      "\"\xFF\"",
      "\"0123456789abcdef\x80\"",
      "\"0123456789abcdef0123456789\xE2\x82\"",
      "{\"\x80\":1}",
      "\x80",
      "[\xC3\xA9]",
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(walk(text) == verdict::invalid);
  }
}

TEST_CASE("half a surrogate pair is JSON, but told apart", "[json]") {
  const std::string texts[] = {
      R"("\ud800")",
      R"("\udc00")",
      R"("\ud83d")",
      R"("\ude00\ud83d")",
      R"(["\ud83d\u0041"])",
      R"({"\ud83dx":1})",
      R"("\ud83d\ud83d\ude00")",
      R"("\ud83d\ue000")",
      R"("\ud83d\udbff")",
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(walk(text) == verdict::half_surrogate);
    CHECK_FALSE(mcp::json::validate(text));
  }
}

TEST_CASE("nesting is bounded", "[json]") {
  struct {
    std::size_t levels, limit;
    verdict expected;
  } const cases[] = {
      {1, 1, verdict::valid},       {2, 1, verdict::invalid},       {256, 256, verdict::valid},
      {257, 256, verdict::invalid}, {5000, 256, verdict::invalid},  {1, 0, verdict::invalid},
      {1024, 5000, verdict::valid}, {1025, 5000, verdict::invalid}, {5000, 5000, verdict::invalid},
  };
  for (const auto& [levels, limit, expected] : cases) {
    CAPTURE(levels, limit);
    CHECK(walk(repeat(levels, "[") + repeat(levels, "]"), limit) == expected);
    CHECK(walk(repeat(levels, R"({"a":)") + "1" + repeat(levels, "}"), limit) == expected);
  }
  CHECK(walk(repeat(5000, "[")) == verdict::invalid);
  // Depth is not width.
  CHECK(walk("[" + repeat(5000, "[],") + "{}]", 2) == verdict::valid);
}

TEST_CASE("each special byte is found at each place of a string", "[json]") {
  for (std::size_t size = 0; size < 70; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      for (const char special : {'"', '\\', '\x01', '\x1f'}) {
        std::string text = "\"" + std::string(size, 'x') + "\"";
        text.insert(at + 1, 1, special);
        CAPTURE(text);
        REQUIRE(walk(text) == verdict::invalid);
      }
      std::string text = "\"" + std::string(size, 'x') + "\"";
      text.insert(at + 1, "\x80");
      REQUIRE(walk(text) == verdict::invalid);
      text.replace(at + 1, 1, "\x7f\u00e9\\n");
      REQUIRE(walk(text) == verdict::valid);
    }
  }
}

TEST_CASE("a walk shows the members of its outer levels", "[json]") {
  std::string seen;
  const auto text = R"( {"b":{"c":"d","e":[[3]]}, "a":[1,{"x":2},{}], "f":[], "g":{ }} )";
  const auto note = [&](std::size_t level, const value* keys, const value& item) {
    seen += std::to_string(level);
    for (std::size_t i = 1; i <= level; ++i) seen += " " + std::string(keys[i].text());
    seen += " " + std::string(item.text()) + "\n";
  };
  CHECK(mcp::json::walk<2>(text, 256, note) == verdict::valid);
  CHECK(seen ==
        "2 \"b\" \"c\" \"d\"\n"
        "2 \"b\" \"e\" [[3]]\n"
        "1 \"b\" {\"c\":\"d\",\"e\":[[3]]}\n"
        "2 \"a\"  1\n"
        "2 \"a\"  {\"x\":2}\n"
        "2 \"a\"  {}\n"
        "1 \"a\" [1,{\"x\":2},{}]\n"
        "1 \"f\" []\n"
        "1 \"g\" { }\n");
  seen.clear();
  CHECK(mcp::json::walk<1>(R"([{"a":1},2])", 256, note) == verdict::valid);
  CHECK(seen == "1  {\"a\":1}\n1  2\n");
}

TEST_CASE("members and elements of checked values", "[json]") {
  const value object(R"({"a":1,"b":{"a":2},"\u0061":3,"c":[4,"x"]})");
  std::string keys;
  mcp::json::for_each_member(object, [&](const value& key, const value&) { keys += *key.string(); });
  CHECK(keys == "abac");
  CHECK(mcp::json::find_member(object, "a").text() == "3");  // the last one counts
  CHECK_FALSE(mcp::json::find_member(object, "A").present());
  CHECK_FALSE(mcp::json::find_member(value("[1]"), "a").present());
  CHECK_FALSE(mcp::json::find_member(value(), "a").present());

  std::vector<std::string_view> elements;
  const auto collect = [&](const value& item) { elements.push_back(item.text()); };
  mcp::json::for_each_element(mcp::json::find_member(object, "c"), collect);
  mcp::json::for_each_element(object, collect);
  mcp::json::for_each_element(value("[]"), collect);
  CHECK(elements == std::vector<std::string_view>{"4", "\"x\""});
}

TEST_CASE("validate gives the one value without the space around it", "[json]") {
  const auto good = mcp::json::validate(" \n{\"a\": 1}\t");
  REQUIRE(good);
  CHECK(good->text() == "{\"a\": 1}");
  CHECK(good->is_object());
  CHECK(mcp::json::validate("[[1]]", 2));
  for (const auto* text : {"", "{} {}", "{}x", "[[1]]]", "{\"a\":tru}"}) {
    const auto bad = mcp::json::validate(text);
    CAPTURE(text);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code() == mcp::errc::invalid_argument);
  }
  CHECK_FALSE(mcp::json::validate("[[1]]", 1));
}

TEST_CASE("every proper prefix of a container is refused", "[json]") {
  const std::string text =
      R"({"jsonrpc":"2.0","id":[1.5e+3,true,false,null],"r":{"t":"\u20ac \ud83d\ude00 \n"}})";
  REQUIRE(walk(text) == verdict::valid);
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK(walk(std::string_view(text).substr(0, size)) == verdict::invalid);
  }
}
