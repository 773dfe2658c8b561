// SPDX-License-Identifier: MIT
#include "store_files.hpp"
#include <mcp/store/file_store.hpp>
#include <mcp/store/test_kit.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <support/temporary_directory.hpp>
#include <utility>

TEST_CASE("file_store keeps every promise of a store, plain and encrypted") {
  const test::temporary_directory top;
  const bool encrypted = GENERATE(false, true);
  const auto open = [&] {
    mcp::file_store_options options;
    if (encrypted) options.key = test::some_key;
    return mcp::file_store(top / "store", std::move(options));
  };
  const auto damage = [&](std::string_view key) {
    for (const auto& entry : std::filesystem::directory_iterator(top / "store")) {
      std::string text = test::text_of(entry.path());
      if (text.find(key) == text.npos) continue;
      text.back() = static_cast<char>(text.back() ^ 1);
      test::write(entry.path(), text);
    }
  };
  const auto report = mcp::run_test_store(open, {.damage = damage, .updates = 20});
  INFO(report.summary());
  CHECK(report.count(mcp::store_test::outcome::passed) == report.tests.size());
}
