// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <initializer_list>
#include <string>
#include <string_view>

namespace mcp::inline v0::detail {

/// The key of a record: its kind and what else tells it from others, in this order. Whatever the parts hold,
/// different parts make different keys.
inline std::string store_key(std::string_view kind, std::initializer_list<std::string_view> parts) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string key(kind);
  for (const std::string_view part : parts) {
    key += '/';
    for (const char c : part) {
      if (ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.' || c == '_' || c == ':') {
        key += c;
      } else {
        const auto byte = static_cast<unsigned char>(c);
        key.append({'%', digits[byte >> 4], digits[byte & 15]});
      }
    }
  }
  return key;
}

}  // namespace mcp::inline v0::detail
