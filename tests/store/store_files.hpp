// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/secret.hpp>
#include <mcp/store/credential_store.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>

/// \file
/// What the tests of a `file_store` look at.
namespace test {

inline const mcp::secret some_key(std::string(32, 'k'));

/// The bytes, "none", or the failure.
inline std::string bytes_of(const mcp::store_result::load& loaded) {
  return loaded ? *loaded ? std::string((*loaded)->bytes.view()) : "none" : loaded.error().describe();
}

/// The file of the one record in there.
inline std::filesystem::path record_in(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".record") return entry.path();
  }
  return {};
}

inline std::set<std::string> names_in(const std::string& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.insert(entry.path().filename());
  return names;
}

inline std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write(const std::filesystem::path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace test
