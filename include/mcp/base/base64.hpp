// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mcp::inline v0 {

namespace detail {

struct base64_alphabet {
  std::string_view digits;
  bool padded;
  std::array<std::int8_t, 256> values;

  constexpr base64_alphabet(std::string_view of_digits, bool with_padding)
      : digits(of_digits), padded(with_padding), values() {
    values.fill(-1);
    for (std::size_t i = 0; i < 64; ++i) {
      values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
    }
  }
};

inline constexpr base64_alphabet base64_standard{
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true};
inline constexpr base64_alphabet base64_url{
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false};

inline void encode_base64(std::string& out, std::string_view bytes, const base64_alphabet& alphabet) {
  std::uint32_t pending = 0;  // bits that are not yet written, in the low end
  unsigned bits = 0;
  for (const char byte : bytes) {
    pending = pending << 8 | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 6; bits -= 6) out += alphabet.digits[pending >> (bits - 6) & 63];
  }
  if (bits != 0) out += alphabet.digits[pending << (6 - bits) & 63];
  if (alphabet.padded && bits != 0) out.append(bits == 2 ? 2 : 1, '=');
}

inline bool decode_base64(std::string& out, std::string_view text, const base64_alphabet& alphabet) {
  if (alphabet.padded) {
    if (text.size() % 4 != 0) return false;
    if (text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
  }
  if (text.size() % 4 == 1) return false;
  const std::size_t start = out.size();
  std::uint32_t pending = 0;
  unsigned bits = 0;
  for (const char digit : text) {
    const std::int8_t value = alphabet.values[static_cast<unsigned char>(digit)];
    if (value < 0) return out.resize(start), false;
    pending = pending << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(pending >> bits & 0xff);
  }
  const bool canonical = (pending & ((1U << bits) - 1)) == 0;
  if (!canonical) out.resize(start);
  return canonical;
}

}  // namespace detail

/// Appends `bytes` in Base64 with padding (RFC 4648 §4).
inline void encode_base64(std::string& out, std::string_view bytes) {
  detail::encode_base64(out, bytes, detail::base64_standard);
}

/// Appends `bytes` in the URL-safe alphabet without padding (RFC 4648 §5, as RFC 7515 and RFC 7636 use it).
inline void encode_base64url(std::string& out, std::string_view bytes) {
  detail::encode_base64(out, bytes, detail::base64_url);
}

/// Appends what `text` stands for. False, and `out` as it was, unless `text` is exactly what
/// `encode_base64` writes: no white space, padding present, unused bits zero (RFC 4648 §3.5).
inline bool decode_base64(std::string& out, std::string_view text) {
  return detail::decode_base64(out, text, detail::base64_standard);
}

/// The same for `encode_base64url`: padding is refused.
inline bool decode_base64url(std::string& out, std::string_view text) {
  return detail::decode_base64(out, text, detail::base64_url);
}

}  // namespace mcp::inline v0
