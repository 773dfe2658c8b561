// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What one who uses a store alone is promised.

#include <mcp/store/test_kit/bench.hpp>

#include <asio/awaitable.hpp>

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mcp::inline v0::detail::store_tests {

inline asio::awaitable<void> absent(bench& b) {
  const std::string key = co_await b.fresh_key("absent");
  const auto found = co_await b.store.load(key);
  expect_nothing(found);
}

inline asio::awaitable<void> every_byte(bench& b) {
  const std::string key = co_await b.fresh_key("bytes");
  std::string bytes = "text, then every byte:";
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  const record_version version = co_await b.create(key, bytes);
  const auto found = co_await b.store.load(key);
  expect_record(found, bytes, version);
}

inline asio::awaitable<void> empty_record(bench& b) {
  const std::string key = co_await b.fresh_key("empty");
  const record_version version = co_await b.create(key, "");
  const auto found = co_await b.store.load(key);
  expect_record(found, "", version);
}

inline asio::awaitable<void> large_record(bench& b) {
  const std::string key = co_await b.fresh_key("large");
  std::string bytes;
  while (bytes.size() < b.options.large_record) bytes += std::to_string(bytes.size());
  const record_version version = co_await b.create(key, bytes);
  const auto found = co_await b.store.load(key);
  expect_record(found, bytes, version);
  const auto shorter = co_await b.store.save(key, "shorter", version);
  expect(shorter && *shorter, "a shorter record is saved in its place", shown(shorter));
  const auto after = co_await b.store.load(key);
  expect_record(after, "shorter", **shorter);
}

inline asio::awaitable<void> create_only(bench& b) {
  const std::string key = co_await b.fresh_key("create");
  const record_version version = co_await b.create(key, "first");
  const auto second = co_await b.store.save(key, "second", no_record);
  expect(conflicts(second), "a conflict, as there is a record", shown(second));
  const auto found = co_await b.store.load(key);
  expect_record(found, "first", version);
}

inline asio::awaitable<void> stale_save(bench& b) {
  const std::string key = co_await b.fresh_key("stale-save");
  const record_version first = co_await b.create(key, "first");
  const record_version second = co_await b.overwrite(key, "second");
  const auto stale = co_await b.store.save(key, "stale", first);
  expect(conflicts(stale), "a conflict, as the version is that of an earlier record", shown(stale));
  const auto found = co_await b.store.load(key);
  expect_record(found, "second", second);

  const auto erased = co_await b.store.erase(key, second);
  expect(erased && *erased, "true, as the version is the current one", shown(erased));
  const auto late = co_await b.store.save(key, "late", second);
  expect(conflicts(late), "a conflict, as the record was erased", shown(late));
  const auto after = co_await b.store.load(key);
  expect_nothing(after);
}

inline asio::awaitable<void> versions(bench& b) {
  const std::string key = co_await b.fresh_key("versions");
  std::set<record_version> seen{no_record};
  for (int life = 0; life < 3; ++life) {
    record_version version = no_record;
    for (int saves = 0; saves < 3; ++saves) {
      const auto saved = co_await b.store.save(key, "the same bytes", version);
      expect(saved && *saved, "saved, as the version is the current one", shown(saved));
      version = **saved;
      expect(seen.insert(version).second, "a version that this key never had",
             "version " + std::to_string(version) + " again");
    }
    const auto erased = co_await b.store.erase(key, version);
    expect(erased && *erased, "true, as the version is the current one", shown(erased));
  }
}

inline asio::awaitable<void> erase(bench& b) {
  const std::string key = co_await b.fresh_key("erase");
  const record_version version = co_await b.create(key, "bytes");
  const auto erased = co_await b.store.erase(key, version);
  expect(erased && *erased, "true, as the version is the current one", shown(erased));
  const auto found = co_await b.store.load(key);
  expect_nothing(found);
  const auto again = co_await b.store.erase(key, version);
  expect(again && !*again, "false, as there is no record", shown(again));
}

inline asio::awaitable<void> stale_erase(bench& b) {
  const std::string key = co_await b.fresh_key("stale-erase");
  const record_version first = co_await b.create(key, "first");
  const record_version second = co_await b.overwrite(key, "second");
  for (const record_version version : {first, no_record}) {
    const auto erased = co_await b.store.erase(key, version);
    expect(erased && !*erased, "false, as the version is another one", shown(erased));
    const auto found = co_await b.store.load(key);
    expect_record(found, "second", second);
  }
}

/// Saves a record under each key, then looks whether they are all there, then erases one after the other.
inline asio::awaitable<void> are_different_keys(bench& b, std::vector<std::string> keys) {
  std::vector<record_version> saved;
  for (const auto& key : keys) {
    const record_version version = co_await b.create(key, key);
    saved.push_back(version);
  }
  for (std::size_t gone = 0; gone <= keys.size(); ++gone) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto found = co_await b.store.load(keys[i]);
      if (i < gone) expect_nothing(found);
      if (i >= gone) expect_record(found, keys[i], saved[i]);
    }
    if (gone == keys.size()) break;
    const auto erased = co_await b.store.erase(keys[gone], saved[gone]);
    expect(erased && *erased, "true, as the version is the current one", shown(erased));
  }
}

inline asio::awaitable<void> printable_keys(bench& b) {
  std::string printable;
  for (char each = '!'; each <= '~'; ++each) printable += each;
  std::vector<std::string> keys;
  for (const std::string_view name : {"k", "K", "k/", "k/k", "k%", "k_", "k*", "kk", "..", "../k", "/k",
                                      "k.tmp", "k'", "k\"", "k\\", "k%2F", "%6B", "-k"}) {
    const std::string key = co_await b.fresh_key(name);
    keys.push_back(key);
  }
  const std::string last = co_await b.fresh_key(printable);
  keys.push_back(last);
  co_await are_different_keys(b, keys);
}

inline asio::awaitable<void> long_keys(bench& b) {
  const std::string name(2048 - 1 - b.all().key("").size(), 'k');
  std::vector<std::string> keys;
  for (const std::string_view end : {"", "1", "2"}) {
    const std::string whole = name + std::string(end);
    const std::string key = co_await b.fresh_key(whole);
    keys.push_back(key);
  }
  co_await are_different_keys(b, keys);
}

inline asio::awaitable<void> handles(bench& b) {
  const std::string key = co_await b.fresh_key("handles");
  const record_version first = co_await b.create(key, "first");
  {
    any_credential_store other = b.open();
    const auto found = co_await other.load(key);
    expect_record(found, "first", first);
    const auto saved = co_await other.save(key, "second", first);
    expect(saved && *saved, "saved, as the version is the current one", shown(saved));
    const auto seen = co_await b.store.load(key);
    expect_record(seen, "second", **saved);
    const auto erased = co_await b.store.erase(key, **saved);
    expect(erased && *erased, "true, as the version is the current one", shown(erased));
    const auto gone = co_await other.load(key);
    expect_nothing(gone);
    const auto again = co_await other.save(key, "third", no_record);
    expect(again && *again, "a new record is saved", shown(again));
  }
  b.store = {};
  b.store = b.open();  // now there was a time without any handle
  const auto found = co_await b.store.load(key);
  expect(found && *found && (*found)->bytes.view() == "third",
         "what was saved before all handles were closed", shown(found));
}

inline asio::awaitable<void> damaged(bench& b) {
  if (!b.options.damage) throw skipped{"options.damage is not given"};
  const std::string key = co_await b.fresh_key("damaged");
  const record_version version = co_await b.create(key, "bytes");
  b.options.damage(key);
  const auto found = co_await b.store.load(key);
  expect(!found && found.error().code() == errc::store_corrupt, "errc::store_corrupt", shown(found));
  const auto saved = co_await b.store.save(key, "other bytes", no_record);
  expect(!saved || !*saved, "no success, as there is a record", shown(saved));
  [[maybe_unused]] const auto erased = co_await b.store.erase(key, version);
}

}  // namespace mcp::inline v0::detail::store_tests
