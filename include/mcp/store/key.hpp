// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/base64.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/url.hpp>
#include <mcp/crypto/sha256.hpp>

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

/// What stands for a URL in a key. Of a query, which may hold a secret, only a hash is in it.
inline result<std::string> resource_name(const url& resource) {
  const std::string_view text = resource.str();
  const auto query = text.find('?');
  std::string name(text.substr(0, query));
  if (query == text.npos) return name;
  const auto digest = crypto::sha256(text.substr(query + 1));
  if (!digest) return digest.error();
  encode_base64url(name += '?', digest->substr(0, 16));
  return name;
}

}  // namespace mcp::inline v0::detail
