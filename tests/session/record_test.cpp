// SPDX-License-Identifier: MIT
#include <mcp/base/url.hpp>
#include <mcp/session/record.hpp>
#include <mcp/store/key.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <set>
#include <string>
#include <string_view>

using mcp::errc;
using mcp::detail::era_record;
using mcp::detail::record_fields;
using mcp::detail::resource_name;
using mcp::detail::session_record;
using mcp::detail::store_key;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::system_clock::time_point some_day(std::chrono::seconds(1'790'000'000));

session_record some_session() {
  session_record out;
  out.open = true;
  out.protocol_version = "2025-11-25";
  out.session_id = "s-\"1\"";
  out.server = R"({"serverInfo":{"name":"n","version":"1"}})";
  out.learned = some_day;
  out.tools = R"([{"name":"t","inputSchema":{}}])";
  out.tools_until = some_day + 90s;
  out.standing = {{"logging/setLevel", R"({"level":"error"})"}};
  out.unfinished = {{"tools/call", "t", "event 7", 1'790'000'000'000'042}};
  out.listening_from = "event 9";
  return out;
}

}  // namespace

TEST_CASE("a session record comes back whole") {
  const auto session = some_session();
  const auto bytes = session.bytes();
  const auto read = session_record::parse(bytes.view());
  REQUIRE(read);
  CHECK(read->open);
  CHECK(read->protocol_version == session.protocol_version);
  CHECK(read->session_id == session.session_id);
  CHECK(read->server == session.server);
  CHECK(read->learned == session.learned);
  CHECK(read->tools == session.tools);
  CHECK(read->tools_until == session.tools_until);
  REQUIRE(read->standing.size() == 1);
  CHECK(read->standing[0].method == "logging/setLevel");
  CHECK(read->standing[0].params == R"({"level":"error"})");
  REQUIRE(read->unfinished.size() == 1);
  CHECK(read->unfinished[0].method == "tools/call");
  CHECK(read->unfinished[0].name == "t");
  CHECK(read->unfinished[0].last_event_id == "event 7");
  CHECK(read->unfinished[0].id == 1'790'000'000'000'042);
  CHECK(read->listening_from == "event 9");
  CHECK(read->bytes() == bytes);
}

TEST_CASE("what a session has no more leaves its record") {
  auto session = *session_record::parse(some_session().bytes().view());
  session.tools.clear();
  session.standing.clear();
  session.unfinished.clear();
  session.listening_from.clear();
  session.server.clear();
  const auto bytes = session.bytes();
  for (const std::string_view gone : {"tools", "standing", "unfinished", "event", "server"})
    CHECK(bytes.view().find(gone) == std::string_view::npos);
}

TEST_CASE("what is not known of a record is kept") {
  const std::string text =
      R"({"v":1,"later":{"a":[1,"}"]},"open":false,"protocol_version":"2026-07-28","flag":true})";
  auto session = *session_record::parse(text);
  session.open = true;
  const auto bytes = session.bytes();
  CHECK(bytes.view().find(R"("later":{"a":[1,"}"]})") != std::string_view::npos);
  CHECK(bytes.view().find(R"("flag":true)") != std::string_view::npos);
  CHECK(bytes.view().find(R"("open":true)") != std::string_view::npos);
}

TEST_CASE("a record that makes no sense is corrupt, at whichever byte it ends") {
  const auto code = [](std::string_view text) {
    const auto read = session_record::parse(text);
    return read ? errc{} : static_cast<errc>(read.error().code().value());
  };
  const auto bytes = some_session().bytes();
  CHECK(code(bytes.view()) == errc{});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(code(bytes.view().substr(0, size)) == errc::store_corrupt);
  for (const std::string_view text :
       {"null", "[]", R"({"open":true,"protocol_version":"x"})", R"({"v":2,"protocol_version":"x"})",
        R"({"v":"1","protocol_version":"x"})", R"({"v":1})", R"({"v":1,"protocol_version":7})"})
    CHECK(code(text) == errc::store_corrupt);
  CHECK(era_record::parse(R"({"v":1,"protocol_version":"x"})").error().code() == errc::store_corrupt);
}

TEST_CASE("times in records are absolute, and to the millisecond") {
  record_fields fields;
  fields.set_time("t", some_day + 1234ms);
  CHECK(fields.bytes().view() == R"({"v":1,"t":1790000001234})");
  CHECK(fields.time("t") == some_day + 1234ms);
  CHECK(fields.time("absent") == std::nullopt);
  for (const std::string_view json :
       {"-1", "1e3", "\"1\"", "253402300799001", "9223372036854775807", "null"}) {
    fields.set_json("t", json);
    CHECK(fields.time("t") == std::nullopt);
  }
}

TEST_CASE("an era record says what a server spoke, and when; a legacy one is good for a day") {
  const era_record record{{"2025-11-25", some_day}};
  const auto read = era_record::parse(record.bytes().view());
  REQUIRE(read);
  CHECK(read->verdict.version == "2025-11-25");
  CHECK(read->verdict.holds_at(some_day + 24h - 1ms));
  CHECK_FALSE(read->verdict.holds_at(some_day + 24h));
  CHECK(mcp::detail::era_verdict{"2026-07-28", some_day}.holds_at(some_day + 8760h));
}

TEST_CASE("different parts make different keys, in plain characters") {
  std::set<std::string> keys;
  const std::string nul("\0", 1);
  for (const std::string& a : {std::string(), std::string("a"), std::string("a/b"), std::string("%"), nul}) {
    for (const std::string& b : {std::string(), std::string("b"), std::string("/"), std::string("\xff")}) {
      const std::string key = store_key("kind", {a, b});
      CHECK(keys.insert(key).second);
      for (const char c : key) CHECK((c > ' ' && c < 0x7f));
    }
  }
  CHECK(store_key("era", {"https://example.com/mcp"}) == "era/https:%2F%2Fexample.com%2Fmcp");
}

TEST_CASE("the name of a resource tells queries apart, and does not tell them") {
  const auto name = [](std::string_view text) {
    return resource_name(mcp::url::parse(text).value()).value();
  };
  CHECK(name("https://Example.com:443/mcp") == "https://example.com/mcp");
  CHECK(name("http://[::1]:8080/") == "http://[::1]:8080/");
  // printf 'api_key=SECRET' | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
  CHECK(name("https://example.com/mcp?api_key=SECRET") == "https://example.com/mcp?g2gM_SAPjOiO85la75-m3A");
  const std::set<std::string> names{name("https://h/mcp"), name("https://h/mcp?"), name("https://h/mcp?a"),
                                    name("https://h/mcp?b"), name("https://h/mc?a")};
  CHECK(names.size() == 5);
}
