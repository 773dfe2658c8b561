// SPDX-License-Identifier: MIT
// What is accepted as a message must be JSON to simdjson's DOM too, and mean the same there.
#include <mcp/json/walk.hpp>
#include <mcp/rpc/message.hpp>
#include <mcp/rpc/write.hpp>

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <support/padded.hpp>

namespace {

using mcp::json::value;
using mcp::rpc::message;
using mcp::rpc::message_kind;
namespace dom = simdjson::dom;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void require_same(const value& ours, const dom::object& object, std::string_view name) {
  dom::element theirs;
  const bool present = object.at_key(name).get(theirs) == simdjson::SUCCESS;
  require(ours.present() == present);
  if (!present) return;
  dom::parser parser;
  require(simdjson::minify(parser.parse(std::string(ours.text()))) == simdjson::minify(theirs));
}

void require_same(const message& got, const dom::element& theirs) {
  const dom::object object(theirs);
  require(std::string_view(object["jsonrpc"]) == "2.0");
  switch (got.kind) {
    case message_kind::request:
    case message_kind::notification:
      require(got.id.present() == (got.kind == message_kind::request));
      require_same(value(got.id.text()), object, "id");
      require_same(got.method, object, "method");
      require_same(got.params, object, "params");
      break;
    case message_kind::response: {
      require_same(value(got.id.text()), object, "id");
      require_same(got.result, object, "result");
      require(got.result.is_object() && object.at_key("error").error() == simdjson::NO_SUCH_FIELD);
      require(got.result_type.text() == mcp::json::find_member(got.result, "resultType").text());
      break;
    }
    case message_kind::error_response: {
      const dom::object error(object["error"]);
      require(got.error_code == std::int64_t(error["code"]));
      require_same(got.error_message, error, "message");
      require_same(got.error_data, error, "data");
      require(object.at_key("result").error() == simdjson::NO_SUCH_FIELD);
      break;
    }
  }
  if (got.id.number()) require(*got.id.number() == std::int64_t(object["id"]));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const test::padded_copy copy(input);
  const auto text = copy.text();
  const mcp::limits caps;
  message got;
  const auto parsed = mcp::rpc::parse(text, caps, got);
  const bool is_json = mcp::json::walk(text, caps.json_depth);
  require(parsed || (parsed.error().code() == mcp::errc::json_invalid) == !is_json);

  // What stands behind the text must not matter.
  for (const char behind : {'}', ']', ',', ':', '0', ' ', '\\', '\0'}) {
    const test::padded_copy other(input, behind);
    message again;
    const auto verdict = mcp::rpc::parse(other.text(), caps, again);
    require(verdict.has_value() == parsed.has_value());
    require(parsed || verdict.error().code() == parsed.error().code());
  }

  std::size_t handled = 0;
  const auto all = mcp::rpc::for_each_message(text, caps, [&](const message& one) {
    ++handled;
    std::string answer;
    mcp::rpc::write_error(answer, one.id, 1, "m");
    message again;
    const test::padded_copy padded(answer);
    require(mcp::rpc::parse(padded.text(), caps, again).has_value() &&
            again.id.text() == (one.id.present() ? one.id.text() : ""));
  });
  require(all.has_value() == (handled > 0));
  if (parsed) require(all && handled == 1);

  dom::parser parser;
  dom::element theirs;
  const auto error = parser.parse(data, size).get(theirs);
  if (!parsed) return 0;
  // What it refuses of JSON, numbers out of range and halves of surrogate pairs, is json_value_fuzz's matter.
  if (!error) require_same(got, theirs);
  return 0;
}
