// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mcp::inline v0 {

/// One promise of a store, and what came of the test of it.
struct store_test {
  enum class outcome { passed, failed, skipped };

  std::string_view name;
  outcome result = outcome::passed;
  std::string reason = {};  ///< failed: what was expected and what was seen; skipped: why
};

/// What `test_store` found.
struct store_report {
  std::vector<store_test> tests;

  std::size_t count(store_test::outcome result) const {
    return static_cast<std::size_t>(std::ranges::count(tests, result, &store_test::result));
  }
  /// Whether no test failed.
  bool passed() const { return count(store_test::outcome::failed) == 0; }

  /// For a person: a line for each test, the reason below it where there is one, and the counts.
  std::string summary() const {
    static constexpr std::array<std::string_view, 3> words{"passed", "FAILED", "skipped"};
    std::string text;
    for (const auto& test : tests) {
      const auto word = words[static_cast<std::size_t>(test.result)];
      text.append(word).append(9 - word.size(), ' ').append(test.name).append("\n");
      if (!test.reason.empty()) text.append(9, ' ').append(test.reason).append("\n");
    }
    text.append(std::to_string(count(store_test::outcome::passed))).append(" passed, ");
    text.append(std::to_string(count(store_test::outcome::failed))).append(" failed, ");
    return text.append(std::to_string(count(store_test::outcome::skipped))).append(" skipped\n");
  }
};

}  // namespace mcp::inline v0
