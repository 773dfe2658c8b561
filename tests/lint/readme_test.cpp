// SPDX-License-Identifier: MIT
#include "source_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
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

TEST_CASE("the C++ examples of README.md are parts of examples/readme*.cpp") {
  const std::string readme = lint::read_file("README.md");
  std::string_view rest = readme;
  for (const auto* const file : {"examples/readme.cpp", "examples/readme_store.cpp"}) {
    INFO(file);
    const std::string source = lint::read_file(file);
    const auto shown = between(rest, "```cpp\n", "```");
    const auto compiled = between(source, "// [readme]\n", "// [/readme]");
    REQUIRE(!shown.empty());
    CHECK(shown == compiled);
    rest.remove_prefix(static_cast<std::size_t>(shown.data() + shown.size() - rest.data()));
  }
  CHECK(between(rest, "```cpp\n", "```").empty());
}

TEST_CASE("the parts are found") {
  CHECK(between("a\n```cpp\nx;\n```\n```cpp\ny;\n```\n", "```cpp\n", "```") == "x;\n");
  CHECK(between("```cpp\nx;\n", "```cpp\n", "```").empty());
  CHECK(between("text", "```cpp\n", "```").empty());
}

}  // namespace
