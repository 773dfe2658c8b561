// SPDX-License-Identifier: MIT
#include <mcp/base/ascii.hpp>
#include <mcp/http/fields.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http = mcp::http;
namespace ascii = mcp::ascii;
using namespace std::string_view_literals;

TEST_CASE("tokens", "[fields]") {
  for (const std::string_view text : {"a", "GET", "Mcp-Session-Id", "!#$%&'*+-.^_`|~09azAZ",
                                      "a-name-of-more-than-sixteen-characters_with-1-digit"}) {
    CAPTURE(text);
    CHECK(http::is_token(text));
  }
  for (const std::string_view text :
       {""sv, " "sv, "a b"sv, "a:"sv, "a\t"sv, "a\r\n"sv, "a\0"sv, "\x7f"sv, "a\xe9"sv, "(a)"sv, "a/b"sv,
        "a=b"sv, "a-name-of-more-than-sixteen characters"sv}) {
    CAPTURE(text);
    CHECK_FALSE(http::is_token(text));
  }
}

TEST_CASE("outgoing field values", "[fields]") {
  for (const std::string_view text :
       {"", "a", "a b", "a\tb", "Bearer abc.def-_~+/==", "\"quoted, text\"", "!~"}) {
    CAPTURE(text);
    CHECK(http::is_field_value(text));
  }
  for (const std::string_view text :
       {" a"sv, "a "sv, "\ta"sv, "a\t"sv, " "sv, "a\rb"sv, "a\nb"sv, "a\r\nX: y"sv, "a\0b"sv, "\0"sv,
        "a\x01"sv, "a\x1f"sv, "a\x7f"sv, "caf\xc3\xa9"sv, "\x80"sv, "\xff"sv}) {
    CAPTURE(text);
    CHECK_FALSE(http::is_field_value(text));
  }
}

TEST_CASE("media types", "[fields]") {
  for (const std::string_view value :
       {"application/json", "Application/JSON", "application/json;charset=utf-8",
        "application/json ; charset=utf-8", " application/json", "application/json;"}) {
    CAPTURE(value);
    CHECK(http::media_type_is(value, "application/json"));
  }
  for (const std::string_view value :
       {"", "application/jsonp", "application/jso", "text/json", "json", "application/problem+json",
        "application / json", "; application/json"}) {
    CAPTURE(value);
    CHECK_FALSE(http::media_type_is(value, "application/json"));
  }
}

TEST_CASE("comma-separated lists", "[fields]") {
  const struct {
    std::string_view list;
    std::vector<std::string_view> elements;
  } cases[] = {
      {"", {}},
      {" \t", {}},
      {",", {}},
      {", ,\t,", {}},
      {"close", {"close"}},
      {"keep-alive, Upgrade", {"keep-alive", "Upgrade"}},
      {"a,b,,c", {"a", "b", "c"}},
      {" \ta\t ,\tb c ,", {"a", "b c"}},
      {"a=\"x, y\", b", {"a=\"x, y\"", "b"}},
      {"\"a\\\", b\", c", {"\"a\\\", b\"", "c"}},
      {"\"a\\\\\", c", {"\"a\\\\\"", "c"}},
      {"a\\, b", {"a\\", "b"}},
      {"\"open, b", {"\"open, b"}},
      {"\"open\\", {"\"open\\"}},
  };
  for (const auto& [list, expected] : cases) {
    CAPTURE(list);
    std::vector<std::string_view> elements;
    std::string_view rest = list;
    while (const auto element = http::next_element(rest)) elements.push_back(*element);
    CHECK(elements == expected);
    CHECK(rest.empty());
  }
}

TEST_CASE("decimal numbers", "[ascii]") {
  const struct {
    std::string_view text;
    std::optional<std::uint64_t> value;
  } cases[] = {
      {"0", 0},
      {"00017", 17},
      {"18446744073709551614", UINT64_MAX - 1},
      {"18446744073709551615", UINT64_MAX},
      {"18446744073709551616", UINT64_MAX},
      {"18446744073709551620", UINT64_MAX},
      {"184467440737095516150", UINT64_MAX},
      {"99999999999999999999999999", UINT64_MAX},
      {"000000000000000000000000000042", 42},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"1 ", std::nullopt},
      {"0x1", std::nullopt},
      {"1e3", std::nullopt},
      {"999999999999999999999999x", std::nullopt},
  };
  for (const auto& [text, value] : cases) {
    CAPTURE(text);
    CHECK(ascii::parse_decimal(text) == value);
  }
}

TEST_CASE("scanning in blocks stops where scanning by bytes does", "[ascii]") {
  using scan = const char* (*)(const char*, const char*) noexcept;
  const struct {
    scan blocks;
    scan bytes;
    char passed;
  } scans[] = {
      {ascii::skip_token_blocks, ascii::skip_token, 'x'},
      {ascii::skip_text_blocks, ascii::skip_text, ' '},
      {ascii::skip_line_blocks, ascii::skip_line, '\0'},
  };
  for (const auto& [blocks, bytes, passed] : scans) {
    for (std::size_t size = 0; size <= 50; ++size) {
      for (int value = 0; value < 256; ++value) {
        for (std::size_t position = 0; position <= size; position += size < 20 ? 1 : 7) {
          std::vector<char> data(size, passed);
          if (position < size) data[position] = static_cast<char>(value);
          const char* const begin = data.data();
          const char* const end = begin + size;
          const char* const stop = bytes(begin, end);
          const char* const block_stop = blocks(begin, ascii::block_limit(begin, end));
          REQUIRE(block_stop <= stop);
          REQUIRE(bytes(block_stop, end) == stop);
        }
      }
    }
  }
}
