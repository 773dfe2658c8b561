// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>
#include <mcp/base/error.hpp>
#include <mcp/base/result.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// An absolute http or https URL in canonical form (RFC 3986, RFC 9110 §4.2), without userinfo and
/// fragment. Two spellings of one URL compare equal: what RFC 3986 §6.2.2 and §6.2.3 call equivalent
/// (case, percent-encoding, dot segments, default port, empty path) is written in one way.
///
/// All views live as long as the object and are invalidated by assigning to it.
class url {
 public:
  /// Takes an absolute URL. The fragment is dropped; the rest must be what RFC 3986 allows: no spaces,
  /// control or non-ASCII characters, and a port from 1 to 65535. Refused besides: userinfo,
  /// percent-encoded hosts, IPv6 zone identifiers, and IPv4 addresses in other than dotted-decimal form.
  ///
  /// Errors: `invalid_url`, with a message that says what is wrong (and never repeats the text).
  static result<url> parse(std::string_view text);

  /// The URL that `reference` means in a document at this URL, as for a Location field (RFC 3986 §5.2).
  /// Errors: `invalid_url`.
  result<url> resolve(std::string_view reference) const;

  /// "http" or "https".
  std::string_view scheme() const noexcept { return is_tls() ? "https" : "http"; }
  bool is_tls() const noexcept { return tls_; }
  /// Name or address in lower case; an IPv6 address in the form of RFC 5952, without its brackets.
  std::string_view host() const noexcept { return view(host_, host_end_); }
  /// Whether `host()` is an IPv4 or IPv6 address.
  bool is_ip_literal() const noexcept { return ip_literal_; }
  /// The port to connect to, given or implied.
  std::uint16_t port() const noexcept { return port_; }
  /// Value of the Host field: IPv6 in brackets, the port only where it is not the default (RFC 9110 §7.2).
  std::string_view authority() const noexcept { return view(tls_ ? 8 : 7, target_); }
  /// Path and query as they stand in a request line (origin-form, RFC 9112 §3.2.1).
  std::string_view target() const noexcept { return view(target_, text_.size()); }
  /// Scheme, host, and the port where it is not the default (RFC 6454 §6.2).
  std::string_view origin() const noexcept { return view(0, target_); }
  /// The whole URL.
  const std::string& str() const noexcept { return text_; }

  bool same_origin(const url& other) const noexcept { return origin() == other.origin(); }
  friend bool operator==(const url& a, const url& b) noexcept { return a.text_ == b.text_; }

 private:
  url() = default;

  std::string_view view(std::size_t begin, std::size_t end) const noexcept {
    return std::string_view(text_).substr(begin, end - begin);
  }

  const char* set_authority(std::string_view authority);
  const char* set_target(std::string_view target);

  std::string text_;
  std::size_t host_ = 0;
  std::size_t host_end_ = 0;
  std::size_t target_ = 0;
  std::uint16_t port_ = 0;
  bool tls_ = false;
  bool ip_literal_ = false;
};

namespace detail {

inline bool is_ipv4(std::string_view text, std::array<std::uint8_t, 4>& bytes) {
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string_view part = text.substr(0, i < 3 ? text.find('.') : text.size());
    const auto value = ascii::parse_decimal(part);
    if (!value || *value > 255 || (part.size() > 1 && part[0] == '0')) return false;
    bytes[i] = static_cast<std::uint8_t>(*value);
    if (i < 3 && part.size() == text.size()) return false;
    text.remove_prefix(i < 3 ? part.size() + 1 : part.size());
  }
  return true;
}

/// Appends an IPv6 address (RFC 4291 §2.2) in the form of RFC 5952 §4; false if it is none.
inline bool append_ipv6(std::string& out, std::string_view text) {
  std::array<std::uint16_t, 8> groups{};
  std::size_t count = 0;
  std::optional<std::size_t> gap;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(':'));
    std::array<std::uint8_t, 4> ipv4;
    if (count <= 6 && part.size() == text.size() && is_ipv4(part, ipv4)) {
      groups[count++] = static_cast<std::uint16_t>(ipv4[0] << 8 | ipv4[1]);
      groups[count++] = static_cast<std::uint16_t>(ipv4[2] << 8 | ipv4[3]);
      break;
    }
    if (count == 8 || part.empty() || part.size() > 4) return false;
    for (const char c : part) {
      if (ascii::hex_value(c) < 0) return false;
      groups[count] = static_cast<std::uint16_t>(groups[count] << 4 | ascii::hex_value(c));
    }
    ++count;
    text.remove_prefix(part.size());
    if (text.empty()) break;
    text.remove_prefix(1);
    if (text.starts_with(':')) {
      if (gap) return false;
      gap = count;
      text.remove_prefix(1);
    } else if (text.empty()) {
      return false;
    }
  }
  if (gap ? count > 7 : count != 8) return false;
  if (gap) std::rotate(groups.begin() + *gap, groups.begin() + count, groups.end());

  std::size_t zeros = 8;  // the longest run of two or more zero groups, the first of equals
  std::size_t zeros_end = 8;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i >= 2 && end - i > zeros_end - zeros) zeros = i, zeros_end = end;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == zeros) {
      out += "::";
      i = zeros_end - 1;
      continue;
    }
    if (i != 0 && i != zeros_end) out += ':';
    std::array<char, 4> digits;
    out.append(digits.data(), std::to_chars(digits.data(), digits.data() + 4, groups[i], 16).ptr);
  }
  return true;
}

/// Whether a name resolver could take the host for an IPv4 address: its last label is a number.
inline bool ends_in_number(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view label = host.substr(host.rfind('.') + 1);
  if (ascii::parse_decimal(label)) return true;
  return label.size() > 1 && label[0] == '0' && ascii::to_lower(label[1]) == 'x' &&
         std::all_of(label.begin() + 2, label.end(), [](char c) { return ascii::hex_value(c) >= 0; });
}

/// RFC 3986 §2.3.
inline bool is_unreserved(char c) noexcept {
  return ascii::is_alpha(c) || ascii::is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/// Appends a path or query with percent-encoding normalised (RFC 3986 §6.2.2); what is wrong with it,
/// or null.
inline const char* append_normalised(std::string& out, std::string_view part, std::string_view allowed) {
  for (std::size_t i = 0; i < part.size(); ++i) {
    const char c = part[i];
    if (c == '%') {
      const int high = i + 2 < part.size() ? ascii::hex_value(part[i + 1]) : -1;
      const int low = i + 2 < part.size() ? ascii::hex_value(part[i + 2]) : -1;
      if (high < 0 || low < 0) return "a '%' without two hexadecimal digits";
      i += 2;
      const char decoded = static_cast<char>(high << 4 | low);
      if (is_unreserved(decoded)) {
        out += decoded;
      } else {
        constexpr std::string_view digits = "0123456789ABCDEF";
        out.append({'%', digits[static_cast<std::size_t>(high)], digits[static_cast<std::size_t>(low)]});
      }
    } else if (is_unreserved(c) || allowed.find(c) != std::string_view::npos) {
      out += c;
    } else {
      return "a character in the path or query that must be percent-encoded";
    }
  }
  return nullptr;
}

/// Appends an absolute path without its "." and ".." segments (RFC 3986 §5.2.4).
inline void append_without_dots(std::string& out, std::string_view path) {
  const std::size_t root = out.size();
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/', 1));  // with the '/' before it
    path.remove_prefix(segment.size());
    if (segment == "/..") out.resize(out.size() == root ? root : out.rfind('/'));
    if (segment != "/.." && segment != "/.") {
      out += segment;
    } else if (path.empty()) {
      out += '/';
    }
  }
  if (out.size() == root) out += '/';
}

}  // namespace detail

/// Appends the authority to `text_`; what is wrong with it, or null.
inline const char* url::set_authority(std::string_view authority) {
  if (authority.find('@') != std::string_view::npos) return "user name or password in the URL";
  const bool bracketed = authority.starts_with('[');
  const std::size_t host_size = bracketed ? authority.find(']') : authority.find(':');
  if (bracketed && host_size == std::string_view::npos) return "an IPv6 address without its ']'";
  const std::string_view host = authority.substr(bracketed, host_size - bracketed);
  std::string_view rest = authority.substr(std::min(authority.size(), host.size() + (bracketed ? 2 : 0)));

  if (bracketed) {
    text_ += '[';
    host_ = text_.size();
    ip_literal_ = true;
    if (!detail::append_ipv6(text_, host)) return "an invalid IPv6 address";
    host_end_ = text_.size();
    text_ += ']';
  } else {
    if (host.empty()) return "no host";
    host_ = text_.size();
    for (const char c : host) {
      if (!ascii::is_alpha(c) && !ascii::is_digit(c) && c != '-' && c != '.' && c != '_') {
        return "a character in the host that no host name has";
      }
      text_ += ascii::to_lower(c);
    }
    host_end_ = text_.size();
    std::array<std::uint8_t, 4> bytes;
    ip_literal_ = detail::is_ipv4(host, bytes);
    if (!ip_literal_ && detail::ends_in_number(host)) return "an IPv4 address not in dotted-decimal form";
  }

  port_ = tls_ ? 443 : 80;
  if (!rest.empty()) {
    if (rest[0] != ':') return "text between host and port";
    rest.remove_prefix(1);
    if (rest.empty()) return nullptr;  // RFC 3986 §6.2.3: as if not given
    const auto port = ascii::parse_decimal(rest);
    if (!port || *port == 0 || *port > 65535) return "a port that is not a number from 1 to 65535";
    if (*port != port_) text_.append(":").append(std::to_string(*port));
    port_ = static_cast<std::uint16_t>(*port);
  }
  return nullptr;
}

/// Appends path and query to `text_`; what is wrong with them, or null.
inline const char* url::set_target(std::string_view target) {
  const std::size_t path_size = std::min(target.find('?'), target.size());
  std::string path;
  if (const char* fault = detail::append_normalised(path, target.substr(0, path_size), "/:@!$&'()*+,;=")) {
    return fault;
  }
  target_ = text_.size();
  detail::append_without_dots(text_, path);
  return detail::append_normalised(text_, target.substr(path_size), "/?:@!$&'()*+,;=");
}

inline result<url> url::parse(std::string_view text) {
  const auto invalid = [](const char* why) { return failure(errc::invalid_url, why); };
  for (const char c : text) {
    if (c == ' ') return invalid("a space");
    if (c == '\\') return invalid("a backslash");
    if (c == '\t' || ascii::is_control(c)) return invalid("a control character");
    if (static_cast<unsigned char>(c) >= 0x80) return invalid("a character that is not ASCII");
  }
  const std::size_t scheme_size = text.find("://");
  if (scheme_size == std::string_view::npos) return invalid("not an absolute URL");
  const std::string_view scheme = text.substr(0, scheme_size);
  url parsed;
  parsed.tls_ = ascii::equals_lower(scheme, "https");
  if (!parsed.tls_ && !ascii::equals_lower(scheme, "http"))
    return invalid("a scheme other than http and https");
  parsed.text_.append(parsed.scheme()).append("://");

  text.remove_prefix(scheme_size + 3);
  text = text.substr(0, text.find('#'));
  const std::size_t authority_size = std::min(text.find_first_of("/?"), text.size());
  if (const char* fault = parsed.set_authority(text.substr(0, authority_size))) return invalid(fault);
  if (const char* fault = parsed.set_target(text.substr(authority_size))) return invalid(fault);
  return parsed;
}

inline result<url> url::resolve(std::string_view reference) const {
  const std::size_t delimiter = reference.find_first_of(":/?#");
  if (delimiter != std::string_view::npos && reference[delimiter] == ':')
    return parse(reference);  // a scheme
  const std::string_view path = target().substr(0, target().find('?'));
  std::string text;
  if (reference.starts_with("//")) {
    text.append(scheme()).append(":");
  } else if (reference.starts_with('/')) {
    text.append(origin());
  } else if (reference.starts_with('?')) {
    text.append(origin()).append(path);
  } else if (reference.empty() || reference.starts_with('#')) {
    text.append(text_);
  } else {
    text.append(origin()).append(path.substr(0, path.rfind('/') + 1));
  }
  return parse(text.append(reference));
}

}  // namespace mcp::inline v0
