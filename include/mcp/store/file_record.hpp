// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/crypto/aes_gcm.hpp>
#include <mcp/crypto/random_bytes.hpp>
#include <mcp/crypto/sha256.hpp>
#include <mcp/store/credential_store.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0::detail {

// What is in the files of a `file_store`, without the files. All numbers are big-endian.
//
//     every file:  "asio-mcp"  1 byte: version of the format, 1  1 byte: kind of file
//     a record:    8 bytes: its version  2: size of its key  4: size of its content  key
//                  plain:      content  SHA-256 of all before
//                  encrypted:  nonce  encrypted content  tag, as AES-256-GCM has it; all before is
//                              additional data
//
// Whether a record has to be encrypted is not read from it: who can write files but has no key cannot
// smuggle in a plain one.

enum class file_kind : std::uint8_t {
  plain_record = 0,
  encrypted_record = 1,
  key_check = 2,         // see file_encryption.hpp
  passphrase_check = 3,  // the same
  lease = 4,             // see file_lease.hpp
};

inline constexpr std::size_t file_prefix_size = 10;
inline constexpr std::size_t max_key_size = 2 * 1024;
inline constexpr std::size_t max_content_size = 16 * 1024 * 1024;

inline void append_number(secret& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    const char byte = static_cast<char>(value >> shift & 0xff);
    out.append({&byte, 1});
  }
}

inline secret file_prefix(file_kind kind) {
  secret out("asio-mcp\x01");
  append_number(out, static_cast<std::uint64_t>(kind), 1);
  return out;
}

/// Takes a file apart, front to back. After a read beyond the end, all is empty or 0, and `ended()` false.
class file_reader {
 public:
  explicit file_reader(std::string_view file) noexcept : rest_(file) {}

  std::string_view bytes(std::size_t size) noexcept {
    if (size > rest_.size()) beyond_ = true;
    if (beyond_) return {};
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::uint64_t number(std::size_t size) noexcept {
    std::uint64_t value = 0;
    for (const char byte : bytes(size)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  /// Whether all was read, and nothing beyond.
  bool ended() const noexcept { return rest_.empty() && !beyond_; }

  /// The kind of file that this is.
  result<file_kind> kind() {
    if (bytes(8) != "asio-mcp") return failure(errc::store_corrupt, "not a file of this store");
    if (number(1) != 1) return failure(errc::store_corrupt, "unknown version of the format");
    const auto kind = number(1);
    if (beyond_ || kind > static_cast<std::uint64_t>(file_kind::lease))
      return failure(errc::store_corrupt, "unknown kind of file");
    return static_cast<file_kind>(kind);
  }

 private:
  std::string_view rest_;
  bool beyond_ = false;
};

/// Random, so that none comes twice: 63 bits, for those who keep versions in signed numbers.
inline result<record_version> new_version() {
  const auto bytes = crypto::random_bytes(8);
  if (!bytes) return bytes.error();
  const auto version = file_reader(bytes->view()).number(8) >> 1;
  return version == no_record ? 1 : version;
}

/// The file of a record; encrypted if there is an `encryption_key`. The sizes are those that are allowed.
inline result<secret> seal_record(std::string_view key, const stored_record& record,
                                  const secret* encryption_key) {
  secret file = file_prefix(encryption_key ? file_kind::encrypted_record : file_kind::plain_record);
  append_number(file, record.version, 8);
  append_number(file, key.size(), 2);
  append_number(file, record.bytes.size(), 4);
  file.append(key);
  if (encryption_key) {
    const auto sealed = crypto::aes_gcm_seal(*encryption_key, record.bytes.view(), file.view());
    if (!sealed) return sealed.error();
    file.append(sealed->view());
  } else {
    file.append(record.bytes.view());
    const auto digest = crypto::sha256(file.view());
    if (!digest) return digest.error();
    file.append(*digest);
  }
  return file;
}

/// The record of `key` that was sealed with the same `encryption_key`. Errors: `store_corrupt` for everything
/// else, and `crypto_failed`.
inline result<stored_record> open_record(std::string_view file, std::string_view key,
                                         const secret* encryption_key) {
  file_reader in(file);
  const auto kind = in.kind();
  if (!kind) return kind.error();
  if (*kind != (encryption_key ? file_kind::encrypted_record : file_kind::plain_record)) {
    return failure(errc::store_corrupt,
                   encryption_key ? "not an encrypted record" : "not a record without encryption");
  }
  stored_record record;
  record.version = in.number(8);
  const auto key_size = static_cast<std::size_t>(in.number(2));
  const auto content_size = static_cast<std::size_t>(in.number(4));
  const auto key_inside = in.bytes(key_size);
  const auto before = file.substr(0, file_prefix_size + 14 + key_size);
  const auto content = in.bytes(content_size + (encryption_key ? crypto::aes_gcm_overhead : 0));
  const auto digest = in.bytes(encryption_key ? 0 : crypto::sha256_size);
  if (!in.ended()) return failure(errc::store_corrupt, "the size is wrong");
  if (encryption_key) {
    auto opened = crypto::aes_gcm_open(*encryption_key, content, before);
    if (!opened) return std::move(opened).error();
    if (!*opened) return failure(errc::store_corrupt, "changed since, or encrypted with another key");
    record.bytes = std::move(**opened);
  } else {
    const auto computed = crypto::sha256(file.substr(0, file.size() - digest.size()));
    if (!computed) return computed.error();
    if (*computed != digest) return failure(errc::store_corrupt, "changed since");
    record.bytes = secret(content);
  }
  if (key_inside != key) return failure(errc::store_corrupt, "the record of another key");
  if (record.version == no_record) return failure(errc::store_corrupt, "it has no version");
  return record;
}

}  // namespace mcp::inline v0::detail
