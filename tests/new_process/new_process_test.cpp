// SPDX-License-Identifier: MIT
// Real processes that come one after the other, and find what the one before has left in a file_store.
#include "examples/support/mcp_server.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <support/temporary_directory.hpp>

#include <sys/wait.h>

namespace {

struct one_server {
  explicit one_server(example::eras speaks) : server({.speaks = speaks}) {}

  /// What the process says, and how many requests it made.
  std::string call_in_new_process(std::string_view end) {
    const std::size_t before = requests();
    const auto program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "new_process_one_call";
    const std::string command =
        "exec " + program.string() + ' ' + server.url() + ' ' + (top / "store") + ' ' + std::string(end);
    std::FILE* const out = ::popen(command.c_str(), "r");
    REQUIRE(out != nullptr);
    char line[200] = "";
    REQUIRE(std::fgets(line, sizeof line, out) != nullptr);
    const int status = ::pclose(out);
    CHECK((status == 0) == (end == "end"));
    return std::string(line).substr(0, std::string_view(line).find('\n')) + ", " +
           std::to_string(requests() - before);
  }

  std::size_t requests() const {
    std::size_t all = 0;
    for (const auto& [method, count] : server.counts().requests) all += count;
    return all;
  }
  std::size_t initialized() const {
    const auto counts = server.counts();
    const auto found = counts.requests.find("initialize");
    return found == counts.requests.end() ? 0 : found->second;
  }

  test::temporary_directory top;
  example::mcp_server server;
};

}  // namespace

TEST_CASE("the first call of a new process is one request, in both eras") {
  const bool modern = GENERATE(false, true);
  one_server one(modern ? example::eras::modern : example::eras::legacy);
  CHECK(one.call_in_new_process("end") == (modern ? "opened, 2" : "opened, 4"));
  for (int i = 0; i < 3; ++i) CHECK(one.call_in_new_process("end") == "taken over, 1");
}

TEST_CASE("where the server was restarted meanwhile, it is one initialize more") {
  one_server one(example::eras::legacy);
  CHECK(one.call_in_new_process("end") == "opened, 4");
  one.server.kill();
  one.server.drop_sessions();
  one.server.start();
  CHECK(one.call_in_new_process("end") == "opened, 4");  // refused, initialize, initialized, the call
  CHECK(one.initialized() == 2);
  CHECK(one.call_in_new_process("end") == "taken over, 1");
}

TEST_CASE("the session of a process that was killed is taken over at once") {
  one_server one(example::eras::legacy);
  CHECK(one.call_in_new_process("end") == "opened, 4");
  CHECK(one.call_in_new_process("die") == "taken over, 1");
  CHECK(one.call_in_new_process("end") == "taken over, 1");
}
