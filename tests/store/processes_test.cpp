// SPDX-License-Identifier: MIT
#include "benchmarks/process.hpp"

#include <catch2/catch_test_macros.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <support/temporary_directory.hpp>

namespace {

/// What the program processes.cpp says to that.
std::string run(const std::string& what, int count) {
  const test::temporary_directory top;
  const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "store_processes";
  return bench::process({program, top / "store", what, std::to_string(count)}).read_line();
}

int either(int full, int reduced) { return std::getenv("MCP_TEST_FULL") != nullptr ? full : reduced; }

}  // namespace

TEST_CASE("writers are killed at any moment: what they said is saved is there, and the record is whole") {
  CHECK(run("writers", either(5'000, 500)) == "ok");
  CHECK(run("encrypted-writers", either(5'000, 500)) == "ok");
}

TEST_CASE("sixteen processes count in one record") { CHECK(run("counters", 10'000) == "ok"); }

TEST_CASE("holders of a lease are killed at any moment: one holds it at a time, and the next one gets it") {
  CHECK(run("holders", either(2'000, 100)) == "ok");
}
