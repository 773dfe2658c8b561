// SPDX-License-Identifier: MIT
// By their tags, these tests run in different sessions: see the script `run`.
#include "tests/store/store_files.hpp"
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/secret_service_store.hpp>
#include <mcp/store/test_kit.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <support/started.hpp>
#include <support/temporary_directory.hpp>
#include <type_traits>

#include <signal.h>

using mcp::errc;
using mcp::no_record;
using mcp::secret;
using ring_store = mcp::secret_service_store;  // libsecret has a function of that name
using mcp::detail::key_ring;
using test::bytes_of;
using namespace std::chrono_literals;

static_assert(mcp::BlockingLeasingCredentialStore<ring_store>);
static_assert(!std::is_copy_constructible_v<ring_store>);

namespace {

/// Writes into the item of the key, which is made if need be.
void put(const std::string& key, std::string_view bytes) {
  const auto ring = key_ring::open().value();
  const auto item = ring.find(key).value();
  ring.write(key, item.get(), secret(bytes)).value();
}

std::string item_of(const std::string& key) {
  const auto ring = key_ring::open().value();
  return std::string(key_ring::read(*ring.find(key).value()).value().view());
}

/// What the operations say, which all fail alike.
std::string failure_of(ring_store& store) {
  const auto loaded = bytes_of(store.load("k"));
  CHECK(store.save("k", "x", no_record).error().describe() == loaded);
  CHECK(store.erase("k", 1).error().describe() == loaded);
  return loaded;
}

/// What is under "k". (A save might still be freeing memory of OpenSSL's in its thread when this process
/// ends.)
std::string loaded_by(mcp::any_credential_store store) {
  asio::io_context context;
  return bytes_of(test::start(context, store.load("k")).wait());
}

/// A directory with "in a file" under "k".
std::string files_in(const std::string& directory) {
  CHECK(mcp::file_store(directory).save("k", "in a file", no_record)->has_value());
  return directory;
}

}  // namespace

TEST_CASE("the key ring is a store", "[kit]") {
  const test::temporary_directory top;
  const auto open = [&] { return ring_store(top / "store"); };
  const auto damage = [](std::string_view key) { put(std::string(key), "damaged"); };
  const auto report = mcp::run_test_store(open, {.damage = damage, .updates = 10});
  INFO(report.summary());
  CHECK(report.count(mcp::store_test::outcome::passed) == report.tests.size());
}

TEST_CASE("a person can tell whose item it is") {
  const test::temporary_directory top;
  ring_store store(top / "store");
  CHECK(store.save("some/key", "bytes", no_record)->has_value());
  const auto ring = key_ring::open().value();
  const auto item = ring.find("some/key").value();
  char* const label = secret_item_get_label(item.get());
  CHECK(std::string(label) == "asio-mcp: some/key");
  g_free(label);
}

TEST_CASE("what cannot be kept is refused") {
  const test::temporary_directory top;
  ring_store store(top / "store");
  for (const std::string& key : {std::string("\xff"), std::string("a\0b", 3), std::string("ä"),
                                 std::string("a b"), std::string(2049, 'k')}) {
    CHECK(store.load(key).error().code() == errc::invalid_argument);
    CHECK(store.save(key, "x", no_record).error().code() == errc::invalid_argument);
    CHECK(store.erase(key, 1).error().code() == errc::invalid_argument);
  }
  CHECK(ring_store("").load("k").error().code() == errc::invalid_argument);
  const std::string large((16U << 20) + 1, 'x');
  CHECK(store.save("k", large, no_record).error().code() == errc::invalid_argument);
}

TEST_CASE("a damaged item is told from none") {
  const test::temporary_directory top;
  ring_store store(top / "store");
  CHECK(store.save("whole", "bytes", no_record)->has_value());
  const std::string whole = item_of("whole");
  const auto damaged = [&](std::string_view bytes) {
    put("damaged", bytes);
    CHECK(store.save("damaged", "x", no_record).error().code() == errc::store_corrupt);
    CHECK(store.erase("damaged", 1).error().code() == errc::store_corrupt);
    CHECK(store.load("damaged").error().message().starts_with("asio-mcp: damaged: "));
    CHECK(item_of("damaged") == bytes);
    return store.load("damaged").error().code() == errc::store_corrupt;
  };
  CHECK(damaged(""));
  CHECK(damaged("edited by hand"));
  CHECK(damaged(whole));  // the record of another key
  CHECK(damaged(whole.substr(1)));
  CHECK(bytes_of(store.load("whole")) == "bytes");

  key_ring::open().value().write("twice", nullptr, secret(whole)).value();
  key_ring::open().value().write("twice", nullptr, secret(whole)).value();
  CHECK(store.load("twice").error().code() == errc::store_corrupt);
}

TEST_CASE("operations wait for their turn, but not for long") {
  const test::temporary_directory top;
  ring_store store(top / "store//", 0ms);
  CHECK(bytes_of(store.load("none")) == "none");
  auto other = mcp::detail::file_directory::open(top / "store").value().value();
  other.lock(0ms).value();
  CHECK(store.load("k").error().code() == errc::store_locked);
  CHECK(failure_of(store) == bytes_of(store.load("k")));
}

TEST_CASE("a directory that others can use is refused") {
  const test::temporary_directory top;
  std::filesystem::permissions(top.path(), std::filesystem::perms::all);
  ring_store store(top.path());
  CHECK(store.load("k").error().code() == errc::store_insecure);
  CHECK(failure_of(store) == bytes_of(store.load("k")));
}

TEST_CASE("a desktop keeps its records in the key ring") {
  const test::temporary_directory top;
  const std::string both = files_in(top / "store");
  CHECK(ring_store(both).save("k", "in the key ring", no_record)->has_value());
  CHECK(ring_store::available());
  CHECK(loaded_by(mcp::desktop_store(both)) == "in the key ring");
}

TEST_CASE("without a session bus, records are in files") {
  const test::temporary_directory top;
  const std::string files = files_in(top / "files");
  const std::string bus = std::getenv("DBUS_SESSION_BUS_ADDRESS");
  for (const char* const none : {"unix:path=/nowhere", "nonsense"}) {
    ::setenv("DBUS_SESSION_BUS_ADDRESS", none, 1);
    ring_store store(top / "ring");
    CHECK(store.load("k").error().code() == errc::store_failed);
    CHECK(failure_of(store).find("the Secret Service: ") != std::string::npos);
    CHECK_FALSE(ring_store::available());
    CHECK(loaded_by(mcp::desktop_store(files)) == "in a file");
  }
  ::setenv("DBUS_SESSION_BUS_ADDRESS", bus.c_str(), 1);
  CHECK(ring_store::available());
}

TEST_CASE("a locked key ring is a failure, also of a desktop", "[locked]") {
  const test::temporary_directory top;
  ring_store store(top / "store");
  CHECK(store.load("k").error().code() == errc::store_failed);
  CHECK(failure_of(store).ends_with("the default key ring is locked"));
  CHECK(ring_store::available());
  CHECK(loaded_by(mcp::desktop_store(files_in(top / "store"))) == bytes_of(store.load("k")));
}

TEST_CASE("no prompt is shown to a person", "[locked]") {
  using mcp::detail::glib_ptr;
  mcp::detail::glib_error error;
  const glib_ptr<SecretService> service(secret_service_open_sync(
      mcp::detail::promptless_service::type(), nullptr, SECRET_SERVICE_NONE, nullptr, error.out()));
  const glib_ptr<GHashTable> attributes(g_hash_table_new(g_str_hash, g_str_equal));
  const glib_ptr<SecretValue> value(secret_value_new("x", 1, "text/plain"));
  CHECK_FALSE(secret_service_store_sync(service.get(), nullptr, attributes.get(), SECRET_COLLECTION_DEFAULT,
                                        "label", value.get(), nullptr, error.out()));
  CHECK(error.why().message() == "the Secret Service: a person would have to agree to it");
}

TEST_CASE("where nobody has a key ring, records are in files", "[no-ring]") {
  const test::temporary_directory top;
  ring_store store(top / "ring");
  CHECK(store.load("k").error().code() == errc::store_failed);
  CHECK(failure_of(store).ends_with("there is no default key ring"));
  CHECK_FALSE(ring_store::available());
  CHECK(loaded_by(mcp::desktop_store(files_in(top / "files"))) == "in a file");
}

TEST_CASE("a bus that ends does not end this process", "[locked]") {
  const test::temporary_directory top;
  {
    const auto ring = key_ring::open().value();
    GDBusConnection* const bus = g_bus_get_sync(G_BUS_TYPE_SESSION, nullptr, nullptr);
    const auto call = [&](const char* method) {
      return g_dbus_connection_call_sync(bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", method,
                                         g_variant_new("(s)", "org.freedesktop.DBus"), nullptr,
                                         G_DBUS_CALL_FLAGS_NONE, -1, nullptr, nullptr);
    };
    GVariant* const answer = call("GetConnectionUnixProcessID");
    guint32 process = 0;
    g_variant_get(answer, "(u)", &process);
    g_variant_unref(answer);
    REQUIRE(::kill(static_cast<pid_t>(process), SIGTERM) == 0);
    while (GVariant* const alive = call("NameHasOwner")) g_variant_unref(alive);
    g_object_unref(bus);
  }
  ring_store store(top / "store");
  CHECK(store.load("k").error().code() == errc::store_failed);
}
