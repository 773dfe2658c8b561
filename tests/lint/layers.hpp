// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

/// A folder of include/mcp/ and what its files may include: other folders, and which of Asio, OpenSSL and
/// simdjson. Files outside any folder, such as mcp.hpp, may include everything.
struct layer {
  std::string_view name;
  std::string_view folders;
  std::string_view libraries;
};

inline constexpr std::array layers{
    layer{"base", "", "asio/version.hpp"},
    layer{"crypto", "base", "openssl"},
    layer{"async", "base", "asio"},
    layer{"net", "base async", "asio openssl"},
    layer{"http", "base async net", "asio"},
    layer{"sse", "base", ""},
    layer{"json", "base", "simdjson.h"},
    layer{"types", "base json", ""},
    layer{"rpc", "base json", ""},
    layer{"policy", "base", ""},
    layer{"store", "base crypto async json", "asio"},
    layer{"auth", "base crypto async net http json policy store", "asio"},
    layer{"session", "base crypto async net http sse json types rpc policy store", "asio"},
    layer{"recovery", "base crypto async net http sse json types rpc policy store session", "asio"},
};

/// The one header that may include libsecret, which only its users need.
inline constexpr std::string_view libsecret_header = "store/secret_service_key_ring.hpp";

/// The headers by their path below include/mcp/, such as "net/stream.hpp".
using header_texts = std::map<std::string, std::string>;

namespace detail {

inline bool has_word(std::string_view words, std::string_view word) {
  return !word.empty() &&
         (" " + std::string(words) + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

inline std::string_view folder_of(std::string_view path) {
  const auto slash = path.find('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}

/// What stands between the brackets or quotes of each include line.
inline std::vector<std::string> includes_of(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::erase(line, ' ');
    if (!line.starts_with("#include")) continue;
    const auto end = line.find_first_of(">\"", 9);
    found.push_back(line.substr(8, 1) == "<" ? line.substr(9, end - 9) : line.substr(8));
  }
  return found;
}

inline std::string complaint_about(const layer& from, std::string_view path, std::string_view included,
                                   const header_texts& headers) {
  if (included.starts_with('"')) return "write it as <mcp/...>";
  if (included.starts_with("mcp/")) {
    const auto target = included.substr(4);
    const auto folder = folder_of(target);
    if (!headers.contains(std::string(target))) return "there is no such file";
    if (folder != from.name && !has_word(from.folders, folder)) return "its layer must not";
  }
  if (folder_of(included) == "libsecret" && path != libsecret_header) return "its layer must not";
  for (std::string_view library : {"asio", "openssl", "simdjson.h"}) {
    const bool is_of_library = included == library || folder_of(included) == library;
    if (is_of_library && !has_word(from.libraries, library) && !has_word(from.libraries, included)) {
      return "its layer must not";
    }
  }
  return "";
}

/// Follows the includes from `path`, depth first; `trail` is the way to it.
inline void find_cycles(const std::string& path, const header_texts& headers, std::vector<std::string>& trail,
                        std::set<std::string>& done, std::vector<std::string>& complaints) {
  if (std::find(trail.begin(), trail.end(), path) != trail.end()) {
    std::string cycle;
    for (auto at = std::find(trail.begin(), trail.end(), path); at != trail.end(); ++at)
      cycle += *at + " -> ";
    complaints.push_back("cycle: " + cycle + path);
    return;
  }
  if (done.contains(path) || !headers.contains(path)) return;
  trail.push_back(path);
  for (const auto& included : includes_of(headers.at(path))) {
    if (included.starts_with("mcp/")) find_cycles(included.substr(4), headers, trail, done, complaints);
  }
  trail.pop_back();
  done.insert(path);
}

}  // namespace detail

/// Every include that the table forbids, and every cycle.
inline std::vector<std::string> layer_complaints(const header_texts& headers) {
  std::vector<std::string> complaints;
  std::set<std::string> done;
  for (const auto& [path, text] : headers) {
    std::vector<std::string> trail;
    detail::find_cycles(path, headers, trail, done, complaints);

    const auto folder = detail::folder_of(path);
    if (folder.empty()) continue;
    const auto from =
        std::find_if(layers.begin(), layers.end(), [&](const layer& l) { return l.name == folder; });
    if (from == layers.end()) {
      complaints.push_back(path + ": its folder is no layer");
      continue;
    }
    for (const auto& included : detail::includes_of(text)) {
      const auto why = detail::complaint_about(*from, path, included, headers);
      if (!why.empty()) complaints.push_back(path + " includes " + included + ": " + why);
    }
  }
  return complaints;
}

}  // namespace lint
