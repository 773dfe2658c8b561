// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/types/cache_hint.hpp>
#include <mcp/types/read.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// Who a client or server says it is (schema: `Implementation`). Self-reported: for display and logs.
struct implementation {
  std::string name;
  std::string version;
  std::string title;  ///< for people; empty when absent

  static result<implementation> parse(const json::value& object) {
    implementation out;
    auto read =
        detail::read_members(object, detail::required("name", out.name),
                             detail::required("version", out.version), detail::optional("title", out.title));
    if (!read) return std::move(read).error();
    return out;
  }

  template <json::ByteSink Sink>
  void write(json::writer<Sink>& out) const {
    out.begin_object().key("name").string(name).key("version").string(version);
    if (!title.empty()) out.key("title").string(title);
    out.end_object();
  }
};

/// What a server can do (schema: `ServerCapabilities`).
struct server_capabilities {
  bool tools = false;
  bool resources = false;
  bool prompts = false;
  bool logging = false;
  bool completions = false;
  std::string raw;  ///< the whole as JSON text, with what the flags leave out

  static result<server_capabilities> parse(const json::value& object) {
    if (!object.is_object()) return detail::unexpected("");
    const auto has = [&](std::string_view name) { return json::find_member(object, name).is_object(); };
    return server_capabilities{has("tools"),   has("resources"),   has("prompts"),
                               has("logging"), has("completions"), std::string(object.text())};
  }
};

/// The answer to `initialize` (MCP 2025-11-25 and earlier).
struct initialize_result {
  std::string protocol_version;  ///< the server's choice
  server_capabilities capabilities;
  implementation server_info;
  std::string instructions;  ///< for the model, untrusted; empty when absent

  /// `errc::unexpected_result` if a required member is missing or mistyped; the message is its path.
  static result<initialize_result> parse(const json::value& object) {
    initialize_result out;
    json::value capabilities;
    json::value server_info;
    auto read = detail::read_members(object, detail::required("protocolVersion", out.protocol_version),
                                     detail::required("capabilities", capabilities),
                                     detail::required("serverInfo", server_info),
                                     detail::optional("instructions", out.instructions));
    if (!read) return std::move(read).error();
    auto parsed = server_capabilities::parse(capabilities);
    if (!parsed) return detail::within("capabilities", parsed.error());
    auto info = implementation::parse(server_info);
    if (!info) return detail::within("serverInfo", info.error());
    out.capabilities = *std::move(parsed);
    out.server_info = *std::move(info);
    return out;
  }
};

/// The answer to `server/discover` (MCP 2026-07-28).
struct discover_result {
  std::vector<std::string> supported_versions;
  server_capabilities capabilities;
  std::optional<implementation> server_info;  ///< from `_meta`, or from `serverInfo` as in drafts
  std::string instructions;                   ///< for the model, untrusted; empty when absent
  cache_hint cache;

  /// `errc::unexpected_result` if a required member is missing or mistyped; the message is its path.
  /// A faulty server info is no fault: it is optional, and nothing may rest on it.
  static result<discover_result> parse(const json::value& object) {
    discover_result out;
    json::value capabilities;
    json::value server_info;
    json::value meta;
    auto read = detail::read_members(
        object, detail::required("supportedVersions", out.supported_versions),
        detail::required("capabilities", capabilities), detail::optional("serverInfo", server_info),
        detail::optional("instructions", out.instructions), detail::optional("_meta", meta));
    if (!read) return std::move(read).error();
    auto parsed = server_capabilities::parse(capabilities);
    if (!parsed) return detail::within("capabilities", parsed.error());
    out.capabilities = *std::move(parsed);
    const auto in_meta = json::find_member(meta, "io.modelcontextprotocol/serverInfo");
    auto info = implementation::parse(in_meta.present() ? in_meta : server_info);
    if (info) out.server_info = *std::move(info);
    out.cache = cache_hint::parse(object);
    return out;
  }
};

/// The data of error -32022 (schema of 2026-07-28: `UnsupportedProtocolVersionError`).
struct unsupported_version {
  std::vector<std::string> supported;
  std::string requested;  ///< empty when absent

  static result<unsupported_version> parse(const json::value& data) {
    unsupported_version out;
    auto read = detail::read_members(data, detail::required("supported", out.supported),
                                     detail::optional("requested", out.requested));
    if (!read) return std::move(read).error();
    return out;
  }
};

}  // namespace mcp::inline v0
