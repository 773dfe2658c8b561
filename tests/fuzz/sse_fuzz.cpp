// SPDX-License-Identifier: MIT
// The parser against a naive reading of the standard (WHATWG HTML §9.2.6), on any split of the stream.
#include <mcp/sse/parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using mcp::sse::event_parser;
using mcp::sse::parse_status;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

struct shown_event {
  std::string data;
  std::string type;
  std::string id;
  bool has_data;

  bool operator==(const shown_event&) const = default;
};

struct outcome {
  std::vector<shown_event> events;
  std::string id;
  std::optional<std::uint64_t> retry;
  std::size_t comments = 0;
  bool failed = false;

  bool operator==(const outcome&) const = default;
};

outcome read_naively(std::string_view stream) {
  outcome got;
  if (stream.starts_with("\xEF\xBB\xBF")) stream.remove_prefix(3);
  std::string data;
  std::string type;
  std::optional<std::string> id;
  for (;;) {
    const std::size_t end = stream.find_first_of("\r\n");
    if (end == std::string_view::npos) return got;
    const std::string_view line = stream.substr(0, end);
    stream.remove_prefix(stream.substr(end).starts_with("\r\n") ? end + 2 : end + 1);

    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (line.empty()) {
      if (id) got.id = *id;
      if (!data.empty()) {
        data.pop_back();
        got.events.push_back({data, type, got.id, true});
      } else if (id) {
        got.events.push_back({"", type, got.id, false});
      }
      data.clear();
      type.clear();
      id.reset();
    } else if (colon == 0) {
      ++got.comments;
    } else if (name == "data") {
      data.append(value).append("\n");
    } else if (name == "event") {
      type = value;
    } else if (name == "id") {
      if (value.find('\0') == std::string_view::npos) id = value;
    } else if (name == "retry" && !value.empty() &&
               value.find_first_not_of("0123456789") == std::string_view::npos) {
      const std::size_t digits = std::min(value.find_first_not_of('0'), value.size());
      value.remove_prefix(digits);
      const bool fits = value.size() < 20 || (value.size() == 20 && value <= "18446744073709551615");
      got.retry = value.empty() ? 0 : fits ? std::stoull(std::string(value)) : UINT64_MAX;
    }
  }
}

outcome parse(std::string_view input, std::size_t longest, std::uint32_t seed, bool discard,
              const mcp::limits& limits) {
  event_parser parser(limits);
  parser.start();
  outcome got;
  std::vector<char> buffer;
  do {
    seed = seed * 1664525 + 1013904223;
    const std::string_view piece = input.substr(0, longest == 0 ? input.size() : 1 + (seed >> 8) % longest);
    input.remove_prefix(piece.size());
    buffer.insert(buffer.end(), piece.begin(), piece.end());
    buffer = std::vector<char>(buffer);  // moves, and shows the sanitizer where it ends
    parse_status status;
    while ((status = parser.next(buffer.data(), buffer.size())) == parse_status::event) {
      const auto& event = parser.current();
      require(event.has_data || event.data.empty());
      got.events.push_back(
          {std::string(event.data), std::string(event.type), parser.last_event_id(), event.has_data});
    }
    got.failed = status == parse_status::failed;
    require(parser.consumed() <= buffer.size());
    if (!discard || got.failed) continue;
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(parser.consumed()));
    parser.discard(parser.consumed());
    require(parser.consumed() == 0);
  } while (!input.empty() && !got.failed);
  got.id = parser.last_event_id();
  got.retry = parser.retry();
  got.comments = parser.comments();
  return got;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::uint32_t seed = 2166136261;
  for (const char c : input) seed = (seed ^ static_cast<unsigned char>(c)) * 16777619;

  mcp::limits tight;
  tight.sse_line = 20;
  tight.sse_event = 40;
  tight.sse_fields = 4;
  const mcp::limits limits = (seed & 1) != 0 ? tight : mcp::limits{};
  const outcome whole = parse(input, 0, seed, false, limits);
  require(whole.failed || whole == read_naively(input));
  for (const bool discard : {false, true}) {
    for (const std::size_t longest : {1 + (seed >> 8) % 8, 60U}) {
      require(parse(input, longest, seed, discard, limits) == whole);
    }
  }
  return 0;
}
