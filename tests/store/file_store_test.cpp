// SPDX-License-Identifier: MIT
#include "store_files.hpp"
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/file_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <support/child.hpp>
#include <support/started.hpp>
#include <support/temporary_directory.hpp>
#include <utility>
#include <vector>

#include <sys/file.h>
#include <unistd.h>

using mcp::errc;
using mcp::file_store;
using mcp::file_store_options;
using mcp::no_record;
using mcp::secret;
using test::bytes_of;
using test::names_in;
using test::record_in;
using test::some_key;
using test::text_of;
using test::write;
using namespace std::chrono_literals;

static_assert(mcp::BlockingLeasingCredentialStore<file_store>);
static_assert(!std::is_copy_constructible_v<file_store>);

namespace fs = std::filesystem;

TEST_CASE("a store that is not there is empty, and stays away until the first save") {
  const test::temporary_directory top;
  file_store store(top / "a//b///store//");
  CHECK(bytes_of(store.load("k")) == "none");
  CHECK(*store.erase("k", 1) == false);
  CHECK(store.release("k", "owner"));
  CHECK(fs::is_empty(top.path()));
  CHECK(store.save("k", "bytes", no_record)->has_value());
  CHECK(bytes_of(store.load("k")) == "bytes");
  CHECK(bytes_of(file_store(top / "a/b/store").load("k")) == "bytes");
}

TEST_CASE("records are replaced and erased by who knows their version") {
  const test::temporary_directory top;
  file_store store(top / "store");
  const auto first = *store.save("k", "1", no_record);
  REQUIRE(first);
  CHECK(*store.save("k", "x", no_record) == std::nullopt);
  CHECK(*store.save("k", "x", *first + 1) == std::nullopt);
  const auto second = *store.save("k", "2", *first);
  REQUIRE(second);
  CHECK(*store.save("k", "x", *first) == std::nullopt);
  CHECK((*store.load("k"))->version == *second);
  CHECK(bytes_of(store.load("k")) == "2");
  CHECK(bytes_of(store.load("K")) == "none");

  CHECK(*store.erase("k", *first) == false);
  CHECK(*store.erase("k", no_record) == false);
  CHECK(*store.erase("k", *second) == true);
  CHECK(*store.erase("k", *second) == false);
  CHECK(*store.erase("k", no_record) == false);
  CHECK(bytes_of(store.load("k")) == "none");
  CHECK(*store.save("k", "x", *second) == std::nullopt);
  const auto third = *store.save("k", "3", no_record);
  CHECK((third && *third != *first && *third != *second));
  CHECK(*third >> 63 == 0);
}

TEST_CASE("any bytes, sizes and keys") {
  const test::temporary_directory top;
  for (const bool encrypted : {false, true}) {
    file_store store(top / (encrypted ? "encrypted" : "plain"),
                     {.key = encrypted ? std::optional(some_key) : std::nullopt});
    const std::string long_key(2048, '~');
    for (const std::string& key : {std::string("../../x"), std::string("."), std::string(), long_key}) {
      for (const std::size_t size : {0U, 1U, 70'000U}) {
        const std::string bytes(size, '\0');
        const auto now = *store.load(key);
        REQUIRE(store.save(key, bytes, now ? now->version : no_record)->has_value());
        CHECK((*store.load(key))->bytes.view() == bytes);
      }
    }
    CHECK(store.load(long_key + "x").error().code() == errc::invalid_argument);
  }
  CHECK(names_in(top.path()) == std::set<std::string>{"encrypted", "plain"});
}

TEST_CASE("a record of 16 MiB is the largest") {
  const test::temporary_directory top;
  file_store store(top / "store");
  const std::string largest(16U << 20, 'x');
  CHECK(store.save("k", largest + "x", no_record).error().code() == errc::invalid_argument);
  CHECK(store.save("k", largest, no_record)->has_value());
  CHECK((*store.load("k"))->bytes.view() == largest);
}

TEST_CASE("what cannot be a store is said by the first operation") {
  const test::temporary_directory top;
  const auto refuses = [](std::string path, file_store_options options) {
    file_store store(std::move(path), std::move(options));
    const auto code = store.load("k").error().code();
    CHECK(store.save("k", "x", no_record).error().code() == code);
    CHECK(store.erase("k", 1).error().code() == code);
    CHECK(store.lease("k", "owner", 1s).error().code() == code);
    CHECK(store.release("k", "owner").error().code() == code);
    return code == errc::invalid_argument;
  };
  CHECK(refuses("", {}));
  CHECK(refuses(std::string("/dev/shm/x\0y", 12), {}));
  CHECK(refuses(top / "store", {.key = secret("short")}));
  CHECK(refuses(top / "store", {.passphrase = secret()}));
  CHECK(refuses(top / "store", {.key = some_key, .passphrase = secret("both")}));
  CHECK(fs::is_empty(top.path()));
}

TEST_CASE("what a killed writer left goes with the next one") {
  const test::temporary_directory top;
  file_store store(top / "store");
  REQUIRE(store.save("k", "x", no_record));
  write(top / "store/new", "half of a");
  CHECK(bytes_of(store.load("k")) == "x");
  CHECK(*store.erase("k", 7) == false);
  CHECK(names_in(top / "store").size() == 1);
}

TEST_CASE("an encrypted store opens with its key or passphrase, and not otherwise") {
  const file_store_options plain, key{.key = some_key}, other_key{.key = secret(std::string(32, 'l'))},
      passphrase{.passphrase = secret("correct horse")}, other_passphrase{.passphrase = secret("battery")};
  const auto corrupt = [](const auto& outcome) {
    return !outcome && outcome.error().code() == errc::store_corrupt;
  };
  const auto tell_apart = [&](const file_store_options& right, std::vector<file_store_options> wrong) {
    const test::temporary_directory within;
    const auto version = **file_store(within / "store", right).save("k", "a token", no_record);
    CHECK(bytes_of(file_store(within / "store", right).load("k")) == "a token");
    for (const auto& each : wrong) {
      file_store store(within / "store", each);
      CHECK(corrupt(store.load("k")));
      if (&right != &plain) CHECK(corrupt(store.load("unknown")));
      CHECK(corrupt(store.save("k", "x", version)));
      CHECK(corrupt(store.save("unknown", "x", no_record)));
      CHECK(corrupt(store.erase("k", version)));
    }
    CHECK(bytes_of(file_store(within / "store", right).load("k")) == "a token");
    const bool readable = text_of(record_in(within / "store")).find("token") != std::string::npos;
    CHECK(readable == (&right == &plain));
  };
  tell_apart(plain, {key, passphrase});
  tell_apart(key, {plain, other_key, passphrase});
  tell_apart(passphrase, {plain, key, other_passphrase});
}

TEST_CASE("an encrypted store cannot be made a plain one") {
  const test::temporary_directory top;
  file_store plain(top / "plain"), encrypted(top / "store", {.key = some_key});
  REQUIRE(plain.save("k", "planted", no_record));
  REQUIRE(encrypted.save("k", "x", no_record));
  const fs::path record = record_in(top / "store");
  fs::copy_file(record_in(top / "plain"), record, fs::copy_options::overwrite_existing);
  CHECK(encrypted.load("k").error().code() == errc::store_corrupt);
  fs::remove(top / "store/encryption");
  CHECK(encrypted.load("k").error().code() == errc::store_corrupt);
  // Nor is a new file on encryption made beside a record.
  CHECK(encrypted.save("other", "x", no_record).error().code() == errc::store_corrupt);
  fs::remove(record);
  CHECK(encrypted.save("other", "x", no_record)->has_value());
}

TEST_CASE("a damaged record is no empty store, and names its file") {
  const test::temporary_directory top;
  for (const bool encrypted : {false, true}) {
    const std::string path = top / (encrypted ? "encrypted" : "plain");
    file_store store(path, {.key = encrypted ? std::optional(some_key) : std::nullopt});
    const auto version = **store.save("k", "a token", no_record);
    const fs::path record = record_in(path);
    const std::string good = text_of(record);
    std::vector<std::string> damaged{"", "x", good + "x", std::string(good.size(), '\0')};
    for (std::size_t i = 0; i < good.size(); ++i) {
      damaged.push_back(good.substr(0, i));
      damaged.push_back(good);
      damaged.back()[i] ^= 1;
    }
    for (const auto& text : damaged) {
      write(record, text);
      const auto loaded = store.load("k");
      REQUIRE_FALSE(loaded);
      CHECK(loaded.error().code() == errc::store_corrupt);
      CHECK(loaded.error().message().starts_with(record.filename().string() + ": "));
      CHECK(store.save("k", "x", no_record).error().code() == errc::store_corrupt);
      CHECK(store.erase("k", version).error().code() == errc::store_corrupt);
      CHECK(text_of(record) == text);
    }
    fs::resize_file(record, 1ULL << 40);  // a hole
    CHECK(store.load("k").error().code() == errc::store_corrupt);
    write(record, good);
    CHECK(bytes_of(store.load("k")) == "a token");
    // Under another name, it is not what it was written as.
    fs::rename(record, top / "moved");
    REQUIRE(store.save("other", "x", no_record));
    fs::rename(top / "moved", record_in(path));
    CHECK(store.load("other").error().code() == errc::store_corrupt);
  }
}

TEST_CASE("a directory that cannot be made or written is a failure, not an empty store") {
  const test::temporary_directory top;
  write(top / "file", "");
  file_store below_file(top / "file/store");
  CHECK(below_file.load("k").error().code() == errc::store_failed);
  CHECK(below_file.save("k", "x", no_record).error().code() == errc::store_failed);
  file_store too_long(top / std::string(300, 'x'));
  CHECK(too_long.load("k").error().message().ends_with("open: File name too long"));
}

TEST_CASE("parents of the directory may be symbolic links") {
  const test::temporary_directory top;
  fs::create_directory(top / "real");
  fs::create_symlink("real", top / "link");
  CHECK(file_store(top / "link/a/store").save("k", "x", no_record)->has_value());
  CHECK(bytes_of(file_store(top / "real/a/store").load("k")) == "x");
}

TEST_CASE("a directory that goes away while the store is in use is made again") {
  const test::temporary_directory top;
  file_store store(top / "a/store", {.passphrase = secret("correct horse")});
  REQUIRE(store.save("k", "x", no_record));
  CHECK(*store.lease("k", "owner", 1h));
  fs::remove_all(top / "a");
  CHECK(bytes_of(store.load("k")) == "none");
  CHECK(*store.lease("k", "owner", 1h) == false);  // it is gone
  CHECK(*store.lease("k", "owner", 1h) == true);
  CHECK(store.save("k", "y", no_record)->has_value());
  CHECK(bytes_of(file_store(top / "a/store", {.passphrase = secret("correct horse")}).load("k")) == "y");
}

TEST_CASE("writers wait for one that has the lock, and no longer than they want; readers do not wait") {
  const test::temporary_directory top;
  file_store store(top / "store", {.lock_timeout = 20ms});
  const auto version = **store.save("k", "x", no_record);
  test::child holder([&](const test::child::pipes& to) {
    const int directory = ::open((top / "store").c_str(), O_RDONLY | O_DIRECTORY);
    ::flock(directory, LOCK_EX);
    to.tell("locked");
    to.hear();
  });
  REQUIRE(holder.hear() == "locked");
  CHECK(bytes_of(store.load("k")) == "x");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(store.save("k", "y", version).error().code() == errc::store_locked);
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  CHECK(store.erase("k", version).error().code() == errc::store_locked);
  CHECK(store.lease("k", "owner", 1s).error().code() == errc::store_locked);

  file_store impatient(top / "store", {.lock_timeout = -1ms});
  CHECK(impatient.save("k", "y", version).error().code() == errc::store_locked);

  file_store patient(top / "store", {.lock_timeout = std::chrono::milliseconds::max()});
  holder.kill(SIGKILL);
  CHECK(patient.save("k", "y", version)->has_value());
}

TEST_CASE("a file_store behind any_credential_store runs on threads") {
  const test::temporary_directory top;
  asio::io_context context;
  mcp::any_credential_store store{file_store{top / "store"}};
  CHECK((*test::start(context, store.save("k", "bytes", no_record)).wait()).has_value());
  CHECK(bytes_of(test::start(context, store.load("k")).wait()) == "bytes");
  CHECK(*test::start(context, store.lease("k", "owner", 1h, {})).wait());
  CHECK_FALSE(*file_store(top / "store").lease("k", "other", 1h));
  CHECK(test::start(context, store.release("k", "owner")).wait().has_value());
  CHECK(*file_store(top / "store").lease("k", "other", 1h));
}

TEST_CASE("a store may be moved") {
  const test::temporary_directory top;
  file_store first(top / "store", {.key = some_key});
  REQUIRE(first.save("k", "x", no_record));
  REQUIRE(*first.lease("k", "owner", 1h));
  file_store second(std::move(first));
  CHECK(bytes_of(second.load("k")) == "x");
  CHECK(*second.lease("k", "owner", 1h));
  file_store third(top / "other");
  third = std::move(second);
  CHECK(bytes_of(third.load("k")) == "x");
  CHECK_FALSE(*third.lease("k", "other", 1h));
}

TEST_CASE("the default path") {
  const auto path_with = [](const char* state, const char* home) {
    return test::in_child([&] {
      const auto set = [](const char* name, const char* value) {
        value ? ::setenv(name, value, 1) : ::unsetenv(name);
      };
      set("XDG_STATE_HOME", state);
      set("HOME", home);
      return mcp::default_store_path();
    });
  };
  CHECK(path_with("/state", "/home/me") == "/state/asio-mcp");
  CHECK(path_with(nullptr, "/home/me") == "/home/me/.local/state/asio-mcp");
  CHECK(path_with("", "/home/me") == "/home/me/.local/state/asio-mcp");
  CHECK(path_with("relative", "/home/me") == "/home/me/.local/state/asio-mcp");
  const auto of_user = path_with(nullptr, nullptr);
  CHECK((of_user.empty() || of_user.front() == '/'));
  CHECK(path_with(nullptr, "relative") == of_user);
}
