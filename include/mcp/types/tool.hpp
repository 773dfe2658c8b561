// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/types/cache_hint.hpp>
#include <mcp/types/read.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// What a server claims about a tool's behaviour (schema: `ToolAnnotations`). Untrusted unless the server
/// is trusted.
struct tool_annotations {
  std::string title;                     ///< empty when absent
  std::optional<bool> read_only_hint;    ///< does not modify its environment; absent means false
  std::optional<bool> destructive_hint;  ///< may destroy, where it is not read-only; absent means true
  std::optional<bool> idempotent_hint;   ///< the same call again changes nothing more; absent means false
  std::optional<bool> open_world_hint;   ///< deals with outside entities; absent means true

  static result<tool_annotations> parse(const json::value& object) {
    tool_annotations out;
    auto read = detail::read_members(object, detail::optional("title", out.title),
                                     detail::optional("readOnlyHint", out.read_only_hint),
                                     detail::optional("destructiveHint", out.destructive_hint),
                                     detail::optional("idempotentHint", out.idempotent_hint),
                                     detail::optional("openWorldHint", out.open_world_hint));
    if (!read) return std::move(read).error();
    return out;
  }
};

/// A tool that a server offers (schema: `Tool`). Texts are empty when absent.
struct tool {
  std::string name;
  std::string title;
  std::string description;
  std::string input_schema;   ///< JSON Schema, byte for byte as it came; a `$ref` in it is never fetched
  std::string output_schema;  ///< likewise
  std::optional<tool_annotations> annotations;
  std::string icons;  ///< JSON text of an array
  std::string meta;   ///< `_meta` as JSON text
  std::string raw;    ///< the whole tool as JSON text, unknown members included

  /// `errc::unexpected_result` if a required member is missing or mistyped; the message is its path.
  static result<tool> parse(const json::value& object) {
    tool out;
    json::value annotations;
    auto read = detail::read_members(
        object, detail::required("name", out.name), detail::optional("title", out.title),
        detail::optional("description", out.description),
        detail::required("inputSchema", detail::object_text{out.input_schema}),
        detail::optional("outputSchema", detail::object_text{out.output_schema}),
        detail::optional("annotations", annotations), detail::optional("icons", detail::any_text{out.icons}),
        detail::optional("_meta", detail::object_text{out.meta}));
    if (!read) return std::move(read).error();
    if (annotations.present()) {
      auto parsed = tool_annotations::parse(annotations);
      if (!parsed) return detail::within("annotations", parsed.error());
      out.annotations = *std::move(parsed);
    }
    out.raw = object.text();
    return out;
  }
};

/// One page of `tools/list`.
struct list_tools_result {
  std::vector<tool> tools;
  std::optional<std::string> next_cursor;  ///< opaque; absent on the last page
  cache_hint cache;

  static result<list_tools_result> parse(const json::value& object) {
    list_tools_result out;
    json::value tools;
    auto read = detail::read_members(object, detail::required("tools", tools),
                                     detail::optional("nextCursor", out.next_cursor));
    if (!read) return std::move(read).error();
    auto elements = detail::read_elements<tool>(tools, "tools");
    if (!elements) return std::move(elements).error();
    out.tools = *std::move(elements);
    out.cache = cache_hint::parse(object);
    return out;
  }
};

}  // namespace mcp::inline v0
