// SPDX-License-Identifier: MIT
#include <mcp/sse/parser.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using mcp::sse::event_parser;
using mcp::sse::parse_status;
using namespace std::string_literals;

namespace {

struct shown_event {
  std::string data;
  std::string type = "";
  std::string id = "";  // the last one so far
  bool has_data = true;

  bool operator==(const shown_event&) const = default;
};

struct outcome {
  std::vector<shown_event> events;
  std::string last_event_id;
  std::optional<std::uint64_t> retry;
  std::size_t comments = 0;
  bool failed = false;

  bool operator==(const outcome&) const = default;
};

/// Feeds the input in the pieces that end at `cuts`. The buffer is a new one at each step, as large as what
/// is in it. With `discard` consumed bytes leave it.
outcome parse(std::string_view input, std::vector<std::size_t> cuts, bool discard,
              const mcp::limits& limits = {}, std::size_t* most_held = nullptr) {
  event_parser parser(limits);
  parser.start();
  outcome got;
  std::vector<char> buffer;
  cuts.push_back(input.size());
  std::size_t begin = 0;
  for (const std::size_t cut : cuts) {
    buffer.insert(buffer.end(), input.begin() + static_cast<std::ptrdiff_t>(begin),
                  input.begin() + static_cast<std::ptrdiff_t>(cut));
    buffer = std::vector<char>(buffer);
    begin = cut;
    parse_status status;
    while ((status = parser.next(buffer.data(), buffer.size())) == parse_status::event) {
      const auto& event = parser.current();
      got.events.push_back(
          {std::string(event.data), std::string(event.type), parser.last_event_id(), event.has_data});
    }
    if (status == parse_status::failed) {
      got.failed = true;
      break;
    }
    if (most_held) *most_held = std::max(*most_held, buffer.size() - parser.consumed());
    if (!discard) continue;
    buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(parser.consumed()));
    parser.discard(parser.consumed());
  }
  got.last_event_id = parser.last_event_id();
  got.retry = parser.retry();
  got.comments = parser.comments();
  return got;
}

/// The same for the whole input and for every split into two, into bytes, and for short ones into three.
outcome parse_split(std::string_view input, const mcp::limits& limits = {}) {
  const outcome whole = parse(input, {}, false, limits);
  for (const bool discard : {true, false}) {
    std::vector<std::size_t> all;
    for (std::size_t cut = 0; cut < input.size(); ++cut) {
      all.push_back(cut);
      if (parse(input, {cut}, discard, limits) != whole) FAIL("split at " << cut << ": " << input);
      for (std::size_t second = cut; input.size() < 100 && second < input.size(); ++second) {
        if (parse(input, {cut, second}, discard, limits) != whole) {
          FAIL("split at " << cut << ", " << second << ": " << input);
        }
      }
    }
    if (parse(input, all, discard, limits) != whole) FAIL("split into bytes: " << input);
  }
  return whole;
}

}  // namespace

TEST_CASE("event streams", "[sse]") {
  const struct {
    std::string_view what;
    std::string input;
    std::vector<shown_event> events;
  } cases[] = {
      {"nothing", "", {}},
      {"a message", "data: a\n\n", {{"a"}}},
      {"CR", "data: a\r\rdata: b\r\r", {{"a"}, {"b"}}},
      {"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", {{"a"}, {"b"}}},
      {"all ends mixed",
       "data: a\r\ndata: b\rdata: c\n\r\ndata: d\n\rdata: e\r\n\n",
       {{"a\nb\nc"}, {"d"}, {"e"}}},
      {"as MCP servers write",
       "event: message\nid: 1_2\ndata: {\"jsonrpc\":\"2.0\"}\n\n",
       {{"{\"jsonrpc\":\"2.0\"}", "message", "1_2"}}},
      {"several lines", "data: one\ndata: two\ndata\ndata:\ndata:three\n\n", {{"one\ntwo\n\n\nthree"}}},
      {"one space is taken",
       "data:a\n\ndata: a\n\ndata:  a\n\ndata:\ta\n\n",
       {{"a"}, {"a"}, {" a"}, {"\ta"}}},
      {"colons in values", "data: a:b: c\n\ndata::\n\n", {{"a:b: c"}, {":"}}},
      {"other lines between data lines",
       "data: a\nevent: x\ndata: b\n: comment\nid: 7\nfoo: bar\ndata: c\n\n",
       {{"a\nb\nc", "x", "7"}}},
      {"empty data", "data\n\ndata:\n\ndata: \n\ndata\ndata\n\n", {{""}, {""}, {""}, {"\n"}}},
      {"an id and empty data prime a stream", "id: 1\ndata:\n\n", {{"", "", "1"}}},
      {"an id alone too", "id: 1\n\n", {{"", "", "1", false}}},
      {"an event without either is none", "event: x\n\nretry: 5\n\nfoo\n\n\n\n: c\n\n", {}},
      {"and its type is forgotten", "event: x\n\ndata: a\n\n", {{"a"}}},
      {"types do not persist, ids do",
       "event: x\nid: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n",
       {{"a", "x", "1"}, {"b", "", "1"}, {"c", "", "2"}}},
      {"the last type counts",
       "event: x\nevent: y\ndata: a\n\nevent: x\nevent\ndata: b\n\n",
       {{"a", "y"}, {"b"}}},
      {"an empty id resets", "id: 1\ndata: a\n\nid\ndata: b\n\n", {{"a", "", "1"}, {"b"}}},
      {"an id with NUL is ignored",
       "id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n"s,
       {{"a", "", "1"}, {"b", "", "1"}}},
      {"long ids and types",
       "id: 0123456789abcdef0123456789abcdef\nevent: " + std::string(40, 'e') + "\ndata: a\n\n",
       {{"a", std::string(40, 'e'), "0123456789abcdef0123456789abcdef"}}},
      {"names are exact", "Data: a\n data: b\ndata : c\ndatax: d\ndat: e\n: data: f\n\n", {}},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "data: a\n\n",
       {{"a"}}},
      {"only one, only at the beginning",
       "\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: a\n\n\xEF\xBB\xBF"
       "data: b\n\n",
       {}},
      {"half a mark is none",
       "\xEF\xBB"
       "data: a\n\ndata: b\n\n",
       {{"b"}}},
      {"other controls are text", "data: a\0b\x1b\x7f\tc\n\n"s, {{"a\0b\x1b\x7f\tc"s}}},
      {"UTF-8 is passed on",
       "data: 日本語 and some more, so that it takes several blocks\n\n",
       {{"日本語 and some more, so that it takes several blocks"}}},
      {"cut off before the blank line", "data: a\n\ndata: b\n", {{"a"}}},
      {"cut off in a line", "data: a\n\ndata: b", {{"a"}}},
      {"blank lines first", "\n\r\n\rdata: a\n\n", {{"a"}}},
      {"CR at the end", "data: a\n\r", {{"a"}}},
  };
  for (const auto& [what, input, events] : cases) {
    CAPTURE(what);
    const outcome got = parse_split(input);
    CHECK(got.events == events);
    CHECK_FALSE(got.failed);
  }
}

TEST_CASE("an event is shown as soon as its blank line begins", "[sse]") {
  for (std::string input : {"data: a\n\n", "data: a\r\r", "data: a\r\n\r", "data: a\r\n\n", "data: a\n\r"}) {
    event_parser parser(mcp::limits{});
    parser.start();
    CHECK(parser.next(input.data(), input.size() - 1) == parse_status::need_more);
    CHECK(parser.next(input.data(), input.size()) == parse_status::event);
    CHECK(parser.consumed() == input.size());
    CHECK(parser.next(input.data(), input.size()) == parse_status::need_more);
  }
}

TEST_CASE("ids count when their event is complete", "[sse]") {
  CHECK(parse_split("id: 1\ndata: a\n\nid: 2\ndata: b\n").last_event_id == "1");
  CHECK(parse_split("id: 1\ndata: a\n\nid: 2\n\n").last_event_id == "2");
  CHECK(parse_split("id: 1\nid: 2\nid: 3\0\n\n"s).last_event_id == "2");
}

TEST_CASE("retry", "[sse]") {
  const struct {
    std::string_view input;
    std::optional<std::uint64_t> milliseconds;
  } cases[] = {
      {"retry: 3000\n", 3000},  // at once
      {"retry:0\n\n", 0},
      {"retry: 1\nretry: 2\n\n", 2},
      {"retry: 007\n", 7},
      {"retry: 99999999999999999999999\n", UINT64_MAX},
      {"retry: 5\nretry: x\nretry\nretry: -1\nretry: 1.5\nretry:  6\nretry: 7 \n", 5},
      {"retry\n\n", std::nullopt},
      {"retry: 3000", std::nullopt},
      {"Retry: 3000\n", std::nullopt},
  };
  for (const auto& [input, milliseconds] : cases) {
    CAPTURE(input);
    CHECK(parse_split(input).retry == milliseconds);
  }
}

TEST_CASE("comments are signs of life", "[sse]") {
  CHECK(parse_split(":\n: ping\r\n:: data: x\r\rdata: a\n:b\n\n").comments == 4);
  CHECK(parse_split(": unfinished").comments == 0);
}

TEST_CASE("caps", "[sse]") {
  mcp::limits limits;
  limits.sse_line = 20;
  limits.sse_event = 30;
  limits.sse_fields = 4;
  const auto fails = [&](std::string_view input) { return parse_split(input, limits).failed; };
  const std::string line(20, 'x');

  CHECK_FALSE(fails(line + "\n" + line + "\r\n"));
  CHECK(fails(line + "x\n"));
  CHECK(fails(line + "x"));
  CHECK(fails("data: " + line));
  CHECK(fails(":" + line));

  // From the first data to the end of the last line.
  CHECK_FALSE(fails("id: 1\ndata: 12345678901234\ndata: 123456789\n\n"));
  CHECK(fails("id: 1\ndata: 12345678901234\ndata: 1234567890\n\n"));
  CHECK(fails("data: 12345678901234\n:xxxxxxxxxxxxxxx\n\n"));
  CHECK(fails("data: 12345678901234\nfoo\nfoo\nfoo\nfoo\n"));

  CHECK_FALSE(fails("data\ndata\n:\nx\n\ndata\ndata\ndata\ndata\n\n"));
  CHECK(fails("data\ndata\ndata\ndata\ndata\n"));
  CHECK(fails("data\n:\n:\n:\n:\n"));
  CHECK_FALSE(
      fails(":\n:\n:\n:\n:\n:\n:\n:\n:\n:\ndata: a\n\n"));  // comments between events may go on for ever

  // Events before the fault are shown.
  CHECK(parse_split("data: a\n\n" + line + "x", limits).events == std::vector<shown_event>{{"a"}});
}

TEST_CASE("what needs no room takes none", "[sse]") {
  std::string input;
  for (int i = 0; i < 200; ++i) input += ": keep-alive\n\nid: 1\nevent: x\nfoo: bar\nretry: 1\n\ndata: a\n\n";
  std::vector<std::size_t> cuts;
  for (std::size_t cut = 0; cut < input.size(); cut += 7) cuts.push_back(cut);
  std::size_t most_held = 0;
  CHECK(parse(input, cuts, true, {}, &most_held).events.size() == 400);
  CHECK(most_held < 20);
}

TEST_CASE("a parser begins anew", "[sse]") {
  event_parser parser(mcp::limits{});
  parser.start();
  std::string first = "\xEF\xBB\xBF: c\nretry: 1\nid: 1\ndata: a\n\nid: 2\ndata: b\r";
  REQUIRE(parser.next(first.data(), first.size()) == parse_status::event);
  REQUIRE(parser.next(first.data(), first.size()) == parse_status::need_more);
  parser.start();
  CHECK(parser.last_event_id().empty());
  CHECK_FALSE(parser.retry());
  CHECK(parser.comments() == 0);
  std::string second = "\xEF\xBB\xBF\ndata: c\n\n";
  REQUIRE(parser.next(second.data(), second.size()) == parse_status::event);
  CHECK(parser.current().data == "c");
  CHECK(parser.last_event_id().empty());
}
