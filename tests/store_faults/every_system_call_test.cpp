// SPDX-License-Identifier: MIT
// Every system call that an operation of file_store makes fails, is interrupted, or is the one before which
// the process is killed: strace does it to a program of its own.
#include "benchmarks/process.hpp"
#include "tests/store/store_files.hpp"
#include <mcp/store/file_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <support/child.hpp>
#include <support/temporary_directory.hpp>
#include <utility>
#include <vector>

using mcp::errc;
using mcp::file_store;
using mcp::no_record;
using namespace std::chrono_literals;

namespace {

struct scenario {
  const char* what;    // argument of the program
  bool fresh = false;  // there is no store yet
  bool left = false;   // a killed writer has left its file
  bool dead = false;   // a lease of a holder that is dead
};

constexpr scenario scenarios[] = {
    {.what = "save", .fresh = true},
    {.what = "save"},
    {.what = "save", .left = true},
    {.what = "save-encrypted", .fresh = true},
    {.what = "save-encrypted"},
    {.what = "load"},
    {.what = "erase"},
    {.what = "lease", .fresh = true},
    {.what = "lease"},
    {.what = "lease", .dead = true},
};

/// A system call by its name, and its number among those of that name.
struct call {
  std::string name;
  int number = 0;
};

/// A store before the operation, and what is to be found after it.
class trial {
 public:
  explicit trial(const scenario& of) : of_(of), path_(top_ / "store") {
    if (of.fresh) return;
    auto store = open();
    REQUIRE(store.save("k", old_record, no_record));
    if (of.dead) {
      const auto lease = [&] { return std::string(*store.lease("k", "dead", 1h) ? "leased" : ""); };
      REQUIRE(test::in_child(lease) == "leased");
    }
    if (of.left) test::write(path_ + "/new", "half of a record");
  }

  /// Runs the operation under strace; what it told, a line.
  std::string run(std::vector<std::string> strace_options) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / one_operation;
    std::vector<std::string> command{"strace", "-qq"};
    command.insert(command.end(), strace_options.begin(), strace_options.end());
    command.insert(command.end(), {program, path_, of_.what});
    return bench::process(command).read_line();
  }

  /// Whether all is there that has to be, after the operation told this.
  void check_after(const std::string& told) {
    auto store = open();
    const auto found = store.load("k");
    const std::string bytes = test::bytes_of(found);
    const std::string_view what = of_.what;
    const std::string before = of_.fresh ? "none" : old_record;
    const std::string after = what.starts_with("save") ? "the new record" : what == "erase" ? "none" : before;
    if (told == "ok") {
      CHECK(bytes == after);
    } else if (bytes != before) {
      CHECK(bytes == after);
    }
    REQUIRE(found);
    CHECK(*store.lease("k", "next", 1h));  // it died with its process
    CHECK(store.save("k", "the next record", *found ? (*found)->version : no_record)->has_value());
    CHECK(test::bytes_of(store.load("k")) == "the next record");
    for (const auto& name : test::names_in(path_))
      CHECK((name == "encryption" || name.ends_with(".record") || name.ends_with(".lease")));
  }

  std::string log() const { return top_ / "log"; }

 private:
  static constexpr const char* one_operation = "store_faults_one_operation";
  static constexpr const char* old_record = "the old record";

  file_store open() const {
    mcp::file_store_options options;
    if (of_.what == std::string_view("save-encrypted")) options.key = test::some_key;
    return file_store(path_, options);
  }

  scenario of_;
  test::temporary_directory top_;
  std::string path_;
};

/// The calls of the operation in order, out of what strace has written: those between two of getppid().
std::vector<call> calls_in(const std::string& log) {
  static const std::set<std::string> no_files{"getppid", "getpid", "geteuid", "futex",
                                              "brk",     "mmap",   "munmap",  "mprotect"};
  std::ifstream in(log);
  std::map<std::string, int> counts;
  std::vector<call> calls;
  for (std::string line; std::getline(in, line);) {
    const std::string name = line.substr(0, line.find('('));
    ++counts[name];
    if (counts["getppid"] == 1 && !no_files.contains(name)) calls.push_back({name, counts[name]});
  }
  return calls;
}

}  // namespace

TEST_CASE("whatever system call of a file_store fails, its record is whole") {
  if (trial(scenarios[0]).run({"-o", "/dev/null"}) != "ok")
    SKIP("strace cannot trace here: no system call of a file_store was made to fail");
  const int share = std::getenv("MCP_TEST_FULL") != nullptr ? 1 : 3;
  int all = 0, done = 0;
  for (const scenario& each : scenarios) {
    trial without(each);
    REQUIRE(without.run({"-o", without.log()}) == "ok");
    const auto calls = calls_in(without.log());
    CHECK(calls.size() >= 8);
    without.check_after("ok");
    for (const call& at : calls) {
      for (const std::string fault : {"error=EIO", "error=ENOSPC", "error=EINTR", "signal=SIGKILL"}) {
        if (all++ % share != 0) continue;
        ++done;
        trial with(each);
        const auto injected = "inject=" + at.name + ":" + fault + ":when=" + std::to_string(at.number);
        const auto told = with.run({"-o", "/dev/null", "-e", injected});
        CAPTURE(each.what, each.fresh, each.left, each.dead, at.name, at.number, fault, told);
        if (fault == "signal=SIGKILL") {
          CHECK(told == "");
        } else if (fault == "error=EINTR") {
          // Within readdir() and the like, where no signal interrupts on a local file system.
          const bool of_libc = told.find("readdir: ") != told.npos || told.find("fdopendir: ") != told.npos;
          CHECK((told == "ok" || of_libc));
        } else if (told != "ok") {
          CHECK(told.starts_with("credential store failed: "));
        } else {
          CHECK((at.name == "close" || at.name == "flock"));
        }
        with.check_after(told);
      }
    }
  }
  std::printf("%d of %d system calls that fail, are interrupted or are the last\n", done, all);
}
