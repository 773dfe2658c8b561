// SPDX-License-Identifier: MIT
#include <mcp/http/response_parser.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using mcp::errc;
using mcp::http::parse_status;
using mcp::http::response_parser;
using namespace std::string_literals;

namespace {

struct options {
  bool head_request = false;
  bool end_of_stream = false;  // behind the input
  bool stream = false;         // take the body as it comes
  mcp::limits limits = {};
};

struct outcome {
  parse_status last = parse_status::need_more;
  errc error{};
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string content_type;
  std::optional<std::uint64_t> content_length;
  std::optional<std::uint64_t> keep_alive_timeout;
  std::string body;
  std::string surplus;
  bool keep_alive = false;
  std::size_t heads = 0;

  bool operator==(const outcome&) const = default;
};

/// Feeds the input in the pieces that end at `cuts`. The buffer is a new one at each step, as large as what
/// is in it.
outcome parse(std::string_view input, std::vector<std::size_t> cuts, const options& how = {},
              std::size_t* most_held = nullptr) {
  response_parser parser(how.limits);
  parser.start(how.head_request);
  outcome got;
  std::vector<char> buffer;
  cuts.push_back(input.size());
  std::size_t begin = 0;
  for (std::size_t piece = 0; piece < cuts.size(); ++piece) {
    buffer.insert(buffer.end(), input.begin() + static_cast<std::ptrdiff_t>(begin),
                  input.begin() + static_cast<std::ptrdiff_t>(cuts[piece]));
    buffer = std::vector<char>(buffer);
    if (most_held) *most_held = std::max(*most_held, buffer.size());
    begin = cuts[piece];
    const bool last_piece = piece + 1 == cuts.size();
    do {
      got.last = parser.parse(buffer.data(), buffer.size(), last_piece && how.end_of_stream);
      if (got.last != parse_status::head) continue;
      ++got.heads;
      const auto& head = parser.head();
      for (std::size_t i = 0; i < head.field_count(); ++i) {
        const auto field = head.field(buffer.data(), i);
        got.fields.emplace_back(field.name, field.value);
      }
      got.content_type = head.content_type(buffer.data());
      got.content_length = head.content_length();
      got.keep_alive_timeout = head.keep_alive_timeout();
      if (how.stream) parser.stream_body();
    } while (got.last == parse_status::head);
    if (how.stream && got.heads != 0) {
      got.body.append(buffer.data() + parser.body_begin(), parser.body_end() - parser.body_begin());
      const std::size_t taken = parser.body_end();
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(taken));
      parser.discard(taken);
      buffer.resize(parser.compact(buffer.data(), buffer.size()));
    }
  }
  if (got.last == parse_status::body) got.last = parse_status::need_more;  // depends on the split
  got.status = parser.head().status();
  if (got.last == parse_status::failed) got.error = parser.error();
  if (!how.stream)
    got.body.assign(buffer.data() + parser.body_begin(), parser.body_end() - parser.body_begin());
  if (got.last == parse_status::complete)
    got.surplus.assign(buffer.begin() + static_cast<std::ptrdiff_t>(parser.raw_end()), buffer.end());
  got.keep_alive = parser.keep_alive();
  return got;
}

/// The same for the whole input and for every split into two, into bytes, and for short ones into three.
outcome parse_split(std::string_view input, const options& how = {}) {
  const outcome whole = parse(input, {}, how);
  std::vector<std::size_t> all;
  for (std::size_t cut = 0; cut < input.size(); ++cut) {
    all.push_back(cut);
    if (parse(input, {cut}, how) != whole) FAIL("split at " << cut << ": " << input);
    for (std::size_t second = cut; input.size() < 100 && second < input.size(); ++second) {
      if (parse(input, {cut, second}, how) != whole)
        FAIL("split at " << cut << ", " << second << ": " << input);
    }
  }
  if (parse(input, all, how) != whole) FAIL("split into bytes: " << input);
  return whole;
}

errc error_of(std::string_view input, options how = {}) {
  how.end_of_stream = true;
  const outcome got = parse_split(input, how);
  CHECK((got.last == parse_status::complete) == (got.error == errc{}));
  CHECK((got.last == parse_status::complete || !got.keep_alive));
  return got.error;
}

std::string with_fields(std::string_view fields) {
  return "HTTP/1.1 200 OK\r\n" + std::string(fields) + "\r\n";
}
std::string chunked(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("a response with a length", "[response]") {
  const std::string input =
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n"
      "Mcp-Session-Id:abc\r\nX-Empty:\r\nX-Blank: \t \r\nX-Padded: \t a b\t \r\nX-Led:  a\r\nX-Trailed:a "
      "\r\nX-Obs: caf\xe9\t!\r\n"
      "a_1.B!: A value of more than sixteen characters with \"quotes\", commas: and a colon\r\n"
      "Keep-Alive: max=100, timeout=5\r\n\r\n{\"a\":[1,2]}";
  for (const bool stream : {false, true}) {
    const outcome got = parse_split(input, {.stream = stream});
    CHECK(got.last == parse_status::complete);
    CHECK(got.status == 200);
    CHECK(got.heads == 1);
    CHECK(got.fields ==
          std::vector<std::pair<std::string, std::string>>{
              {"Content-Type", "application/json"},
              {"Content-Length", "11"},
              {"Mcp-Session-Id", "abc"},
              {"X-Empty", ""},
              {"X-Blank", ""},
              {"X-Padded", "a b"},
              {"X-Led", "a"},
              {"X-Trailed", "a"},
              {"X-Obs", "caf\xe9\t!"},
              {"a_1.B!", "A value of more than sixteen characters with \"quotes\", commas: and a colon"},
              {"Keep-Alive", "max=100, timeout=5"}});
    CHECK(got.content_type == "application/json");
    CHECK(got.content_length == 11);
    CHECK(got.keep_alive_timeout == 5);
    CHECK(got.body == "{\"a\":[1,2]}");
    CHECK(got.surplus.empty());
    CHECK(got.keep_alive);
  }
}

TEST_CASE("chunks are closed up", "[response]") {
  const std::string input = chunked(
      "5\r\nHello\r\n001;name=value;flag\r\n,\r\nA \t ;x=\"y;z\"\r\n wonderful\r\n0000000000000010;;\r\n "
      "world of chunks\r\n"
      "0\r\nX-Checksum: 1\r\nExpires: never\r\n\r\nHTTP/1.1");
  for (const bool stream : {false, true}) {
    const outcome got = parse_split(input, {.stream = stream});
    CHECK(got.last == parse_status::complete);
    CHECK(got.body == "Hello, wonderful world of chunks");
    CHECK(got.surplus == "HTTP/1.1");
    CHECK(got.keep_alive);
    CHECK(got.fields.size() == 1);
  }
  CHECK(parse_split(chunked("0\r\n\r\n")).body.empty());
  CHECK(parse_split(chunked("fF\r\n" + std::string(255, 'x') + "\r\n0\r\n\r\n")).body ==
        std::string(255, 'x'));
}

TEST_CASE("where a body ends", "[response]") {
  const struct {
    std::string_view what;
    std::string input;
    std::string_view body;
    std::string_view surplus;
    bool keep_alive;
    options how = {};
  } cases[] = {
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", "", "", true},
      {"204 has none whatever it says", "HTTP/1.1 204 OK\r\nContent-Length: 3\r\n\r\nabc", "", "abc", true},
      {"304 neither", "HTTP/1.1 304 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", "0\r\n\r\n",
       true},
      {"nor an answer to HEAD",
       with_fields("Content-Length: 3\r\nContent-Encoding: gzip\r\n"),
       "",
       "",
       true,
       {.head_request = true}},
      {"length zero", with_fields("Content-Length: 0\r\n"), "", "", true},
      {"length zero needs no coding", with_fields("Content-Length: 0\r\nContent-Encoding: gzip\r\n"), "", "",
       true},
      {"bytes behind it", with_fields("Content-Length: 3\r\n") + "abcdef", "abc", "def", true},
      {"until the end of the stream", with_fields("") + "abc", "abc", "", false, {.end_of_stream = true}},
      {"an empty one", with_fields(""), "", "", false, {.end_of_stream = true}},
      {"identity", with_fields("Content-Encoding: Identity\r\nContent-Length: 1\r\n") + "a", "a", "", true},
      {"accepted for later", "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", "", "", true},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.what);
    const outcome got = parse_split(expected.input, expected.how);
    CHECK(got.last == parse_status::complete);
    CHECK(got.body == expected.body);
    CHECK(got.surplus == expected.surplus);
    CHECK(got.keep_alive == expected.keep_alive);
  }
}

TEST_CASE("status lines", "[response]") {
  for (const std::string_view line :
       {"HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 200 OK",
        "HTTP/1.1 200 \tcaf\xe9  (really: fine, and quite long) ", "HTTP/1.1 999 ?"}) {
    CAPTURE(line);
    const outcome got = parse_split(std::string(line) + "\r\nContent-Length: 0\r\n\r\n");
    CHECK(got.last == parse_status::complete);
    CHECK(got.status == (line.substr(9, 3) == "999" ? 999 : 200));
  }
  for (const std::string& line : {"HTTP/0.9 200 OK"s,   "HTTP/1.2 200 OK"s,     "HTTP/2 200 OK"s,
                                  "HTTP/2.0 200 OK"s,   "HTTP/1.10 200 OK"s,    "http/1.1 200 OK"s,
                                  "HTTP/1,1 200 OK"s,   "HTTP /1.1 200 OK"s,    "HTTP/1.1  200 OK"s,
                                  "HTTP/1.1\t200 OK"s,  "HTTP/1.1 20 OK"s,      "HTTP/1.1 2000 OK"s,
                                  "HTTP/1.1 2x0 OK"s,   "HTTP/1.1 +20 OK"s,     "HTTP/1.1 -20 OK"s,
                                  "HTTP/1.1 000 OK"s,   "HTTP/1.1 099 OK"s,     "HTTP/1.1 200\tOK"s,
                                  "HTTP/1.1 200OK"s,    "HTTP/1.1 200 O\nK"s,   "HTTP/1.1 200 O\rK"s,
                                  "HTTP/1.1 200 O\0K"s, "HTTP/1.1 200 OK\x7f"s, "HTTP/1.1 200 OK\n"s,
                                  "HTTP/1.1"s,          "ICY 200 OK"s,          "<html>"s,
                                  " HTTP/1.1 200 OK"s,  "\r\nHTTP/1.1 200 OK"s, "{\"jsonrpc\":\"2.0\"}"s}) {
    CAPTURE(line);
    CHECK(error_of(line + "\r\nContent-Length: 0\r\n\r\n") == errc::http_bad_status_line);
  }
  CHECK(parse("SSH", {}).error == errc::http_bad_status_line);  // no need to wait for a line
}

TEST_CASE("malformed fields", "[response]") {
  for (const std::string& field : {"X: a\r\n folded"s,
                                   "X: a\r\n\tfolded"s,
                                   " X: a"s,
                                   "X: a\rb"s,
                                   "X: a\nb"s,
                                   "X: a\n"s,
                                   "X: a\0b"s,
                                   "X: \x01"s,
                                   "X: \x7f"s,
                                   "X : a"s,
                                   "X\t: a"s,
                                   "X"s,
                                   ": a"s,
                                   ":"s,
                                   "X Y: a"s,
                                   "X\xe9: a"s,
                                   "X(): a"s,
                                   "X\0Y: a"s,
                                   "X\r"s,
                                   "X\n: a"s,
                                   "X: a\r\r"s,
                                   "X: a value that is so long that it takes blocks\x0b"s,
                                   "X-Name-Of-More-Than-Sixteen-Characters : a"s,
                                   "\r"s,
                                   "\n"s}) {
    CAPTURE(field);
    CHECK(error_of(with_fields(field + "\r\n") + "body") == errc::http_bad_header);
    CHECK(error_of(with_fields("Date: now\r\n" + field + "\r\nContent-Length: 0\r\n")) ==
          errc::http_bad_header);
  }
}

TEST_CASE("Content-Length", "[response]") {
  for (const std::string_view value : {"",
                                       "-1",
                                       "+1",
                                       "0x1",
                                       "1x",
                                       "1 1",
                                       "1;1",
                                       "1.0",
                                       "a",
                                       "18446744073709551615",
                                       "18446744073709551616",
                                       "99999999999999999999999999",
                                       "1, 2",
                                       "1,",
                                       ",1",
                                       "1,,1",
                                       "1, 1, 2",
                                       "1, x",
                                       "\"1\"",
                                       "1\r\nContent-Length: 2",
                                       "1\r\nContent-Length: 1, 2",
                                       "1\r\nContent-Length:"}) {
    CAPTURE(value);
    CHECK(error_of(with_fields("Content-Length: " + std::string(value) + "\r\n") + "aa") ==
          errc::http_bad_content_length);
  }
  // Repeating it changes nothing (RFC 9112 §6.3).
  for (const std::string_view value :
       {"1", "01", "1, 1", "1,1 ,\t1", "1\r\nContent-Length: 1", "1\r\nX: y\r\ncontent-length: 1, 01"}) {
    CAPTURE(value);
    const outcome got = parse_split(with_fields("Content-Length: " + std::string(value) + "\r\n") + "ab");
    CHECK(got.last == parse_status::complete);
    CHECK(got.body == "a");
    CHECK(got.surplus == "b");
  }
}

TEST_CASE("Transfer-Encoding", "[response]") {
  for (const std::string_view fields :
       {"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n", "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding: chunked;q=1\r\n", "Transfer-Encoding: chunked,\r\n"}) {
    CAPTURE(fields);
    CHECK(error_of(with_fields(fields) + "1\r\na\r\n0\r\n\r\n") == errc::http_bad_transfer_encoding);
  }
  CHECK(error_of("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") ==
        errc::http_bad_transfer_encoding);
  CHECK(parse_split("HTTP/1.1 200 OK\r\ntRANSFER-eNCODING:Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n").body == "a");
}

TEST_CASE("malformed chunks", "[response]") {
  for (const std::string_view body : {"0x1\r\na\r\n0\r\n\r\n",
                                      "1_0\r\na\r\n",
                                      "+1\r\na\r\n0\r\n\r\n",
                                      "-1\r\n",
                                      "\r\n",
                                      ";a\r\n",
                                      " 1\r\na\r\n",
                                      "1\na\r\n",
                                      "1\r\na\n0\r\n\r\n",
                                      "1\r\nab\r\n",
                                      "1\r\na0\r\n",
                                      "1\r\na\r0\r\n",
                                      "1\rX",
                                      "1 \r\na\r\n",
                                      "1;a\rb\r\n",
                                      "1;a\nb\r\n",
                                      "1 x\r\n",
                                      "g\r\n",
                                      "00000000000000001\r\na\r\n",
                                      "00000000000000000\r\n\r\n",
                                      "10000000000000000\r\n",
                                      "0\r\nX\r\n\r\n",
                                      "0\r\n: y\r\n\r\n",
                                      "0\r\nX : y\r\n\r\n",
                                      "0\r\nX: y\r\n z\r\n\r\n",
                                      "0\r\nX: y\n\r\n",
                                      "0\r\n\n",
                                      "0\r\n\rX",
                                      "0\n\r\n"}) {
    CAPTURE(body);
    CHECK(error_of(chunked(body)) == errc::http_bad_chunk);
  }
  CHECK(error_of(chunked("1\r\na\r\n0\r\nX\0: y\r\n\r\n"s)) == errc::http_bad_chunk);
  const outcome got = parse(chunked("3\r\nabc\r\nx"), {});
  CHECK(got.error == errc::http_bad_chunk);
  CHECK(got.body == "abc");  // an event in it has arrived
}

TEST_CASE("streams that end too early", "[response]") {
  for (const std::string& input :
       {""s, "HTTP"s, "HTTP/1.1 200 OK"s, "HTTP/1.1 200 OK\r\n"s, "HTTP/1.1 200 OK\r\nX: y\r\n"s,
        "HTTP/1.1 200 OK\r\nX: y\r\n\r"s, "HTTP/1.1 100 Continue\r\n\r\n"s,
        with_fields("Content-Length: 1\r\n"), with_fields("Content-Length: 3\r\n") + "ab",
        with_fields("Content-Length: 18446744073709551614\r\n"), chunked(""), chunked("1"), chunked("1\r\n"),
        chunked("1\r\na"), chunked("1\r\na\r\n"), chunked("1\r\na\r\n0\r\n"),
        chunked("1\r\na\r\n0\r\nX: y\r\n"), chunked("1;ext")}) {
    CAPTURE(input);
    const bool huge = input.find("184467") != std::string::npos;
    CHECK(error_of(input) == (huge ? errc::http_limit_exceeded : errc::http_truncated));
    if (!huge) CHECK(parse_split(input).last != parse_status::failed);
    CHECK(error_of(input, {.stream = true}) == errc::http_truncated);
  }
}

TEST_CASE("interim responses are skipped", "[response]") {
  const std::string interim =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
  const std::string final_response = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
  const outcome got = parse_split("HTTP/1.1 100 Continue\r\n\r\n" + interim + final_response);
  CHECK(got.last == parse_status::complete);
  CHECK(got.status == 200);
  CHECK(got.heads == 1);
  CHECK(got.fields.size() == 1);
  CHECK(got.body == "a");
  CHECK(got.keep_alive);

  std::string many;
  for (int i = 0; i < 8; ++i) many += "HTTP/1.1 102 \r\n\r\n";
  CHECK(parse_split(many + final_response).last == parse_status::complete);
  CHECK(error_of(many + "HTTP/1.1 102 \r\n\r\n" + final_response) == errc::http_interim_flood);
  CHECK(error_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n") ==
        errc::http_unexpected_upgrade);
}

TEST_CASE("codings that were not asked for", "[response]") {
  for (const std::string_view coding : {"gzip", "br", "identity, gzip", "", "xidentity"}) {
    CAPTURE(coding);
    const std::string input = "HTTP/1.1 404 Not Found\r\nContent-Encoding: " + std::string(coding) + "\r\n";
    options how;
    how.end_of_stream = true;
    for (const auto& framing :
         {"Content-Length: 1\r\n\r\na"s, "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"s, "\r\na"s}) {
      const outcome got = parse_split(input + framing, how);
      CHECK(got.error == errc::http_unsupported_encoding);
      CHECK(got.heads == 1);  // the status is evidence all the same
      CHECK(got.status == 404);
    }
  }
}

TEST_CASE("caps", "[response]") {
  options how;
  how.limits.header_block = 60;
  how.limits.header_fields = 3;
  how.limits.chunk_extensions = 8;
  how.limits.body = 6;

  const auto padded = [](std::size_t size) {  // a head of that size
    return with_fields("Content-Length: 0\r\nX:" + std::string(size - 42, ' ') + "\r\n");
  };
  REQUIRE(padded(60).size() == 60);
  CHECK(parse_split(padded(60), how).last == parse_status::complete);
  CHECK(error_of(padded(61), how) == errc::http_limit_exceeded);
  CHECK(error_of("HTTP/1.1 200 " + std::string(80, 'x'), how) == errc::http_limit_exceeded);
  CHECK(error_of(with_fields(std::string(80, 'x')), how) == errc::http_limit_exceeded);
  CHECK(error_of("HTTP/1.1 100 \r\n\r\n" + padded(60), how) == errc::http_limit_exceeded);

  CHECK(parse_split(with_fields("Content-Length: 0\r\na:\r\nb:\r\n"), how).last == parse_status::complete);
  CHECK(error_of(with_fields("a:\r\nb:\r\nc:\r\nd:\r\n"), how) == errc::http_limit_exceeded);

  how.limits.header_fields = 20;
  CHECK(parse_split(chunked("0\r\nX:" + std::string(54, ' ') + "\r\n\r\n"), how).last ==
        parse_status::complete);
  CHECK(error_of(chunked("0\r\nX:" + std::string(55, ' ') + "\r\n\r\n"), how) == errc::http_limit_exceeded);
  CHECK(error_of(chunked("0\r\n" + std::string(80, 'x')), how) == errc::http_limit_exceeded);
  std::string trailers;
  for (int i = 0; i < 12; ++i) trailers += "a:\r\n";
  CHECK(parse_split(chunked("0\r\n" + trailers + "\r\n"), how).last == parse_status::complete);
  how.limits.header_fields = 11;
  CHECK(error_of(chunked("0\r\n" + trailers + "\r\n"), how) == errc::http_limit_exceeded);

  CHECK(parse_split(chunked("1;234\r\na\r\n0 ;23\r\n\r\n"), how).last == parse_status::complete);
  CHECK(error_of(chunked("1;234\r\na\r\n0 ;234\r\n\r\n"), how) == errc::http_limit_exceeded);
  CHECK(error_of(chunked("1;23456789\r\na\r\n"), how) == errc::http_limit_exceeded);
  CHECK(error_of(chunked("1" + std::string(9, ' ') + ";\r\na\r\n"), how) == errc::http_limit_exceeded);

  for (const bool stream : {false, true}) {
    how.stream = stream;
    how.end_of_stream = true;
    const errc too_long = stream ? errc{} : errc::http_limit_exceeded;
    CHECK(error_of(with_fields("Content-Length: 6\r\n") + "abcdef", how) == errc{});
    CHECK(error_of(with_fields("Content-Length: 7\r\n") + "abcdefg", how) == too_long);
    CHECK(error_of(with_fields("") + "abcdef", how) == errc{});
    CHECK(parse(with_fields("") + "abcdefg", {}, how).error == too_long);
    CHECK(error_of(chunked("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), how) == errc{});
    CHECK(error_of(chunked("3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"), how) == too_long);
  }
  how.stream = false;
  CHECK(parse(with_fields("Content-Length: 7\r\n"), {}, how).heads == 1);

  std::string buffer = with_fields("Content-Length: 7\r\n");
  response_parser parser(how.limits);
  for (const bool stream : {true, false}) {  // a response that is streamed lifts the cap for itself only
    parser.start(false);
    REQUIRE(parser.parse(buffer.data(), buffer.size(), false) == parse_status::head);
    if (stream) parser.stream_body();
    const auto got = parser.parse(buffer.data(), buffer.size(), false);
    CHECK(got == (stream ? parse_status::need_more : parse_status::failed));
  }
}

TEST_CASE("whether the connection persists", "[response]") {
  const struct {
    std::string_view version;
    std::string_view fields;
    bool keep_alive;
  } cases[] = {
      {"1.1", "", true},
      {"1.1", "Connection: keep-alive\r\n", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: Close\r\n", false},
      {"1.1", "Connection: upgrade , CLOSE\r\n", false},
      {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
      {"1.1", "Connection: close\r\nConnection: keep-alive\r\n", false},
      {"1.1", "Connection: keep-alive, close\r\n", false},
      {"1.1", "Connection: closed\r\n", true},
      {"1.1", "Connection: \"close\"\r\n", true},
      {"1.1", "X-Connection: close\r\n", true},
      {"1.0", "", false},
      {"1.0", "Connection: Keep-Alive\r\n", true},
      {"1.0", "Connection: foo, keep-alive\r\n", true},
      {"1.0", "Connection: keep-alive, close\r\n", false},
      {"1.0", "Connection: keep-alivf\r\n", false},
      {"1.0", "Keep-Alive: timeout=5\r\n", false},
  };
  for (const auto& [version, fields, keep_alive] : cases) {
    CAPTURE(version, fields);
    const outcome got = parse_split("HTTP/" + std::string(version) + " 200 OK\r\nContent-Length: 0\r\n" +
                                    std::string(fields) + "\r\n");
    CHECK(got.last == parse_status::complete);
    CHECK(got.keep_alive == keep_alive);
  }
}

TEST_CASE("Keep-Alive timeouts", "[response]") {
  const struct {
    std::string_view value;
    std::optional<std::uint64_t> seconds;
  } cases[] = {
      {"timeout=5", 5},
      {"Timeout=72", 72},
      {"timeout=5, max=1000", 5},
      {"max=1000 ,timeout=0 ", 0},
      {"timeout=5 , max=1", 5},
      {",,timeout=15,", 15},
      {"timeout=99999999999999999999", UINT64_MAX},
      {"", std::nullopt},
      {"timeout", std::nullopt},
      {"timeout=", std::nullopt},
      {"timeout=-1", std::nullopt},
      {"timeout=5s", std::nullopt},
      {"xtimeout=5", std::nullopt},
      {"max=5", std::nullopt},
  };
  for (const auto& [value, seconds] : cases) {
    CAPTURE(value);
    const std::string input = with_fields("Content-Length: 0\r\nKeep-Alive: " + std::string(value) + "\r\n");
    CHECK(parse(input, {}).keep_alive_timeout == seconds);
  }
}

TEST_CASE("names are recognised in any case, and only whole", "[response]") {
  const std::string input = with_fields(
      "CONTENT-lengtH: 2\r\ncontent-TYPE: text/event-stream\r\nContent-Lengtg: 7\r\nContent^Length: 7\r\n"
      "Content-Typf: x\r\ncontentxtype: x\r\nContent-Type: text/plain\r\nTransfer_Encoding: gzip\r\n"
      "Transfer-Encodinh: gzip\r\nContent-Encodinf: gzip\r\nConnectiom: close\r\n");
  const outcome got = parse_split(input + "ab");
  CHECK(got.last == parse_status::complete);
  CHECK(got.body == "ab");
  CHECK(got.content_type == "text/event-stream");
  CHECK(got.keep_alive);
}

TEST_CASE("fields are found by name", "[response]") {
  std::string input = with_fields("Location: /a\r\nX: \r\nlocation: /b\r\nContent-Length: 0\r\n");
  response_parser parser(mcp::limits{});
  parser.start(false);
  REQUIRE(parser.parse(input.data(), input.size(), false) == parse_status::head);
  CHECK(parser.head().find(input.data(), "location") == "/a");
  CHECK(parser.head().find(input.data(), "x") == "");
  CHECK(parser.head().find(input.data(), "y") == std::nullopt);
  CHECK(parser.head_size() == input.size());
  parser.discard(parser.head_size());
  CHECK(parser.head().find(input.data(), "location") == std::nullopt);
  CHECK(parser.head().content_length() == 0);
  CHECK(parser.head_size() == 0);
}

TEST_CASE("one parser takes response after response", "[response]") {
  const struct {
    std::string text;
    parse_status last;
    int status;
    std::size_t fields;
    bool keep_alive;
  } responses[] = {
      {"HTTP/1.1 2x", parse_status::failed, 0, 0, false},
      {"HTTP/1.1 200 unfinished", parse_status::failed, 0, 0, false},
      {chunked("1\r\na\r\n0\r\nX: y\r\nZ:\r\n\r\n"), parse_status::complete, 200, 1, true},
      {"HTTP/1.0 404 \r\nContent-Length: 1\r\nConnection: close\r\nKeep-Alive: timeout=1\r\n\r\na",
       parse_status::complete, 404, 3, false},
      {with_fields("Content-Type: a/b\r\nContent-Encoding: gzip\r\n") + "a", parse_status::failed, 200, 2,
       false},
      {"HTTP/1.1 201 \r\nX: unfinished", parse_status::failed, 201, 0, false},
      {"HTTP/1.1 100 \r\n\r\n" + with_fields("") + "a", parse_status::complete, 200, 0, false},
      {chunked("1;x\r\na\r\n0\r\nX:y\r\nZ: unfinished"), parse_status::failed, 200, 1, false},
      {chunked("1;x\r\na\r\n0\r\nX:y\r\nZ:\r\n\r\n"), parse_status::complete, 200, 1, true},
      {"HTTP/1.1 100 \r\n\r\n" + with_fields("Content-Length: 1\r\n") + "a", parse_status::complete, 200, 1,
       true},
  };
  mcp::limits limits;
  limits.header_fields = 3;
  limits.interim_responses = 1;
  limits.chunk_extensions = 2;
  limits.body = 1;
  response_parser parser(limits);
  for (const auto& [text, last, status, fields, keep_alive] : responses) {
    CAPTURE(text);
    std::string buffer = text;
    parser.start(false);
    parse_status got = parse_status::head;
    while (got == parse_status::head) got = parser.parse(buffer.data(), buffer.size(), true);
    CHECK(got == last);
    CHECK(parser.parse(buffer.data(), buffer.size(), true) == last);  // for good
    CHECK(parser.head().status() == status);
    CHECK(parser.head().field_count() == fields);
    CHECK(parser.keep_alive() == keep_alive);
    if (last == parse_status::complete) CHECK(parser.body_end() - parser.body_begin() == 1);
  }
  CHECK_FALSE(parser.head().keep_alive_timeout());
}

TEST_CASE("the first chunk is not moved", "[response]") {
  std::string buffer = chunked("5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");
  response_parser parser(mcp::limits{});
  parser.start(false);
  REQUIRE(parser.parse(buffer.data(), buffer.size(), false) == parse_status::head);
  CHECK(parser.parse(buffer.data(), buffer.size(), false) == parse_status::complete);
  CHECK(parser.body_begin() == parser.head_size() + 3);
  CHECK(parser.body_end() == parser.body_begin() + 6);
}

TEST_CASE("a body that is taken as it comes holds no memory", "[response]") {
  std::string body;
  for (int i = 0; i < 2000; ++i) body += "0000000000000001\r\nx\r\n";
  const std::string input = chunked(body + "0\r\n\r\n");
  std::vector<std::size_t> cuts;
  for (std::size_t cut = 100; cut < input.size(); cut += 100) cuts.push_back(cut);
  std::size_t most_held = 0;
  const outcome got = parse(input, cuts, {.stream = true}, &most_held);
  CHECK(got.last == parse_status::complete);
  CHECK(got.body == std::string(2000, 'x'));
  CHECK(most_held < 250);
}

TEST_CASE("a body in tiny chunks takes no more memory than its bytes", "[response]") {
  std::string input = chunked("");
  response_parser parser(mcp::limits{});
  parser.start(false);
  std::string buffer = input;
  REQUIRE(parser.parse(buffer.data(), buffer.size(), false) == parse_status::head);
  for (int i = 0; i < 1000; ++i) {
    buffer += i % 2 == 0 ? "0000000000000001\r\nx\r\n000" : "0000000000001\r\ny\r\n";
    REQUIRE(parser.parse(buffer.data(), buffer.size(), false) == parse_status::body);
    buffer.resize(parser.compact(buffer.data(), buffer.size()));
    REQUIRE(buffer.size() <= input.size() + 1100);
  }
}
