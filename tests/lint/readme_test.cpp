// SPDX-License-Identifier: MIT
#include "source_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

namespace {

/// What stands between the first `begin` and the next `end` after it; empty if either is missing.
std::string_view between(std::string_view text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == text.npos) return "";
  text.remove_prefix(from + begin.size());
  const auto to = text.find(end);
  return to == text.npos ? "" : text.substr(0, to);
}

TEST_CASE("the first C++ example of README.md is a part of examples/readme.cpp") {
  const std::string readme = lint::read_file("README.md");
  const std::string source = lint::read_file("examples/readme.cpp");
  const auto shown = between(readme, "```cpp\n", "```");
  const auto compiled = between(source, "// [readme]\n", "// [/readme]");
  REQUIRE(!shown.empty());
  CHECK(shown == compiled);
}

TEST_CASE("the parts are found") {
  CHECK(between("a\n```cpp\nx;\n```\n```cpp\ny;\n```\n", "```cpp\n", "```") == "x;\n");
  CHECK(between("```cpp\nx;\n", "```cpp\n", "```").empty());
  CHECK(between("text", "```cpp\n", "```").empty());
}

}  // namespace
