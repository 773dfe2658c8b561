// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/completion_condition.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace example {

/// An HTTP/1.1 request with a Content-Length body or none.
struct http_request {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;

  /// Value of the field `name`, which is in lower case; empty if there is none.
  std::string_view field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (mcp::ascii::equals_lower(key, name)) return value;
    }
    return {};
  }
};

/// Splits the head of a request, without the empty line at its end. False if it is none.
inline bool parse_head(std::string_view head, http_request& request) {
  const auto take_line = [&head] {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    return line;
  };
  const std::string_view start = take_line();
  const std::size_t space = start.find(' ');
  const std::size_t version = start.rfind(" HTTP/1.1");
  if (space == start.npos || version == start.npos || version <= space) return false;
  request.method = start.substr(0, space);
  request.target = start.substr(space + 1, version - space - 1);
  request.fields.clear();
  while (!head.empty()) {
    const std::string_view line = take_line();
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return false;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && mcp::ascii::is_ows(value.front())) value.remove_prefix(1);
    while (!value.empty() && mcp::ascii::is_ows(value.back())) value.remove_suffix(1);
    request.fields.emplace_back(line.substr(0, colon), value);
  }
  return true;
}

/// Reads the next request of a connection; what was read beyond it stays in `buffer`. False if the
/// client has gone, or sends what this server does not read.
template <class Stream>
asio::awaitable<bool> read_request(Stream& stream, std::string& buffer, http_request& request) {
  constexpr std::size_t max_body = 16 * 1024 * 1024;
  std::error_code ec;
  const std::size_t head_size =
      co_await asio::async_read_until(stream, asio::dynamic_buffer(buffer, 64 * 1024 + max_body), "\r\n\r\n",
                                      asio::redirect_error(asio::use_awaitable, ec));
  if (ec || !parse_head(std::string_view(buffer).substr(0, head_size - 4), request)) co_return false;
  buffer.erase(0, head_size);

  const auto length = mcp::ascii::parse_decimal(request.field("content-length"));
  const std::size_t body_size = length.value_or(0);
  if (body_size > max_body || !request.field("transfer-encoding").empty()) co_return false;
  if (buffer.size() < body_size) {
    const std::size_t missing = body_size - buffer.size();
    co_await asio::async_read(stream, asio::dynamic_buffer(buffer), asio::transfer_exactly(missing),
                              asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return false;
  }
  request.body = buffer.substr(0, body_size);
  buffer.erase(0, body_size);
  co_return true;
}

/// The head of a response. `fields` are whole lines, each ended by CRLF.
inline std::string response_head(int status, std::string_view fields) {
  const auto reason = [status] {
    switch (status) {
      case 200: return " OK\r\n";
      case 202: return " Accepted\r\n";
      case 400: return " Bad Request\r\n";
      case 403: return " Forbidden\r\n";
      case 404: return " Not Found\r\n";
      case 405: return " Method Not Allowed\r\n";
      case 406: return " Not Acceptable\r\n";
      case 415: return " Unsupported Media Type\r\n";
      default: return " \r\n";
    }
  };
  return std::string("HTTP/1.1 ")
      .append(std::to_string(status))
      .append(reason())
      .append(fields)
      .append("\r\n");
}

/// One chunk of a chunked body; of no data: the last one (RFC 9112 §7.1).
inline std::string chunk(std::string_view data) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string size;
  for (std::size_t rest = data.size(); rest != 0 || size.empty(); rest /= 16)
    size.insert(0, 1, digits[rest % 16]);
  return size.append("\r\n").append(data).append("\r\n");
}

/// One event of an event stream; with an id unless that is empty.
inline std::string event(std::string_view data, std::string_view id) {
  std::string out = "event: message\n";
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  return out.append("data: ").append(data).append("\n\n");
}

}  // namespace example
