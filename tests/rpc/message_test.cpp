// SPDX-License-Identifier: MIT
#include <mcp/rpc/message.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <support/padded.hpp>
#include <system_error>
#include <vector>

using mcp::errc;
using mcp::rpc::message;
using mcp::rpc::message_kind;
using test::padded;
using namespace std::string_literals;

namespace {

std::error_code parse(mcp::json::padded_text text, message& out, const mcp::limits& caps = {}) {
  auto parsed = mcp::rpc::parse(text, caps, out);
  return parsed ? std::error_code() : parsed.error().code();
}

std::error_code parse(std::string_view text, message& out, const mcp::limits& caps = {}) {
  return parse(padded(text), out, caps);
}

std::error_code parse(std::string_view text) {
  message ignored;
  return parse(text, ignored);
}

const std::string samples[] = {
    R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"72\u00b0F \u2014 sunny"}],"isError":false}})",
    R"({"id":"a-1","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1e3},"jsonrpc":"2.0"})",
    R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":0.5}})",
    R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"bad \"request\"","data":[1,{"x":null}]}})",
};

}  // namespace

TEST_CASE("a response", "[rpc]") {
  message got;
  const auto in = padded(
      R"({"jsonrpc":"2.0","id":12345,"result": {"resultType":"complete","content":[{"resultType":"x"}]} })");
  const auto text = in.text;
  REQUIRE_FALSE(parse(in, got));
  CHECK(got.kind == message_kind::response);
  CHECK(got.id == 12345);
  CHECK(got.result.text() == R"({"resultType":"complete","content":[{"resultType":"x"}]})");
  CHECK(got.result.text().data() == text.data() + text.find("{\"res"));  // a view, not a copy
  CHECK(got.result_type == "complete");
  CHECK_FALSE(got.method.present());

  REQUIRE_FALSE(parse(R"({"result":{},"id":"7","jsonrpc":"2.0","extra":[{}]})", got));
  CHECK(got.kind == message_kind::response);
  CHECK(got.id.text() == "\"7\"");
  CHECK_FALSE(got.id == 7);
  CHECK(got.result.text() == "{}");
  CHECK_FALSE(got.result_type.present());

  // A type that is not a string stays visible; only the modern revision forbids it.
  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","id":-1,"result":{"resultType":5}})", got));
  CHECK(got.id == -1);
  CHECK(got.result_type.text() == "5");
}

TEST_CASE("an error response", "[rpc]") {
  message got;
  REQUIRE_FALSE(parse(samples[3], got));
  CHECK(got.kind == message_kind::error_response);
  CHECK_FALSE(got.id.present());
  CHECK(got.error_code == -32600);
  CHECK(got.error_message.string() == "bad \"request\"");
  CHECK(got.error_data.text() == R"([1,{"x":null}])");

  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","error":{"message":"","code":1,"more":{}}})", got));
  CHECK(got.kind == message_kind::error_response);
  CHECK_FALSE(got.id.present());
  CHECK_FALSE(got.error_data.present());
  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","id":3,"error":{"message":"m","code":0,"data":null}})", got));
  CHECK(got.id == 3);
  CHECK(got.error_data.is_null());
}

TEST_CASE("requests and notifications", "[rpc]") {
  message got;
  REQUIRE_FALSE(parse(samples[1], got));
  CHECK(got.kind == message_kind::request);
  CHECK(got.id.text() == "\"a-1\"");
  CHECK(got.method == "sampling/createMessage");
  CHECK(got.params.is_object());

  REQUIRE_FALSE(parse(samples[2], got));
  CHECK(got.kind == message_kind::notification);
  CHECK_FALSE(got.id.present());

  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","method":"notifications\/message","params":[1]})", got));
  CHECK(got.method == "notifications/message");
  CHECK(got.params.text() == "[1]");
  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","method":"ping","id":0})", got));
  CHECK(got.kind == message_kind::request);
  CHECK(got.id == 0);
  CHECK_FALSE(got.params.present());
}

TEST_CASE("names count after unescaping, and only as they are spelt", "[rpc]") {
  message got;
  REQUIRE_FALSE(
      parse(R"({"jsonr\u0070c":"2\u002e0","\u0069d":1,"r\u0065sult":{"result\u0054ype":"x"}})", got));
  CHECK(got.kind == message_kind::response);
  CHECK(got.id == 1);
  CHECK(got.result_type == "x");

  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","Id":{},"ID":1.5,"id":1,"Result":5,"result":{},"Error":{}})", got));
  CHECK(got.kind == message_kind::response);
  CHECK(parse(R"({"jsonrpc":"2.0","Id":1,"result":{}})") == errc::rpc_invalid_message);
}

TEST_CASE("JSON that is no message", "[rpc]") {
  const std::string texts[] = {
      "[]",
      "{}",
      R"([{"jsonrpc":"2.0","id":1,"result":{}}])",
      // jsonrpc
      R"({"id":1,"result":{}})",
      R"({"jsonrpc":2.0,"id":1,"result":{}})",
      R"({"jsonrpc":"2","id":1,"result":{}})",
      R"({"jsonrpc":"2.00","id":1,"result":{}})",
      R"({"jsonrpc":null,"id":1,"result":{}})",
      R"({"jsonrpc":tru,"id":1,"result":{}})",
      R"({"jsonrpc":"2.0\x","id":1,"result":{}})",
      R"({"JSONRPC":"2.0","id":1,"result":{}})",
      // id
      R"({"jsonrpc":"2.0","id":1.0,"result":{}})",
      R"({"jsonrpc":"2.0","id":01,"result":{}})",
      R"({"jsonrpc":"2.0","id":-,"result":{}})",
      R"({"jsonrpc":"2.0","id":1x,"result":{}})",
      R"({"jsonrpc":"2.0","id":1e0,"result":{}})",
      R"({"jsonrpc":"2.0","id":true,"result":{}})",
      R"({"jsonrpc":"2.0","id":{},"result":{}})",
      R"({"jsonrpc":"2.0","id":[1],"result":{}})",
      R"({"jsonrpc":"2.0","id":9223372036854775808,"result":{}})",
      R"({"jsonrpc":"2.0","id":null,"result":{}})",
      R"({"jsonrpc":"2.0","result":{}})",
      R"({"jsonrpc":"2.0","id":null,"method":"ping"})",
      R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})",
      R"({"jsonrpc":"2.0","id":1.5,"error":{"code":1,"message":""}})",
      // result and error
      R"({"jsonrpc":"2.0","id":1})",
      R"({"jsonrpc":"2.0","id":1,"result":[]})",
      R"({"jsonrpc":"2.0","id":1,"result":null})",
      R"({"jsonrpc":"2.0","id":1,"result":"x"})",
      R"({"jsonrpc":"2.0","id":1,"result":5})",
      R"({"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}})",
      R"({"jsonrpc":"2.0","id":1,"result":null,"error":{"code":1,"message":""}})",
      R"({"jsonrpc":"2.0","id":1,"result":{},"error":null})",
      R"({"jsonrpc":"2.0","id":1,"error":{}})",
      R"({"jsonrpc":"2.0","id":1,"error":null})",
      R"({"jsonrpc":"2.0","id":1,"error":"x"})",
      R"({"jsonrpc":"2.0","id":1,"error":[{"code":1,"message":""}]})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"message":""}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":"1","message":""}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":""}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":1e99,"message":""}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":1,"message":null}})",
      // method and params
      R"({"jsonrpc":"2.0","method":5})",
      R"({"jsonrpc":"2.0","method":null,"id":1})",
      R"({"jsonrpc":"2.0","method":"m","params":null})",
      R"({"jsonrpc":"2.0","method":"m","params":"x"})",
      R"({"jsonrpc":"2.0","method":"m","params":1})",
      R"({"jsonrpc":"2.0","method":"m","id":1,"result":{}})",
      R"({"jsonrpc":"2.0","method":"m","id":1,"error":{"code":1,"message":""}})",
      // duplicates
      R"({"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"result":{}})",
      R"({"jsonrpc":"2.0","id":1,"id":1,"result":{}})",
      R"({"jsonrpc":"2.0","id":1,"\u0069d":2,"result":{}})",
      R"({"jsonrpc":"2.0","id":1,"result":{},"result":{}})",
      R"({"jsonrpc":"2.0","method":"m","method":"m"})",
      R"({"jsonrpc":"2.0","method":"m","params":{},"params":{}})",
      R"({"jsonrpc":"2.0","error":{"code":1,"message":""},"error":{"code":1,"message":""}})",
      R"({"jsonrpc":"2.0","error":{"code":1,"code":2,"message":""}})",
      R"({"jsonrpc":"2.0","error":{"code":1,"message":"","message":""}})",
      R"({"jsonrpc":"2.0","error":{"code":1,"message":"","data":1,"data":1}})",
      // U+0000 in a key, or what is no escape
      R"({"jsonrpc":"2.0","id":1,"result":{},"\x":2})",
      R"({"jsonrpc":"2.0","id":1,"result":{},"id\u0000":2})",
      R"({"jsonrpc":"2.0","id":1,"result":{},"\u0000":2})",
      R"({"jsonrpc":"2.0","error":{"code":1,"message":"","data\u0000":1}})",
  };
  for (const auto& text : texts) {
    CAPTURE(text);
    CHECK(parse(text) == errc::rpc_invalid_message);
  }
}

TEST_CASE("text that is not JSON, in the envelope and in its opaque parts", "[rpc]") {
  const std::string faults[] = {"[1,2,}", "[1}",     "{\"a\":1]", "[", "\"\x80\"",
                                "\"\n\"", "{\"a\"}", "\"a",       ""};
  for (const auto& fault : faults) {
    const std::string texts[] = {
        R"({"jsonrpc":"2.0","id":1,"result":)" + fault + "}",
        R"({"jsonrpc":"2.0","id":1,"result":{"content":)" + fault + "}}",
        R"({"jsonrpc":"2.0","id":1,"result":{"content":[{"a":)" + fault + "}]}}",
        R"({"jsonrpc":"2.0","method":"m","params":)" + fault + "}",
        R"({"jsonrpc":"2.0","error":{"code":1,"message":"m","data":)" + fault + "}}",
        R"({"jsonrpc":"2.0","id":1,"result":{},"unknown":)" + fault + "}",
        R"({"jsonrpc":)" + fault + R"(,"id":1,"result":{}})",
    };
    for (const auto& text : texts) {
      CAPTURE(text);
      CHECK(parse(text) == errc::json_invalid);
    }
  }
  for (const auto* text :
       {"", " ", "5", "null", "\"x\"", R"({"jsonrpc":"2.0","id":1,"result":{}}x)",
        R"({"jsonrpc":"2.0","id":1,"result":{}}{})", R"({"jsonrpc":"2.0","id":1,"result":{}]})",
        R"({"jsonrpc":"2.0","id":1 "result":{}})"}) {
    CAPTURE(text);
    CHECK(parse(text) == errc::json_invalid);
  }
  CHECK(parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\0"s) == errc::json_invalid);
}

TEST_CASE("malformed scalars in opaque parts are found where they are read", "[rpc]") {
  for (const auto* fault : {"tru", "01", R"("\x")"}) {
    CAPTURE(fault);
    message got;
    REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","id":1,"result":{"a":)" + std::string(fault) + "}}", got));
    const auto read = mcp::json::find_member(got.result, "a");
    CHECK(read.text() == fault);
    CHECK_FALSE((read.boolean() || read.integer() || read.number() || read.string()));
  }
}

TEST_CASE("half a surrogate pair, which JavaScript sends, passes as it is", "[rpc]") {
  message got;
  REQUIRE_FALSE(parse(R"({"jsonrpc":"2.0","id":1,"result":{"text":"cut \ud83d"}})", got));
  CHECK(got.result.text() == R"({"text":"cut \ud83d"})");
}

TEST_CASE("depth is capped, the envelope counted", "[rpc]") {
  const auto text = [](std::size_t levels) {
    return R"({"jsonrpc":"2.0","id":1,"result":{"a":)" + std::string(levels, '[') + std::string(levels, ']') +
           "}}";
  };
  mcp::limits caps;
  caps.json_depth = 10;
  message got;
  CHECK_FALSE(parse(text(8), got, caps));
  CHECK(parse(text(9), got, caps) == errc::json_invalid);
  CHECK_FALSE(parse(text(254), got));
  CHECK(parse(text(255), got) == errc::json_invalid);
  CHECK(parse(text(5000), got) == errc::json_invalid);
}

TEST_CASE("a truncated message is never one", "[rpc]") {
  for (const auto& text : samples) {
    REQUIRE_FALSE(parse(text));
    for (std::size_t size = 0; size < text.size(); ++size) {
      CAPTURE(text, size);
      CHECK(parse(std::string_view(text).substr(0, size)) == errc::json_invalid);
    }
  }
}

TEST_CASE("of all changes of one byte only harmless ones are accepted", "[rpc]") {
  const std::string_view text = R"({"jsonrpc":"2.0","id":7,"result":{"a":[1,true]}})";
  const std::size_t id = 22;
  const std::size_t key = 35;
  const std::size_t number = 39;
  const std::size_t literal = 41;
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed(text);
      changed[at] = static_cast<char>(byte);
      message got;
      if (changed == text || parse(changed, got)) continue;
      CAPTURE(changed);
      REQUIRE(got.kind == message_kind::response);
      REQUIRE(got.result.text() == std::string_view(changed).substr(33, 14));
      if (at >= number && at < literal + 4) {
        // A scalar that is malformed: it shows where it is read.
        bool all_good = true;
        mcp::json::for_each_element(
            mcp::json::find_member(got.result, "a"),
            [&](const mcp::json::value& item) { all_good = all_good && (item.integer() || item.boolean()); });
        REQUIRE(all_good == (at == number && byte >= '0' && byte <= '9'));
      } else {
        REQUIRE((at == id || at == key));
        ++accepted;
      }
    }
  }
  // Other digits, and as a key all of ASCII but controls, quote, backslash and the letter itself.
  CHECK(accepted == 9 + 93);
}

TEST_CASE("one message or a batch", "[rpc]") {
  const auto handle = [](std::string_view text, std::vector<std::string>& seen) {
    const auto done = mcp::rpc::for_each_message(padded(text), {}, [&](const message& got) {
      seen.push_back(got.method.present() ? *got.method.string() : std::string(got.id.text()));
    });
    return done ? std::error_code() : done.error().code();
  };
  const std::string one = R"({"jsonrpc":"2.0","id":1,"result":{}})";
  const std::string two = R"({"jsonrpc":"2.0","method":"m"})";
  struct {
    std::string text;
    std::error_code code;
    std::vector<std::string> seen;
  } const cases[] = {
      {one, {}, {"1"}},
      {" \n" + two + " ", {}, {"m"}},
      {" [" + one + " , " + two + "]\n", {}, {"1", "m"}},
      {"[" + one + "]", {}, {"1"}},
      {"[]", errc::rpc_invalid_message, {}},
      {"[" + one + ",{}]", errc::rpc_invalid_message, {}},
      {"[" + one + ",[" + two + "]]", errc::rpc_invalid_message, {}},
      {"[1]", errc::rpc_invalid_message, {}},
      {"[" + one + "," + two, errc::json_invalid, {}},
      {"[" + one + "," + two + ",]", errc::json_invalid, {}},
      {"[" + one + ",\"\x80\"]", errc::json_invalid, {}},
      {"[" + one + "]" + two, errc::json_invalid, {}},
      {one + two, errc::json_invalid, {}},
      {"", errc::json_invalid, {}},
      {"  ", errc::json_invalid, {}},
      {"{}", errc::rpc_invalid_message, {}},
  };
  for (const auto& [text, code, expected] : cases) {
    CAPTURE(text);
    std::vector<std::string> seen;
    CHECK(handle(text, seen) == code);
    CHECK(seen == expected);
  }
}
