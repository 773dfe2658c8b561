// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/types/content.hpp>
#include <mcp/types/json_text.hpp>
#include <mcp/types/read.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// The result of a tool call (schema: `CallToolResult`), read when asked for.
///
/// It keeps the server's text, whole, and every accessor reads that text anew without changing anything:
/// a result can be read from several threads at once. Views stay valid while it lives, also when it is
/// moved. An accessor whose part is missing or mistyped throws `mcp::error` with
/// `errc::unexpected_result` and the path of that part; its `try_` form returns the failure instead.
class tool_result {
 public:
  /// An empty result, without any part.
  tool_result() noexcept = default;

  /// `result` is the text of a checked JSON object.
  explicit tool_result(json_text result) noexcept : text_(std::move(result)) {}

  /// The whole result as JSON text.
  std::string_view raw() const noexcept { return text_.text(); }

  /// The tool ran and failed: the content says why, for the model to read. Not an error of the call.
  bool is_error() const { return try_is_error().value(); }
  mcp::result<bool> try_is_error() const {
    const json::value flag = json::find_member(object(), "isError");
    if (!flag.present() || flag.is_null()) return false;
    const auto error = flag.boolean();
    if (!error) return detail::unexpected("isError");
    return *error;
  }

  /// The text of all text blocks, one after the other.
  std::string text() const { return try_text().value(); }
  mcp::result<std::string> try_text() const;

  std::vector<content_block> content() const { return try_content().value(); }
  mcp::result<std::vector<content_block>> try_content() const {
    return detail::read_elements<content_block>(json::find_member(object(), "content"), "content");
  }

  /// `structuredContent` as JSON text, of an object in most revisions, of any value since 2026-07-28;
  /// empty when absent.
  std::string_view structured_content() const {
    return json::find_member(object(), "structuredContent").text();
  }

  /// `_meta` as JSON text; empty when absent.
  std::string_view meta() const {
    const json::value meta = json::find_member(object(), "_meta");
    return meta.is_object() ? meta.text() : std::string_view();
  }

 private:
  json::value object() const noexcept { return json::value(text_.text()); }

  json_text text_;
};

inline mcp::result<std::string> tool_result::try_text() const {
  const json::value content = json::find_member(object(), "content");
  if (!content.is_array()) return detail::unexpected("content");
  std::string out;
  std::string fault;
  std::size_t index = 0;
  // One walk over all blocks: this is what most callers read.
  json::walk(content.text(), json::max_nesting, [&](json::item& block) {
    json::value type;
    json::value text;
    block.take([&](json::item& member) {
      switch (member.key_among("type", "text")) {
        case 0: type = member.take(); break;
        case 1: text = member.take(); break;
        default: break;
      }
    });
    if (type == "text" && !text.append_to(out) && fault.empty())
      fault = detail::element("content", index) + ".text";
    ++index;
  });
  if (!fault.empty()) return detail::unexpected(fault);
  return out;
}

}  // namespace mcp::inline v0
