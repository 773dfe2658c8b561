// SPDX-License-Identifier: MIT
// What is on disk after a loss of power at any moment of an operation; and reads and writes that do a part.
#include "forgetful_disk.hpp"
#include "store_files.hpp"
#include <mcp/store/file_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <support/temporary_directory.hpp>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using mcp::file_store;
using mcp::no_record;
using test::bytes_of;
using test::file_change;
using test::forgetful_disk;
using namespace std::chrono_literals;

namespace {

constexpr const char* store_path = "a/store";

/// All changes to files that `work` makes.
std::vector<file_change> changes_of(const std::function<void()>& work) {
  std::vector<file_change> changes;
  test::on_file_change = [&](const file_change& each) { changes.push_back(each); };
  work();
  test::on_file_change = nullptr;
  return changes;
}

mcp::record_version version_of(file_store& store) {
  const auto found = store.load("k");
  return found && *found ? (*found)->version : no_record;
}

struct operation {
  const char* name;
  std::function<void(const std::string& top, file_store& store)> prepare;
  std::function<bool(const std::string& top, file_store& store)> run;
  const char* before;
  const char* after;
  bool only_encrypted = false;
};

bool save_new(const std::string&, file_store& store) {
  return store.save("k", "the new record", version_of(store))->has_value();
}
void save_old(const std::string&, file_store& store) {
  REQUIRE(store.save("k", "the old record", no_record));
}

bool make_directory(const std::string& parent, const char* name) {
  const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool made = ::mkdirat(directory, name, 0700) == 0;
  ::close(directory);
  return made;
}

bool make_encryption_file(const std::string& path) {
  const auto bytes = mcp::detail::file_encryption(test::some_key, std::nullopt).make();
  const auto directory = mcp::detail::file_directory::open(path);
  const auto file = (*directory)->create_new();
  return mcp::detail::write_all(file->get(), bytes->view()) && mcp::detail::sync(file->get()) &&
         (*directory)->rename_new("encryption");
}

const std::vector<operation>& operations() {
  static const std::vector<operation> all{
      {"first save", [](auto&, auto&) {}, save_new, "none", "the new record"},
      {"first save beside another record",
       [](auto&, auto& store) { REQUIRE(store.save("other", "x", no_record)); }, save_new, "none",
       "the new record"},
      {"save after one who was killed when it had made the parent", [](auto&, auto&) {},
       [](auto& top, auto& store) { return make_directory(top, "a") && save_new(top, store); }, "none",
       "the new record"},
      {"save after one who was killed when it had made the directory",
       [](auto& top, auto&) { std::filesystem::create_directory(top + "/a"); },
       [](auto& top, auto& store) { return make_directory(top + "/a", "store") && save_new(top, store); },
       "none", "the new record"},
      {"replace", save_old, save_new, "the old record", "the new record"},
      {"replace after a killed writer",
       [](auto& top, auto& store) {
         save_old(top, store);
         test::write(top + "/" + store_path + "/new", "half of a record");
       },
       save_new, "the old record", "the new record"},
      {"first save after one who was killed when it had made the file on encryption",
       [](auto& top, auto&) {
         std::filesystem::create_directories(top + "/" + store_path);
         ::chmod((top + "/" + store_path).c_str(), 0700);
       },
       [](auto& top, auto& store) {
         return make_encryption_file(top + "/" + store_path) && save_new(top, store);
       },
       "none", "the new record", true},
      {"erase", save_old, [](auto&, auto& store) { return *store.erase("k", version_of(store)); },
       "the old record", "none"},
  };
  return all;
}

}  // namespace

TEST_CASE("after a loss of power, a record is the old or the new one, and the new one after success") {
  std::size_t cases = 0;
  for (const bool encrypted : {false, true}) {
    for (const operation& each : operations()) {
      if (each.only_encrypted && !encrypted) continue;
      for (const std::size_t at_once : {std::numeric_limits<std::size_t>::max(), std::size_t{16}}) {
        const mcp::file_store_options options{.key =
                                                  encrypted ? std::optional(test::some_key) : std::nullopt};
        const test::temporary_directory top;
        file_store first(top / store_path, options);
        each.prepare(top.path(), first);
        forgetful_disk disk(top.path());
        file_store store(top / store_path, options);
        test::most_at_once = at_once;
        bool succeeded = false;
        const auto changes = changes_of([&] { succeeded = each.run(top.path(), store); });
        test::most_at_once = std::numeric_limits<std::size_t>::max();
        REQUIRE(succeeded);
        REQUIRE(changes.size() >= 2);

        for (std::size_t made = 0; made <= changes.size(); ++made) {
          if (made != 0) disk.apply(changes[made - 1]);
          using unsynced = forgetful_disk::unsynced;
          for (std::size_t kept = 0; kept < std::size_t{1} << disk.pending(); ++kept) {
            for (const auto how : {unsynced::lost, unsynced::kept, unsynced::torn, unsynced::zeros}) {
              const test::temporary_directory after;
              disk.write_to(after.path(), kept, how);
              file_store found(after / store_path, options);
              const std::string bytes = bytes_of(found.load("k"));
              CAPTURE(each.name, encrypted, at_once, made, changes.size(), kept, static_cast<int>(how),
                      bytes);
              CHECK((bytes == each.after || (made < changes.size() && bytes == each.before)));
              CHECK(found.save("k", "the next record", version_of(found))->has_value());
              CHECK(bytes_of(found.load("k")) == "the next record");
              ++cases;
            }
          }
        }
      }
    }
  }
  std::printf("%zu losses of power\n", cases);
}

TEST_CASE("reads and writes that do only a part are continued") {
  for (const bool encrypted : {false, true}) {
    for (std::size_t most = 1; most < 40; ++most) {
      const test::temporary_directory top;
      const mcp::file_store_options options{.key = encrypted ? std::optional(test::some_key) : std::nullopt};
      file_store store(top / store_path, options), other(top / store_path, options);
      test::most_at_once = most;
      const bool saved = store.save("k", "the record", no_record)->has_value();
      const bool leased = *store.lease("k", "a", 1h);
      const std::string bytes = bytes_of(other.load("k"));
      const bool kept_out = !*other.lease("k", "b", 1h);
      test::most_at_once = std::numeric_limits<std::size_t>::max();
      CAPTURE(encrypted, most);
      CHECK(saved);
      CHECK(bytes == "the record");
      CHECK((leased && kept_out));
      CHECK(bytes_of(other.load("k")) == "the record");
    }
  }
}
