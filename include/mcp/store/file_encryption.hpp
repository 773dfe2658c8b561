// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/crypto/aes_gcm.hpp>
#include <mcp/crypto/random_bytes.hpp>
#include <mcp/crypto/scrypt.hpp>
#include <mcp/store/file_record.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0::detail {

// An encrypted store has one file that says how, and tells a wrong key from a right one:
//
//     the key was given:       prefix  check
//     out of a passphrase:     prefix  3 bytes: cost of scrypt (log2 N, r, p)  32 bytes: salt  check
//
// The check is an empty text that the key has sealed, with all before as additional data.

inline constexpr std::size_t salt_size = 32;
inline constexpr crypto::scrypt_cost least_cost{};
inline constexpr std::uint64_t most_memory = 256 * 1024 * 1024;

/// How the records of a store are encrypted: the key, or the passphrase that makes one with each salt. Keeps
/// the key that it has made last.
class file_encryption {
 public:
  file_encryption() = default;
  file_encryption(std::optional<secret> key, std::optional<secret> passphrase)
      : key_(std::move(key)), passphrase_(std::move(passphrase)) {}

  /// False for a plain store.
  bool enabled() const noexcept { return key_ || passphrase_; }

  /// Errors: `invalid_argument`.
  result<void> check() const {
    if (key_ && passphrase_) return failure(errc::invalid_argument, "either a key or a passphrase");
    if (key_ && key_->size() != crypto::aes_key_size)
      return failure(errc::invalid_argument, "the key must have 32 bytes");
    if (passphrase_ && passphrase_->empty()) return failure(errc::invalid_argument, "an empty passphrase");
    return {};
  }

  /// The file for a new store. Precondition: `enabled()`.
  result<secret> make() {
    secret file = file_prefix(kind());
    if (passphrase_) {
      const auto salt = crypto::random_bytes(salt_size);
      if (!salt) return salt.error();
      append_number(file, least_cost.log2_n, 1);
      append_number(file, least_cost.r, 1);
      append_number(file, least_cost.p, 1);
      file.append(salt->view());
    }
    const auto key = derive(file.view());
    if (!key) return key.error();
    const auto check = crypto::aes_gcm_seal(**key, "", file.view());
    if (!check) return check.error();
    file.append(check->view());
    return file;
  }

  /// The key to the records of the store that has this file; valid until the next call. Precondition:
  /// `enabled()`. Errors: `store_corrupt`, also where key or passphrase are not those of this store.
  result<const secret*> open(std::string_view file) {
    const auto head = head_of(file);
    if (!head) return head.error();
    const auto key = derive(*head);
    if (!key) return key.error();
    const auto opened = crypto::aes_gcm_open(**key, file.substr(head->size()), *head);
    if (!opened) return opened.error();
    if (!*opened) return failure(errc::store_corrupt, "changed since, or of another key or passphrase");
    return *key;
  }

 private:
  file_kind kind() const noexcept { return key_ ? file_kind::key_check : file_kind::passphrase_check; }

  // What stands before the check. Whoever could lower the cost could try passphrases faster; a cost beyond
  // all measure would stop the program.
  result<std::string_view> head_of(std::string_view file) const {
    file_reader in(file);
    const auto found = in.kind();
    if (!found) return found.error();
    if (*found != kind()) {
      return failure(errc::store_corrupt,
                     key_ ? "not encrypted with a given key" : "not encrypted with a passphrase");
    }
    if (passphrase_) {
      const auto cost = read_cost(in);
      in.bytes(salt_size);
      if (cost.log2_n < least_cost.log2_n || cost.r < least_cost.r || cost.p < least_cost.p ||
          cost.log2_n > 30 || cost.memory() > most_memory || cost.p > 16) {
        return failure(errc::store_corrupt, "a cost that is not allowed");
      }
    }
    in.bytes(crypto::aes_gcm_overhead);
    if (!in.ended()) return failure(errc::store_corrupt, "the size is wrong");
    return file.substr(0, file.size() - crypto::aes_gcm_overhead);
  }

  static crypto::scrypt_cost read_cost(file_reader& in) {
    crypto::scrypt_cost cost;
    cost.log2_n = static_cast<std::uint8_t>(in.number(1));
    cost.r = static_cast<std::uint8_t>(in.number(1));
    cost.p = static_cast<std::uint8_t>(in.number(1));
    return cost;
  }

  result<const secret*> derive(std::string_view head) {
    if (key_) return &*key_;
    if (head != derived_from_) {
      file_reader in(head.substr(file_prefix_size));
      const auto cost = read_cost(in);
      auto key = crypto::scrypt(passphrase_->view(), in.bytes(salt_size), cost, crypto::aes_key_size);
      if (!key) return std::move(key).error();
      std::string from(head);
      derived_ = std::move(*key);
      derived_from_ = std::move(from);
    }
    return &derived_;
  }

  std::optional<secret> key_;
  std::optional<secret> passphrase_;
  secret derived_;
  std::string derived_from_;  // the head of the file with which
};

}  // namespace mcp::inline v0::detail
