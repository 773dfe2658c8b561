// SPDX-License-Identifier: MIT
// Any file can be read; one that opens is what comes out when its record is sealed again. Of an encrypted
// record, none opens but the one that was sealed.
#include <mcp/crypto/sha256.hpp>
#include <mcp/store/file_encryption.hpp>
#include <mcp/store/file_record.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void require_failed_or_resealed(std::string_view file, std::string_view key) {
  const auto opened = mcp::detail::open_record(file, key, nullptr);
  if (!opened) return require(opened.error().code() == mcp::errc::store_corrupt);
  require(mcp::detail::seal_record(key, *opened, nullptr)->view() == file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const mcp::secret key(std::string(32, 'k'));
  static mcp::detail::file_encryption encryption(key, std::nullopt);
  const std::string file(reinterpret_cast<const char*>(data), size);
  require_failed_or_resealed(file, "key");
  // What a fuzzer cannot find: the digest, and the key that stands inside.
  require_failed_or_resealed(file + *mcp::crypto::sha256(file), "key");
  const std::size_t key_size = file.size() < 20 ? 0 : static_cast<unsigned char>(file[19]);
  if (file.size() >= 24) {
    require_failed_or_resealed(file + *mcp::crypto::sha256(file),
                               std::string_view(file).substr(24, key_size));
  }
  require(!mcp::detail::open_record(file, "key", &key));
  require(!encryption.open(file));

  const auto sealed = mcp::detail::seal_record("key", {mcp::secret(file), 1}, &key);
  require(mcp::detail::open_record(sealed->view(), "key", &key)->bytes.view() == file);
  return 0;
}
