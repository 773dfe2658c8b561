// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw std::runtime_error("cannot read " + path.string() +
                             " (this runs in the top folder of the repository)");
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The C++ files under `folders`, sorted.
inline std::vector<std::filesystem::path> cpp_files(std::initializer_list<std::string_view> folders) {
  std::vector<std::filesystem::path> files;
  for (std::string_view folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      const auto extension = entry.path().extension();
      if (extension == ".hpp" || extension == ".cpp") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// One complaint a line, as a test prints them.
inline std::string lines(const std::vector<std::string>& complaints) {
  std::string text;
  for (const auto& complaint : complaints) text.append("\n").append(complaint);
  return text;
}

}  // namespace lint
