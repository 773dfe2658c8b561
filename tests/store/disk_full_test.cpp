// SPDX-License-Identifier: MIT
#include "store_files.hpp"
#include <mcp/store/file_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <support/child.hpp>
#include <support/temporary_directory.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

using mcp::file_store;
using mcp::no_record;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t page = 4096;

/// Leaves this many pages free.
void fill(const std::string& file, std::size_t pages) {
  const int all = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string bytes(page, 'x');
  off_t size = 0;
  while (::write(all, bytes.data(), page) == static_cast<ssize_t>(page)) size += page;
  [[maybe_unused]] const int cut = ::ftruncate(all, size - static_cast<off_t>(pages * page));
  ::close(all);
}

/// On a small disk of its own: what is wrong, if anything.
std::string try_on_small_disk(const std::string& disk) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k,mode=700") != 0) {
    return "no disk";
  }
  file_store store(disk + "/store", {});
  const std::string old(5 * page, 'o'), other(5 * page, 'n');
  auto version = *store.save("k", old, no_record).value();
  const auto names = test::names_in(disk + "/store");
  int failed = 0;
  for (std::size_t pages = 0; pages < 8; ++pages) {
    fill(disk + "/fill", pages);
    const auto saved = store.save("k", other, version);
    if (saved) {
      if (test::bytes_of(store.load("k")) != other) return "saved, and not there";
      std::filesystem::remove(disk + "/fill");
      version = *store.save("k", old, **saved).value();
      continue;
    }
    ++failed;
    if (saved.error().code() != mcp::errc::store_failed) return saved.error().describe();
    if (!saved.error().message().ends_with("write: No space left on device")) return saved.error().describe();
    if (test::bytes_of(store.load("k")) != old) return "the old record is gone";
    if (test::names_in(disk + "/store") != names) return "something is left behind";
  }
  if (failed != 6) return std::to_string(failed) + " saves failed, not 6";
  fill(disk + "/fill", 0);
  const auto leased = store.lease("k", "owner", 1h);
  if (leased || test::names_in(disk + "/store") != names) return "a lease on a full disk";
  if (!store.erase("k", version).value()) return "not erased on a full disk";
  std::filesystem::remove(disk + "/fill");
  if (!store.lease("k", "owner", 1h).value()) return "no lease after it";
  return "";
}

}  // namespace

TEST_CASE("on a full disk, the old record stays") {
  const test::temporary_directory disk;
  const std::string told = test::in_child([&] { return try_on_small_disk(disk.path()); });
  if (told == "no disk") SKIP("a file system cannot be mounted here: no disk was full");
  CHECK(told == "");
}
