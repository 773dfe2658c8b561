// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/walk.hpp>

#include <deque>
#include <string_view>
#include <vector>

namespace test {

/// A copy of a text with the padding that parsing in place needs, and not a byte more.
class padded_copy {
 public:
  explicit padded_copy(std::string_view text, char padding = '"')
      : bytes_(text.begin(), text.end()), size_(text.size()) {
    bytes_.resize(size_ + mcp::json::padding, padding);
  }

  mcp::json::padded_text text() const { return {{bytes_.data(), size_}}; }

 private:
  std::vector<char> bytes_;
  std::size_t size_;
};

/// One that lives as long as the program, for messages are views.
inline mcp::json::padded_text padded(std::string_view text) {
  static std::deque<padded_copy> copies;
  return copies.emplace_back(text).text();
}

}  // namespace test
