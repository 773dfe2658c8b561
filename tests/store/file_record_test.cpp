// SPDX-License-Identifier: MIT
#include <mcp/crypto/random_bytes.hpp>
#include <mcp/crypto/sha256.hpp>
#include <mcp/store/file_encryption.hpp>
#include <mcp/store/file_record.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <support/hex.hpp>
#include <utility>

using mcp::errc;
using mcp::secret;
using mcp::stored_record;
using mcp::detail::file_encryption;
using mcp::detail::open_record;
using mcp::detail::seal_record;

namespace {

const secret some_key(std::string(32, 'k'));

secret seal(std::string_view bytes, const secret* encryption_key = nullptr,
            std::string_view key = "tokens/1") {
  return *seal_record(key, {secret(bytes), 0x0102030405060708}, encryption_key);
}

/// Whether it opens; what does not is corrupt.
bool opens(std::string_view file, const secret* encryption_key = nullptr) {
  const auto opened = open_record(file, "tokens/1", encryption_key);
  if (!opened) {
    CHECK(opened.error().code() == errc::store_corrupt);
    CHECK(opened.error().message() != "");
  }
  return opened.has_value();
}

/// `file` with another digest at its end.
std::string with_digest(std::string file) {
  file.resize(file.size() - mcp::crypto::sha256_size);
  return file + *mcp::crypto::sha256(file);
}

/// That not one bit or byte may differ.
template <class Opens>
void check_every_change(const secret& file, Opens still_opens) {
  CHECK(still_opens(file.view()));
  for (std::size_t size = 0; size < file.size(); ++size)
    CHECK_FALSE(still_opens(file.view().substr(0, size)));
  for (const char* more : {"x", "\n"}) CHECK_FALSE(still_opens(secret(file).append(more).view()));
  CHECK_FALSE(still_opens(secret(file).append(file.view()).view()));
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    secret other = file;
    other.data()[bit / 8] = static_cast<char>(other.data()[bit / 8] ^ (1 << bit % 8));
    CAPTURE(bit);
    CHECK_FALSE(still_opens(other.view()));
  }
}

}  // namespace

TEST_CASE("a record is laid out as documented") {
  const std::string head = "asio-mcp" + test::from_hex("01 00 0102030405060708 0008 00000005") + "tokens/1";
  CHECK(seal("bytes").view() == head + "bytes" + *mcp::crypto::sha256(head + "bytes"));
}

TEST_CASE("what was sealed opens") {
  for (const secret* key : {static_cast<const secret*>(nullptr), &some_key}) {
    for (const std::string& bytes : {std::string(), std::string("\0\n\xff", 3), std::string(100'000, 'x')}) {
      const auto opened = open_record(seal(bytes, key).view(), "tokens/1", key);
      REQUIRE(opened);
      CHECK(opened->bytes.view() == bytes);
      CHECK(opened->version == 0x0102030405060708);
    }
  }
}

TEST_CASE("an encrypted record does not show its content") {
  CHECK(seal("a refresh token", &some_key).view().find("refresh") == std::string_view::npos);
  CHECK(seal("x", &some_key) != seal("x", &some_key));
}

TEST_CASE("every change to a record is noticed") {
  check_every_change(seal("the content"), [](std::string_view file) { return opens(file); });
  check_every_change(seal(""), [](std::string_view file) { return opens(file); });
  check_every_change(seal("the content", &some_key),
                     [](std::string_view file) { return opens(file, &some_key); });
}

TEST_CASE("who knows the digest but not the key gets nowhere") {
  const std::string plain(seal("the content").view());
  std::string other = plain;
  other[11] = '\x7f';  // in the version
  CHECK(opens(with_digest(other)));
  CHECK_FALSE(opens(with_digest(other), &some_key));
  CHECK_FALSE(opens(plain, &some_key));
  CHECK_FALSE(opens(seal("the content", &some_key).view()));
  const secret other_key(std::string(32, 'l'));
  CHECK_FALSE(opens(seal("the content", &other_key).view(), &some_key));

  std::string renamed(seal("the content", &some_key).view());
  renamed[9] = 0;  // the kind: plain
  CHECK_FALSE(opens(with_digest(renamed), &some_key));
}

TEST_CASE("records that are whole but have no meaning") {
  const std::string good(seal("the content").view());
  const auto changed = [&](std::size_t at, std::string_view by) {
    std::string other = good;
    return with_digest(other.replace(at, by.size(), by));
  };
  CHECK(opens(changed(24, "tokens/1")));
  CHECK_FALSE(opens(changed(24, "tokens/2")));  // another key
  CHECK_FALSE(opens(changed(8, "\x02")));       // another version of the format
  for (const char kind : {'\x02', '\x03', '\x04', '\x05', '\xff'}) CHECK_FALSE(opens(changed(9, {&kind, 1})));
  CHECK_FALSE(opens(changed(10, std::string_view("\0\0\0\0\0\0\0\0", 8))));  // no version
  CHECK_FALSE(opens(changed(18, "\xff\xff")));                               // sizes beyond the end
  CHECK_FALSE(opens(changed(20, "\xff\xff\xff\xff")));
  CHECK_FALSE(opens(changed(18, std::string_view("\0\x09\0\0\0\x0a", 6))));  // the end of the key elsewhere
  CHECK_FALSE(opens(changed(0, "ASIO-MCP")));
  CHECK_FALSE(opens(""));
  CHECK_FALSE(opens(std::string(1000, '\0')));
}

namespace {

/// Whether this is the file of an encrypted store with that key or passphrase.
bool opens(file_encryption& with, std::string_view file) {
  const auto opened = with.open(file);
  if (!opened) CHECK(opened.error().code() == errc::store_corrupt);
  return opened.has_value();
}

}  // namespace

TEST_CASE("the file on encryption knows the key") {
  file_encryption with(some_key, std::nullopt);
  const secret file = *with.make();
  CHECK(**with.open(file.view()) == some_key);
  check_every_change(file, [&](std::string_view changed) { return opens(with, changed); });
  file_encryption with_other(secret(std::string(32, 'l')), std::nullopt);
  CHECK_FALSE(opens(with_other, file.view()));
  file_encryption with_passphrase(std::nullopt, secret(some_key.view()));
  CHECK_FALSE(opens(with_passphrase, file.view()));
}

TEST_CASE("the file on encryption makes a key of the passphrase, once") {
  file_encryption with(std::nullopt, secret("correct horse"));
  const secret file = *with.make();
  const secret key = **with.open(file.view());
  CHECK(key.size() == 32);
  for (int i = 0; i < 1000; ++i) CHECK(opens(with, file.view()));  // 100 s otherwise
  file_encryption again(std::nullopt, secret("correct horse"));
  CHECK(**again.open(file.view()) == key);
  file_encryption wrong(std::nullopt, secret("battery staple"));
  CHECK_FALSE(opens(wrong, file.view()));
  CHECK_FALSE(opens(wrong, file.view()));
  const secret other_store = *with.make();
  CHECK(**with.open(other_store.view()) != key);
  CHECK(**with.open(file.view()) == key);
}

TEST_CASE("a cost of scrypt is neither cheap nor without measure") {
  file_encryption with(std::nullopt, secret("correct horse"));
  const std::string good(with.make()->view());
  for (const char* cost : {"\x0e\x08\x01", "\x0f\x07\x01", "\x01\x01\x01", "\x20\x08\x01", "\xff\xff\xff",
                           "\x0f\x08\x11", "\x13\x08\x01", "\x0f\xff\x01"}) {
    std::string other = good;
    CHECK_FALSE(opens(with, other.replace(10, 3, cost)));
  }
  std::string no_passes = good;
  no_passes[12] = 0;
  CHECK_FALSE(opens(with, no_passes));
  CHECK_FALSE(opens(with, good.substr(0, 12)));
  std::string other_salt = good;
  other_salt[20] ^= 1;
  CHECK_FALSE(opens(with, other_salt));
}

TEST_CASE("a key or a passphrase that cannot be one") {
  const auto refused = [](std::optional<secret> key, std::optional<secret> passphrase) {
    const auto checked = file_encryption(std::move(key), std::move(passphrase)).check();
    return !checked && checked.error().code() == errc::invalid_argument;
  };
  CHECK(refused(secret(std::string(31, 'k')), std::nullopt));
  CHECK(refused(secret(), std::nullopt));
  CHECK(refused(std::nullopt, secret()));
  CHECK(refused(some_key, secret("both")));
  CHECK_FALSE(refused(std::nullopt, std::nullopt));
}
