// SPDX-License-Identifier: MIT
// A URL is canonical: it parses to itself, whatever way it was reached. The input is a base and a reference
// to resolve, one a line.
#include <mcp/base/url.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using mcp::url;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check(const mcp::result<url>& parsed) {
  if (!parsed) {
    require(parsed.error().code() == mcp::errc::invalid_url && !parsed.error().message().empty());
    return;
  }
  const url& it = *parsed;
  const auto again = url::parse(it.str());
  require(again && *again == it && again->host() == it.host() && again->port() == it.port() &&
          again->target() == it.target() && again->is_ip_literal() == it.is_ip_literal());
  for (const char c : it.str()) require(c > ' ' && c < 0x7f && c != '\\' && c != '#');

  const std::string host = it.host().find(':') == std::string_view::npos ? std::string(it.host())
                                                                         : "[" + std::string(it.host()) + "]";
  const std::string port = it.port() == (it.is_tls() ? 443 : 80) ? "" : ":" + std::to_string(it.port());
  require(it.authority() == host + port && !it.host().empty() && it.port() != 0);
  require(it.origin() == std::string(it.scheme()) + "://" + std::string(it.authority()));
  require(it.str() == std::string(it.origin()) + std::string(it.target()));
  require(it.target().starts_with('/'));
  const std::string_view path = it.target().substr(0, it.target().find('?'));
  require((std::string(path) + "/").find("/../") == std::string::npos);
  require((std::string(path) + "/").find("/./") == std::string::npos);

  for (const std::string_view same :
       {std::string_view(it.str()), it.target(), std::string_view(), std::string_view("#f")}) {
    if (same.starts_with("//")) continue;  // a path that, alone, looks like an authority
    const auto resolved = it.resolve(same);
    require(resolved && *resolved == it && it.same_origin(*resolved));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view reference = input.substr(std::min(end + 1, input.size()));
  const auto base = url::parse(input.substr(0, end));
  check(base);
  check(url::parse(reference));
  if (base) check(base->resolve(reference));
  return 0;
}
