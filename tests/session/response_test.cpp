// SPDX-License-Identifier: MIT
#include <mcp/http/response_parser.hpp>
#include <mcp/session/response.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using mcp::errc;
using mcp::detail::response_reader;
namespace http = mcp::http;

namespace {

/// Notes what comes on the way, as one line each.
struct notebook final : response_reader::listener {
  std::vector<std::string> lines;
  bool closed = false;

  void on_message(const mcp::rpc::message& message) override {
    lines.push_back(message.method.string().value_or("?"));
  }
  void on_event_id(std::string_view id) override { lines.push_back("id " + std::string(id)); }
  void on_ignored(errc why) override { lines.push_back("ignored " + make_error_code(why).message()); }
  bool gone() const override { return closed; }
};

struct outcome {
  std::optional<errc> fault{};  // of the exchange
  bool finished = false;        // before the end of the body
  bool complete = false;        // the whole body was offered
};

const mcp::limits caps;

/// Does with a response what an exchange does, its bytes arriving in pieces of `piece`.
outcome feed(response_reader& reader, std::string_view bytes, std::size_t piece) {
  http::response_parser parser(caps);
  parser.start(false);
  // A parser of JSON may read beyond the text.
  std::string in;
  in.reserve(bytes.size() + 256);
  std::size_t taken = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    in.append(bytes.substr(at, piece));
    at += piece;
    for (bool more = true; more;) {
      const auto status = parser.parse(in.data(), in.size(), at >= bytes.size());
      more = false;
      if (status == http::parse_status::failed) return {.fault = parser.error()};
      if (status == http::parse_status::head) {
        if (const errc refused = reader.on_head(parser.head(), in.data()); refused != errc{})
          return {.fault = refused};
        if (reader.streams_body()) parser.stream_body();
        more = true;
      } else if (status != http::parse_status::need_more) {
        const bool last = status == http::parse_status::complete;
        const std::size_t begin = parser.body_begin() + taken;
        const auto took = reader.on_body(in.data() + begin, parser.body_end() - begin, last);
        if (took.error != errc{}) return {.fault = took.error};
        taken += took.bytes;
        if (last) return {.complete = true};
        if (took.finished) return {.finished = true};
      }
    }
  }
  return {};
}

std::string response(std::string_view head, std::string_view body) {
  return "HTTP/1.1 " + std::string(head) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string chunked(std::string_view type, const std::vector<std::string>& chunks) {
  std::string out =
      "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(type) + "\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const auto& chunk : chunks) {
    char size[17];
    std::snprintf(size, sizeof size, "%zx", chunk.size());
    out += size + ("\r\n" + chunk + "\r\n");
  }
  return out + "0\r\n\r\n";
}

const std::string answer_7 = R"({"jsonrpc":"2.0","id":7,"result":{"ok":true}})";
const std::string json_type = "200 OK\r\nContent-Type: application/json";

}  // namespace

TEST_CASE("a JSON answer, in any split") {
  const std::string bytes = response(json_type, answer_7);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    notebook notes;
    response_reader reader(caps, notes);
    reader.start(7);
    const auto got = feed(reader, bytes, piece);
    CHECK(got.complete);
    CHECK_FALSE(reader.why());
    CHECK(reader.answer().size() == std::string_view(R"({"ok":true})").size());
    CHECK(notes.lines.empty());
  }
}

namespace {

struct expected {
  errc why{};                          ///< of the failure, where the answer is none
  std::optional<std::int64_t> code{};  ///< of the server's JSON-RPC error
  std::vector<std::string> notes{};
};

struct row {
  std::string name;
  std::string bytes;
  expected want;
};

void check(const row& each, std::optional<std::int64_t> id) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, each.bytes.size()}) {
    INFO(each.name << ", in pieces of " << piece);
    notebook notes;
    response_reader reader(caps, notes);
    reader.start(id);
    const auto got = feed(reader, each.bytes, piece);
    if (each.want.why == errc{}) {
      CHECK_FALSE(got.fault);
      CHECK_FALSE(reader.why());
    } else {
      CHECK((got.fault ? make_error_code(*got.fault) : reader.why().value_or(errc{}).code()) ==
            each.want.why);
      if (!got.fault) CHECK(reader.why()->rpc_code() == each.want.code);
    }
    CHECK(notes.lines == each.want.notes);
  }
}

}  // namespace

TEST_CASE("responses to a request") {
  const auto events = [](const std::vector<std::string>& chunks) {
    return chunked("text/event-stream", chunks);
  };
  const std::string note = R"(data: {"jsonrpc":"2.0","method":"n"})";
  const std::string error_7 = R"({"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no"}})";
  const std::string error_null = R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}})";
  const std::vector<row> rows = {
      {"parameters of the media type",
       response("200 OK\r\nContent-Type: Application/JSON; charset=utf-8", answer_7),
       {}},
      {"201 is success too", response("201 Created\r\nContent-Type: application/json", answer_7), {}},
      {"an error", response(json_type, error_7), {errc::rpc_error, -32601}},
      {"an error without id is ours", response(json_type, error_null), {errc::rpc_error, -32000}},
      {"an error in a 400",
       response("400 Bad Request\r\nContent-Type: application/json", error_7),
       {errc::rpc_error, -32601}},
      {"a 400 with other JSON",
       response("400 Bad Request\r\nContent-Type: application/json", R"({"error":"no"})"),
       {errc::http_status}},
      {"a 400 with a result",
       response("400 Bad Request\r\nContent-Type: application/json", answer_7),
       {errc::http_status}},
      {"a 500 with text", response("500 Oops\r\nContent-Type: text/plain", "oops"), {errc::http_status}},
      {"a 404 without anything", response("404 Not Found", ""), {errc::http_status}},
      {"a 202 is no answer", response("202 Accepted", ""), {errc::bad_content_type}},
      {"a page", response("200 OK\r\nContent-Type: text/html", "<p>"), {errc::bad_content_type}},
      {"no media type", response("200 OK", answer_7), {errc::bad_content_type}},
      {"not JSON", response(json_type, "{"), {errc::json_invalid}},
      {"no JSON-RPC", response(json_type, "{}"), {errc::rpc_invalid_message}},
      {"another id",
       response(json_type, R"({"jsonrpc":"2.0","id":8,"result":{}})"),
       {errc::rpc_unexpected_id, {}, {"ignored response to an unknown request"}}},
      {"the id as a string",
       response(json_type, R"({"jsonrpc":"2.0","id":"7","result":{}})"),
       {errc::rpc_unexpected_id, {}, {"ignored response to an unknown request"}}},
      {"a batch",
       response(json_type, "[{\"jsonrpc\":\"2.0\",\"method\":\"n\"}," + answer_7 + "]"),
       {{}, {}, {"n"}}},
      {"complete", response(json_type, R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"complete"}})"), {}},
      {"input required",
       response(json_type, R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required"}})"),
       {errc::input_required}},
      {"unknown result type",
       response(json_type, R"({"jsonrpc":"2.0","id":7,"result":{"resultType":"later"}})"),
       {errc::unknown_result_type}},
      {"an event", events({"data: " + answer_7 + "\n\n"}), {}},
      {"events, in one chunk",
       events({note + "\n\nid: 1\n" + note + "\n\ndata: " + answer_7 + "\n\n"}),
       {{}, {}, {"n", "id ", "n", "id 1"}}},
      {"events, split oddly",
       events({note.substr(0, 9), note.substr(9) + "\n", "\nevent: message\ndata: " + answer_7 + "\n", "\n"}),
       {{}, {}, {"n", "id "}}},
      {"priming, comments, other types",
       events({"id: 5\ndata:\n\n: alive\n\nevent: other\ndata: x\n\n", "data: " + answer_7 + "\n\n"}),
       {{}, {}, {"id 5", "id 5"}}},
      {"an error event", events({"data: " + error_7 + "\n\n"}), {errc::rpc_error, -32601}},
      {"events without the answer", events({note + "\n\n"}), {errc::sse_no_response, {}, {"n", "id "}}},
      {"an answer cut off", events({"data: " + answer_7 + "\n"}), {errc::sse_no_response}},
      {"an event that is not JSON", events({"data: {\n\n"}), {errc::json_invalid}},
      {"a compressed answer",
       response("200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip", answer_7),
       {errc::http_unsupported_encoding}},
  };
  for (const row& each : rows) check(each, 7);
}

TEST_CASE("any 2xx acknowledges what expects no response") {
  const std::vector<row> rows = {
      {"202", response("202 Accepted", ""), {}},
      {"204", "HTTP/1.1 204 No Content\r\n\r\n", {}},
      {"200 with a body of no meaning", response(json_type, "{ nonsense"), {}},
      {"400 with an error",
       response("400 Bad Request\r\nContent-Type: application/json",
                R"({"jsonrpc":"2.0","error":{"code":-32600,"message":"no"}})"),
       {errc::rpc_error, -32600}},
      {"500", response("500 Oops", ""), {errc::http_status}},
  };
  for (const row& each : rows) check(each, std::nullopt);
}

TEST_CASE("the rest of a response") {
  notebook notes;
  response_reader reader(caps, notes);
  reader.start(7);
  SECTION("a redirect shows where to") {
    const auto got = feed(reader, response("307 Temporary Redirect\r\nLocation: /other", "moved"), 3);
    CHECK(got.complete);
    CHECK(reader.location() == "/other");
  }
  SECTION("the session id, if it is wanted") {
    reader.start(7, true);
    feed(reader, response(json_type + "\r\nMcp-Session-Id: abc", answer_7), 1000);
    CHECK(reader.session_id() == "abc");
  }
  SECTION("text for a person is quoted, cut") {
    feed(reader, response("503 Busy\r\nContent-Type: text/plain", std::string(2000, 'x')), 1000);
    CHECK(reader.why()->server_text() == std::string(512, 'x'));
    CHECK(reader.why()->http_status() == 503);
  }
  SECTION("an error page without end is not waited for") {
    std::string bytes = "HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n\r\n" + std::string(100'000, 'x');
    bytes += "...";
    const auto got = feed(reader, bytes, 4096);
    CHECK(got.finished);
    CHECK(reader.why()->http_status() == 500);
  }
  SECTION("data of an error") {
    feed(reader,
         response(json_type,
                  R"({"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"a\u0062","data":{"x":1}}})"),
         1000);
    CHECK(reader.why()->server_text() == "ab");
    CHECK(reader.why()->server_data() == R"({"x":1})");
  }
  SECTION("after the answer nothing is read") {
    const auto got =
        feed(reader, chunked("text/event-stream", {"data: " + answer_7 + "\n\ndata: {\n\n"}), 1000);
    CHECK_FALSE(got.fault);
    CHECK_FALSE(reader.why());
  }
  SECTION("nor when the listener has gone") {
    notes.closed = true;
    const auto got = feed(
        reader, chunked("text/event-stream", {"data: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}\n\n"}), 1000);
    CHECK_FALSE(got.fault);
    CHECK(notes.lines.empty());
  }
}
