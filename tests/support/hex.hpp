// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace test {

/// The bytes that these digits stand for. Spaces between them are allowed.
inline std::string from_hex(std::string_view digits) {
  std::string bytes;
  int high = -1;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    const int value = mcp::ascii::hex_value(digit);
    if (high >= 0) bytes.push_back(static_cast<char>(high << 4 | value));
    high = high >= 0 ? -1 : value;
  }
  return bytes;
}

}  // namespace test
