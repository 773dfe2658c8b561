// SPDX-License-Identifier: MIT
// However a response is split, whether its body is waited for or taken as it comes, the outcome is the same.
#include <mcp/base/ascii.hpp>
#include <mcp/http/fields.hpp>
#include <mcp/http/response_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using mcp::errc;
using mcp::http::parse_status;
using mcp::http::response_parser;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// How long the next piece is.
class splitter {
 public:
  splitter(std::size_t longest, std::uint32_t seed) : longest_(longest), state_(seed | 1) {}
  std::size_t next() {
    state_ = state_ * 1664525 + 1013904223;
    return longest_ == 0 ? SIZE_MAX : 1 + (state_ >> 8) % longest_;
  }

 private:
  std::size_t longest_;  // 0: no limit
  std::uint32_t state_;
};

struct outcome {
  errc error{};
  int status = 0;
  std::string head;  // fields, and what is understood of them
  std::string body;
  std::string surplus;
  bool complete = false;
  bool keep_alive = false;

  bool operator==(const outcome&) const = default;
};

std::string describe(const mcp::http::response_head& head, const char* data, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < head.field_count(); ++i) {
    const auto [name, value] = head.field(data, i);
    require(mcp::http::is_token(name) && mcp::http::trim_ows(value) == value);
    require(mcp::ascii::skip_text(value.data(), value.data() + value.size()) == value.data() + value.size());
    require(name.data() >= data && value.data() > name.data() && value.data() + value.size() < data + size);
    text.append(name).append(":").append(value).append("\n");
  }
  return text + std::string(head.content_type(data)) + std::to_string(head.content_length().value_or(7)) +
         std::to_string(head.keep_alive_timeout().value_or(7)) + std::to_string(head.is_chunked());
}

outcome parse(std::string_view input, splitter pieces, const mcp::limits& limits, bool head_request,
              bool end_of_stream, bool stream) {
  response_parser parser(limits);
  parser.start(head_request);
  outcome got;
  std::vector<char> buffer;
  parse_status last = parse_status::need_more;
  bool had_head = false;
  do {
    const std::string_view piece = input.substr(0, pieces.next());
    input.remove_prefix(piece.size());
    buffer.insert(buffer.end(), piece.begin(), piece.end());
    buffer = std::vector<char>(buffer);  // moves, and shows the sanitizer where it ends
    while ((last = parser.parse(buffer.data(), buffer.size(), input.empty() && end_of_stream)) ==
           parse_status::head) {
      require(!had_head && parser.head().status() >= 200);
      had_head = true;
      got.head = describe(parser.head(), buffer.data(), parser.head_size());
      if (stream) parser.stream_body();
    }
    require(parser.head_size() <= parser.body_begin() || !had_head);
    require(parser.body_begin() <= parser.body_end() && parser.body_end() <= parser.raw_end());
    require(parser.raw_end() <= buffer.size() && parser.complete() == (last == parse_status::complete));
    if (stream && had_head) {
      got.body.append(buffer.data() + parser.body_begin(), parser.body_end() - parser.body_begin());
      const std::size_t taken = parser.body_end();
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(taken));
      parser.discard(taken);
      buffer.resize(parser.compact(buffer.data(), buffer.size()));
    }
  } while (!input.empty());
  if (!stream) got.body.assign(buffer.data() + parser.body_begin(), parser.body_end() - parser.body_begin());
  got.status = parser.head().status();
  got.complete = last == parse_status::complete;
  got.keep_alive = parser.keep_alive();
  if (last == parse_status::failed) got.error = parser.error();
  if (got.complete)
    got.surplus.assign(buffer.begin() + static_cast<std::ptrdiff_t>(parser.raw_end()), buffer.end());
  require(!got.keep_alive || got.complete);
  if (got.complete && parser.head().content_length() && !got.body.empty()) {
    require(got.body.size() == parser.head().content_length());
  }
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::uint32_t seed = 2166136261;
  for (const char c : input) seed = (seed ^ static_cast<unsigned char>(c)) * 16777619;

  mcp::limits tight;
  tight.header_block = 200;
  tight.header_fields = 4;
  tight.interim_responses = 1;
  tight.chunk_extensions = 8;
  tight.body = 40;
  const mcp::limits limits = (seed & 1) != 0 ? tight : mcp::limits{};
  const bool head_request = (seed & 0xf0) == 0;
  const bool end_of_stream = (seed & 2) != 0;
  const auto run = [&](std::size_t longest, bool stream) {
    return parse(input, {longest, seed}, limits, head_request, end_of_stream, stream);
  };
  for (const bool stream : {false, true}) {
    const outcome whole = run(0, stream);
    for (const std::size_t longest : {1 + (seed >> 8) % 8, 60U}) {
      outcome split = run(longest, stream);
      // A body without a length that runs over the cap is cut where the piece began.
      if (whole.error == errc::http_limit_exceeded) split.body = whole.body;
      require(split == whole);
    }
  }
  return 0;
}
