// SPDX-License-Identifier: MIT
#include <mcp/crypto/aes_gcm.hpp>
#include <mcp/crypto/random_bytes.hpp>
#include <mcp/crypto/scrypt.hpp>
#include <mcp/crypto/sha256.hpp>

#include <catch2/catch_test_macros.hpp>
#include <openssl/err.h>

#include <cstddef>
#include <string>
#include <support/hex.hpp>

namespace crypto = mcp::crypto;
using mcp::secret;
using test::from_hex;

TEST_CASE("SHA-256: FIPS 180-4") {
  CHECK(*crypto::sha256("") == from_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK(*crypto::sha256("abc") ==
        from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK(*crypto::sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        from_hex("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  CHECK(*crypto::sha256(std::string(1'000'000, 'a')) ==
        from_hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

TEST_CASE("scrypt: RFC 7914, section 12") {
  const auto derived = [](const char* passphrase, const char* salt, crypto::scrypt_cost cost) {
    return std::string(crypto::scrypt(passphrase, salt, cost, 64)->view());
  };
  CHECK(derived("", "", {.log2_n = 4, .r = 1, .p = 1}) ==
        from_hex("77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
                 "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"));
  CHECK(derived("password", "NaCl", {.log2_n = 10, .r = 8, .p = 16}) ==
        from_hex("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
                 "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"));
  CHECK(derived("pleaseletmein", "SodiumChloride", {.log2_n = 14, .r = 8, .p = 1}) ==
        from_hex("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                 "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"));
}

TEST_CASE("scrypt refuses a cost without meaning") {
  for (const crypto::scrypt_cost cost :
       {crypto::scrypt_cost{.log2_n = 0}, {.log2_n = 255}, {.r = 0}, {.p = 0}}) {
    const auto refused = crypto::scrypt("passphrase", "salt", cost, 32);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == mcp::errc::crypto_failed);
  }
  CHECK(ERR_peek_error() == 0);
}

namespace {

struct gcm_case {
  const char *key, *nonce, *plain, *additional, *encrypted, *tag;
};

// Test cases 13 to 16 of the GCM specification that was submitted to NIST.
constexpr gcm_case gcm_cases[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "",
     "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "00000000000000000000000000000000", "", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
     "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
     "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"}};

}  // namespace

TEST_CASE("AES-256-GCM: the cases of its specification") {
  for (const gcm_case& each : gcm_cases) {
    const secret key(from_hex(each.key));
    const std::string sealed = from_hex(each.nonce) + from_hex(each.encrypted) + from_hex(each.tag);
    const auto made = crypto::detail::aes_gcm_seal(key, from_hex(each.nonce), from_hex(each.plain),
                                                   from_hex(each.additional));
    CHECK(made->view() == sealed);
    const auto opened = crypto::aes_gcm_open(key, sealed, from_hex(each.additional));
    REQUIRE(opened->has_value());
    CHECK((*opened)->view() == from_hex(each.plain));
  }
}

TEST_CASE("what was sealed opens; what differs in one bit or byte does not") {
  const secret key = *crypto::random_bytes(crypto::aes_key_size);
  const secret sealed = *crypto::aes_gcm_seal(key, "a token", "header");
  CHECK((*crypto::aes_gcm_open(key, sealed.view(), "header"))->view() == "a token");

  const auto opens = [](const secret& with, std::string_view text, std::string_view additional) {
    return crypto::aes_gcm_open(with, text, additional)->has_value();
  };
  CHECK_FALSE(opens(key, sealed.view(), "Header"));
  CHECK_FALSE(opens(key, sealed.view(), ""));
  CHECK_FALSE(opens(*crypto::random_bytes(crypto::aes_key_size), sealed.view(), "header"));
  for (std::size_t size = 0; size < sealed.size(); ++size)
    CHECK_FALSE(opens(key, sealed.view().substr(0, size), "header"));
  for (std::size_t bit = 0; bit < 8 * sealed.size(); ++bit) {
    secret other = sealed;
    other.data()[bit / 8] = static_cast<char>(other.data()[bit / 8] ^ (1 << bit % 8));
    CHECK_FALSE(opens(key, other.view(), "header"));
  }
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("no two texts are sealed under one nonce") {
  const secret key = *crypto::random_bytes(crypto::aes_key_size);
  const auto nonce = [&] {
    return std::string(crypto::aes_gcm_seal(key, "", "")->view().substr(0, crypto::aes_gcm_nonce_size));
  };
  CHECK(nonce() != nonce());
}
