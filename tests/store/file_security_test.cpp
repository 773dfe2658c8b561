// SPDX-License-Identifier: MIT
#include "store_files.hpp"
#include <mcp/store/file_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <support/child.hpp>
#include <support/temporary_directory.hpp>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using mcp::errc;
using mcp::file_store;
using mcp::no_record;
using test::bytes_of;
using test::names_in;
using test::record_in;
using test::some_key;
using test::write;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

mode_t mode_of(const std::string& path) {
  struct stat found {};
  ::lstat(path.c_str(), &found);
  return found.st_mode & 07777;
}

}  // namespace

TEST_CASE("modes do not depend on the umask") {
  for (const mode_t mask : {0000U, 0022U, 0077U, 0377U}) {
    const test::temporary_directory top;
    if (::geteuid() == 0) REQUIRE(::chown(top.path().c_str(), test::nobody, test::nobody) == 0);
    const auto made = [&] {
      ::umask(mask);
      file_store store(top / "a/store", {.key = some_key});
      const auto saved = store.save("k", "x", no_record);
      const auto leased = store.lease("k", "owner", 1s);
      return std::string(saved && leased ? "" : "failed");
    };
    CHECK(test::in_child(made, true) == "");
    CHECK(mode_of(top / "a") == 0700);
    CHECK(mode_of(top / "a/store") == 0700);
    CHECK(names_in(top / "a/store").size() == 3);
    for (const auto& name : names_in(top / "a/store")) CHECK(mode_of(top / ("a/store/" + name)) == 0600);
  }
}

namespace {

/// Does something to a store at `path` that holds one record under "k", so that it is no longer safe.
struct insecurity {
  const char* name;
  std::function<void(const std::string& path)> make;
};

const std::vector<insecurity>& insecurities() {
  const auto file = [](const std::string& path) { return record_in(path).string(); };
  static const std::vector<insecurity> all{
      {"directory open to the group", [](auto& path) { ::chmod(path.c_str(), 0710); }},
      {"directory open to others", [](auto& path) { ::chmod(path.c_str(), 0701); }},
      {"directory is a symbolic link",
       [](auto& path) {
         fs::rename(path, path + "-moved");
         fs::create_symlink(path + "-moved", path);
       }},
      {"directory is a dangling symbolic link",
       [](auto& path) {
         fs::remove_all(path);
         fs::create_symlink("nowhere", path);
       }},
      {"directory is a file",
       [](auto& path) {
         fs::remove_all(path);
         write(path, "");
       }},
      {"record open to the group", [=](auto& path) { ::chmod(file(path).c_str(), 0640); }},
      {"record open to others", [=](auto& path) { ::chmod(file(path).c_str(), 0602); }},
      {"record is a symbolic link",
       [=](auto& path) {
         const auto record = file(path);
         fs::rename(record, path + "/moved");
         fs::create_symlink("moved", record);
       }},
      {"record has a second hard link",
       [=](auto& path) { fs::create_hard_link(file(path), path + "-link"); }},
      {"record is a directory",
       [=](auto& path) {
         const auto record = file(path);
         fs::remove(record);
         ::mkdir(record.c_str(), 0700);
       }},
      {"record is a FIFO",
       [=](auto& path) {
         const auto record = file(path);
         fs::remove(record);
         ::mkfifo(record.c_str(), 0600);
       }},
      {"record is a socket",
       [=](auto& path) {
         // A name as long as that of a record does not fit into an address.
         const auto record = file(path);
         const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
         sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
         std::copy_n(path.data(), path.size(), address.sun_path);
         address.sun_path[path.size()] = '-';
         ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
         ::close(socket);
         ::chmod((path + "-").c_str(), 0600);
         fs::rename(path + "-", record);
       }},
      {"the file on encryption is a symbolic link",
       [](auto& path) { fs::create_symlink("x", path + "/encryption"); }},
  };
  return all;
}

/// Empty if every operation on the store refuses it.
std::string complaint_about(const std::string& path) {
  file_store store(path);
  const auto refused = [](const auto& outcome) {
    return !outcome && outcome.error().code() == errc::store_insecure;
  };
  if (!refused(store.load("k"))) return "load: " + bytes_of(store.load("k"));
  if (!refused(store.save("k", "x", no_record))) return "save";
  if (!refused(store.erase("k", 1))) return "erase";
  return "";
}

/// A store with one record.
bool makes_store(const test::temporary_directory& top) {
  return file_store(top / "store").save("k", "a token", no_record).has_value();
}

}  // namespace

TEST_CASE("a store that others could read or replace is refused") {
  const bool root = ::geteuid() == 0;
  for (const bool drop : {false, true}) {
    if (drop && !root) continue;  // the other run was as an ordinary user
    for (const auto& each : insecurities()) {
      const test::temporary_directory top;
      if (drop) REQUIRE(::chown(top.path().c_str(), test::nobody, test::nobody) == 0);
      const auto complaint = [&] {
        if (!makes_store(top)) return std::string("not made");
        each.make(top / "store");
        return complaint_about(top / "store");
      };
      CAPTURE(each.name, drop);
      CHECK(test::in_child(complaint, drop) == "");
    }
  }
}

TEST_CASE("a store of another user, or a part of it, is refused, by root and by an ordinary user") {
  if (::geteuid() != 0) SKIP("not root: no file of another user can be made");
  for (const bool drop : {false, true}) {
    for (const char* part : {"directory", "record", "all"}) {
      const test::temporary_directory top;
      REQUIRE(makes_store(top));
      const uid_t own = drop ? test::nobody : 0;
      const uid_t other = drop ? 0 : test::nobody;
      const auto give = [](const std::string& path, uid_t to) {
        REQUIRE(::chown(path.c_str(), to, to) == 0);
      };
      give(top.path(), own);
      give(record_in(top / "store"), part == std::string("directory") ? own : other);
      give(top / "store", part == std::string("record") ? own : other);
      CAPTURE(part, drop);
      CHECK(test::in_child([&] { return complaint_about(top / "store"); }, drop) == "");
    }
  }
}

TEST_CASE("a directory that an ordinary user may not enter is a failure") {
  const test::temporary_directory top;
  if (::geteuid() == 0) REQUIRE(::chown(top.path().c_str(), test::nobody, test::nobody) == 0);
  const auto told = test::in_child(
      [&]() -> std::string {
        if (!makes_store(top)) return "not made";
        ::chmod(top.path().c_str(), 0);
        file_store store(top / "store");
        const auto loaded = store.load("k");
        ::chmod(top.path().c_str(), 0700);
        return bytes_of(loaded);
      },
      true);
  CHECK(told == "credential store failed: " + top / "store" + ": open: Permission denied");
}
