// SPDX-License-Identifier: MIT
#include <mcp/base/base64.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

using namespace std::string_literals;

namespace {

// RFC 4648 §10, and bytes on which the alphabets differ.
const struct {
  std::string bytes;
  std::string_view standard;
  std::string_view url;
} pairs[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/", "-_-_"},
    {"\0\0\0"s, "AAAA", "AAAA"},
    {"日本", "5pel5pys", "5pel5pys"},
};

}  // namespace

TEST_CASE("Base64 both ways", "[base64]") {
  for (const auto& [bytes, standard, url] : pairs) {
    CAPTURE(standard);
    std::string text = "=";  // what is there stays
    mcp::encode_base64(text, bytes);
    CHECK(text == "=" + std::string(standard));
    std::string text_for_url = "=";
    mcp::encode_base64url(text_for_url, bytes);
    CHECK(text_for_url == "=" + std::string(url));

    std::string decoded = "x";
    CHECK(mcp::decode_base64(decoded, standard));
    CHECK(decoded == "x" + bytes);
    std::string decoded_from_url = "x";
    CHECK(mcp::decode_base64url(decoded_from_url, url));
    CHECK(decoded_from_url == "x" + bytes);
  }
}

TEST_CASE("Base64 that the encoder does not write is refused", "[base64]") {
  for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Zm9", "Z", "====", "=", "Zm9vYg==Zm9v",
                                      "Z=g=", "Zh==", "Zm9=", "Zm9v ", " Zm9v", "Zm\n9v", "-_-_"}) {
    CAPTURE(text);
    std::string out = "x";
    CHECK_FALSE(mcp::decode_base64(out, text));
    CHECK(out == "x");
  }
  for (const std::string_view text : {"Zg==", "Zm8=", "Z", "Zh", "Zm9", "Zm9vY", "+/+/", "Zm 9", "Zm9v\n"}) {
    CAPTURE(text);
    std::string out = "x";
    CHECK_FALSE(mcp::decode_base64url(out, text));
    CHECK(out == "x");
  }
  std::string out;
  CHECK_FALSE(mcp::decode_base64(out, "Zm9v\0AAA"s));
}

TEST_CASE("every byte survives Base64 at every position", "[base64]") {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t position = 0; position < 3; ++position) {
      std::string bytes(3, 'x');
      bytes[position] = static_cast<char>(byte);
      std::string text;
      std::string decoded;
      mcp::encode_base64url(text, bytes);
      REQUIRE(mcp::decode_base64url(decoded, text));
      REQUIRE(decoded == bytes);
    }
  }
}
