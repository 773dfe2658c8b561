// SPDX-License-Identifier: MIT
// One operation on a file_store, for a test that lets its system calls fail: one_operation DIRECTORY WHAT,
// where WHAT is save, save-encrypted, load, erase or lease. Prints "ok" or the failure.
#include <mcp/store/file_store.hpp>

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

#include <unistd.h>

namespace {

std::string text_of(const mcp::failure& why) { return why.describe(); }

std::string run(mcp::file_store& store, std::string_view what) {
  using namespace std::chrono_literals;
  if (what == "lease") {
    const auto leased = store.lease("k", "owner", 1h);
    ::getppid();
    return !leased ? text_of(leased.error()) : *leased ? "ok" : "refused";
  }
  const auto found = store.load("k");
  if (what == "load" || !found) {
    ::getppid();
    return found ? "ok" : text_of(found.error());
  }
  const auto version = *found ? (*found)->version : mcp::no_record;
  if (what == "erase") {
    const auto erased = store.erase("k", version);
    ::getppid();
    return !erased ? text_of(erased.error()) : *erased ? "ok" : "refused";
  }
  const auto saved = store.save("k", "the new record", version);
  ::getppid();
  return !saved ? text_of(saved.error()) : saved->has_value() ? "ok" : "refused";
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const std::string_view what = arguments[2];
  mcp::file_store_options options;
  if (what == "save-encrypted") options.key = mcp::secret(std::string(32, 'k'));
  mcp::file_store store(arguments[1], options);
  // OpenSSL and the C library open files of their own when they are used first.
  static_cast<void>(mcp::crypto::sha256(""));
  static_cast<void>(mcp::crypto::random_bytes(1));
  static_cast<void>(mcp::crypto::aes_gcm_seal(mcp::secret(std::string(32, 'k')), "", ""));
  ::getppid();  // from here to the next one, the calls are the store's
  std::puts(run(store, what).c_str());
  return 0;
}
