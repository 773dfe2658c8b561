// SPDX-License-Identifier: MIT
#include <mcp/json/walk.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <support/padded.hpp>
#include <vector>

namespace {

using mcp::json::value;
using namespace std::string_literals;

/// Walks a copy that ends where its allocation ends, so that a sanitizer sees a byte read too far.
bool walk(std::string_view text, std::size_t depth = 256) {
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
  const std::string items[] = {
      "{}",
      "[]",
      "true",
      "false",
      "null",
      "0",
      "-0",
      "-1.25e-10",
      "1E+2",
      "123456789012345678901234567890",
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
  for (const auto& item : items) {
    const std::string text = " [" + item + "]\n";
    CAPTURE(text);
    CHECK(walk(text));
    CHECK(mcp::json::validate(text));
  }
}

TEST_CASE("a walk refuses what is not JSON", "[json]") {
  const std::string texts[] = {
      "",
      " ",
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
      R"({"a":"a":1,6}})",
      R"({"a":"b":"c"})",
      R"({"a":{"b":"c":1}})",
      R"([]])",
      R"([[])",
      R"({"a":{})",
      R"([]x)",
      R"(["a" "b"])",
      R"([{}{}])",
      R"(")",
      R"("abc)",
      R"("\)",
      R"("\")",
      "[1]//c",
      "[/**/1]",
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
    CHECK_FALSE(walk(text));
    CHECK_FALSE(mcp::json::validate(text));
  }
}

TEST_CASE("a scalar that is malformed reads as no value, and a caller's is refused", "[json]") {
  const std::string items[] = {
      "tru",         "truE",
      "nul",         "falsy",
      "nan",         "Infinity",
      "-",           "+1",
      "01",          "-01",
      "1.",          ".5",
      "1e",          "1e+",
      "1.e1",        "0x10",
      "truefalse",   R"("\x")",
      R"("\u")",     R"("\u12")",
      R"("\u12g4")", R"("\u-123")",
      R"("\u0x1")",  "'a'",
      "1\"a\"",      R"("\ud83d\u12")",
  };
  for (const auto& item : items) {
    const std::string text = "[" + item + "]";
    CAPTURE(text);
    CHECK_FALSE(mcp::json::validate(text));
    std::size_t shown = 0;
    if (walk(text)) {
      mcp::json::for_each_element(value(text), [&](const value& element) {
        ++shown;
        CHECK(element.text() == item);
        CHECK_FALSE((element.boolean() || element.integer() || element.number() || element.is_null()));
        CHECK_FALSE((element.string() || element.is_object() || element.is_array()));
      });
      CHECK(shown == 1);
    }
  }
}

TEST_CASE("half a surrogate pair is let through, but a caller's is refused", "[json]") {
  const std::string texts[] = {
      R"(["\ud800"])",
      R"(["\udc00"])",
      R"(["\ud83d"])",
      R"(["\ude00\ud83d"])",
      R"(["\ud83d\u0041"])",
      R"({"a":"\ud83dx"})",
      R"(["\ud83d\ud83d\ude00"])",
      R"(["\ud83d\ue000"])",
      R"(["\ud83d\udbff"])",
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(walk(text));
    CHECK_FALSE(mcp::json::validate(text));
  }
}

TEST_CASE("nesting is bounded", "[json]") {
  struct {
    std::size_t levels, limit;
    bool expected;
  } const cases[] = {
      {1, 1, true},  {2, 1, false},      {256, 256, true},    {257, 256, false},   {5000, 256, false},
      {1, 0, false}, {1024, 5000, true}, {1025, 5000, false}, {5000, 5000, false},
  };
  for (const auto& [levels, limit, expected] : cases) {
    CAPTURE(levels, limit);
    CHECK(walk(repeat(levels, "[") + repeat(levels, "]"), limit) == expected);
    CHECK(walk(repeat(levels, R"({"a":)") + "1" + repeat(levels, "}"), limit) == expected);
  }
  CHECK_FALSE(walk(repeat(5000, "[")));
  // Depth is not width.
  CHECK(walk("[" + repeat(5000, "[],") + "{}]", 2));
}

TEST_CASE("each special byte is found at each place of a string", "[json]") {
  for (std::size_t size = 0; size < 70; ++size) {
    for (std::size_t at = 0; at <= size; ++at) {
      const std::string plain = "[\"" + std::string(size, 'x') + "\"]";
      for (const char special : {'"', '\x01', '\x1f', '\x80'}) {
        std::string text = plain;
        text.insert(at + 2, 1, special);
        CAPTURE(text);
        REQUIRE_FALSE(walk(text));
      }
      std::string text = plain;
      text.insert(at + 2, "\x7f\u00e9\\n");
      REQUIRE(walk(text));
    }
  }
}

TEST_CASE("a walk shows the members, and those of what a visit takes", "[json]") {
  std::string seen;
  const std::string_view text = R"( {"b":{"c":"d" , "e":[[3]]}, "a" : [1,{"x":2},{}], "f":[], "g":{ }} )";
  const auto inner = [&](mcp::json::item& item) {
    const std::string key(item.key().text());
    seen += "  " + key + " " + std::string(item.take().text()) + "\n";
  };
  const auto outer = [&](mcp::json::item& item) {
    const std::string key(item.key().text());
    if (key == "\"f\"") return;  // not taken: passed over
    const auto taken = item.take(inner).text();
    CHECK((taken.data() >= text.data() && taken.data() + taken.size() <= text.data() + text.size()));
    seen += key + " " + std::string(taken) + "\n";
  };
  CHECK(mcp::json::walk(text, 256, outer));
  CHECK(seen ==
        "  \"c\" \"d\"\n"
        "  \"e\" [[3]]\n"
        "\"b\" {\"c\":\"d\" , \"e\":[[3]]}\n"
        "   1\n"
        "   {\"x\":2}\n"
        "   {}\n"
        "\"a\" [1,{\"x\":2},{}]\n"
        "\"g\" { }\n");
}

TEST_CASE("a key is found among names, as it is spelt or escaped", "[json]") {
  struct {
    std::string_view member;
    std::size_t expected;
  } const cases[] = {
      {R"("id":1)", 0},       {R"("result" : 1)", 1}, {R"("\u0069d":1)", 0}, {R"("r\u0065sult":1)", 1},
      {R"("i":1)", 2},        {R"("id2":1)", 2},      {R"("Id":1)", 2},      {R"("":1)", 2},
      {R"("id\u0000":1)", 2}, {R"("resultt":1)", 2},  {R"("\x":1)", 2},
  };
  for (const auto& [member, expected] : cases) {
    CAPTURE(member);
    std::size_t found = 9;
    CHECK(mcp::json::walk("{" + std::string(member) + "}", 256,
                          [&](mcp::json::item& item) { found = item.key_among("id", "result"); }));
    CHECK(found == expected);
  }
  CHECK(mcp::json::walk(std::string_view("[1]"), 256,
                        [](mcp::json::item& item) { CHECK(item.key_among("id") == 1); }));
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
  for (const auto* text : {"", "5", "{} {}", "{}x", "[[1]]]", "{\"a\":tru}", R"({"\x":1})"}) {
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
  REQUIRE(walk(text));
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(walk(std::string_view(text).substr(0, size)));
  }
}

TEST_CASE("what lies behind a text is never read as part of it", "[json]") {
  const std::string text = R"({"a":[[1,{"b":[]}],"c",{}],"d":{"e":[true]}})";
  for (const char behind : std::string_view("[]{},:\"0 x")) {
    REQUIRE(mcp::json::walk(test::padded_copy(text, behind).text(), 256));
    for (std::size_t size = 0; size < text.size(); ++size) {
      const test::padded_copy copy(std::string_view(text).substr(0, size), behind);
      CAPTURE(behind, size);
      REQUIRE_FALSE(mcp::json::walk(copy.text(), 256));
    }
    for (const auto* open :
         {"[", "[[", "[[[", "{", R"({"a":{)", R"({"a":[)", R"([{"a":)", "[[[]", R"([{"a":[]})"}) {
      CAPTURE(behind, open);
      REQUIRE_FALSE(mcp::json::walk(test::padded_copy(open, behind).text(), 256));
      REQUIRE_FALSE(mcp::json::validate(open));
    }
  }
}
