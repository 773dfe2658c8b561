// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/session/era.hpp>
#include <mcp/session/options.hpp>
#include <mcp/session/standing_requests.hpp>
#include <mcp/store/record_fields.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// What a server was found to speak, as it is kept in a store. No I/O.
struct era_record {
  era_verdict verdict;
  record_fields others{};  ///< whatever else is in the record

  /// Errors: `store_corrupt`.
  static result<era_record> parse(std::string_view bytes) {
    auto fields = record_fields::parse(bytes);
    if (!fields) return std::move(fields).error();
    const auto learned = fields->time("learned");
    if (!learned) return failure(errc::store_corrupt, "learned");
    return era_record{{fields->text("protocol_version"), *learned}, std::move(*fields)};
  }

  secret bytes() const {
    record_fields fields = others;
    fields.set_text("protocol_version", verdict.version);
    fields.set_time("learned", verdict.learned);
    return fields.bytes();
  }
};

/// A session as it is kept in a store. No I/O.
struct session_record {
  bool open = false;             ///< the server may know it still; otherwise only the rest is of use
  std::string protocol_version;  ///< as negotiated
  std::string session_id;        ///< legacy eras; empty where the server assigned none
  std::string server;            ///< what the server said of itself, as JSON text; may be empty
  /// When it was found out that the server speaks this version.
  std::chrono::system_clock::time_point learned{};
  std::string tools;  ///< the list, as JSON text of an array, where the server lets it be kept
  std::chrono::system_clock::time_point tools_until{};
  std::vector<standing_requests::request> standing{};
  std::vector<unfinished_call> unfinished{};
  std::string listening_from;  ///< last event id of the stream of what the server says unasked
  record_fields others{};      ///< whatever else is in the record

  /// Errors: `store_corrupt`.
  static result<session_record> parse(std::string_view bytes) {
    auto fields = record_fields::parse(bytes);
    if (!fields) return std::move(fields).error();
    session_record out;
    out.open = fields->get("open").boolean().value_or(false);
    out.protocol_version = fields->text("protocol_version");
    out.session_id = fields->text("session_id");
    out.server = fields->get("server").text();
    out.learned = fields->time("learned").value_or(out.learned);
    out.tools = fields->get("tools").text();
    out.tools_until = fields->time("tools_until").value_or(out.tools_until);
    json::for_each_element(fields->get("standing"), [&](const json::value& each) {
      const auto method = json::find_member(each, "method").string();
      const auto params = json::find_member(each, "params");
      if (method && params.is_object()) out.standing.push_back({*method, std::string(params.text())});
    });
    json::for_each_element(fields->get("unfinished"), [&](const json::value& each) {
      const auto method = json::find_member(each, "method").string();
      const auto name = json::find_member(each, "name").string();
      const auto last_event_id = json::find_member(each, "last_event_id").string();
      const auto id = json::find_member(each, "id").integer();
      if (method && name && last_event_id && id)
        out.unfinished.push_back({*method, *name, *last_event_id, *id});
    });
    out.listening_from = fields->text("listening_from");
    if (out.protocol_version.empty()) return failure(errc::store_corrupt, "protocol_version");
    out.others = std::move(*fields);
    return out;
  }

  secret bytes() const {
    record_fields fields = others;
    fields.set_flag("open", open);
    fields.set_text("protocol_version", protocol_version);
    fields.set_text("session_id", session_id);
    fields.set_json("server", server);
    fields.set_time("learned", learned);
    fields.set_json("tools", tools);
    if (tools.empty()) {
      fields.set_json("tools_until", "");
    } else {
      fields.set_time("tools_until", tools_until);
    }
    std::string requests;
    json::writer write(requests);
    write.begin_array();
    for (const auto& each : standing)
      write.begin_object().key("method").string(each.method).key("params").raw(each.params).end_object();
    write.end_array();
    fields.set_json("standing", standing.empty() ? "" : requests);
    std::string calls;
    json::writer write_calls(calls);
    write_calls.begin_array();
    for (const auto& each : unfinished) {
      write_calls.begin_object().key("method").string(each.method).key("name").string(each.name);
      write_calls.key("last_event_id").string(each.last_event_id).key("id").integer(each.id).end_object();
    }
    write_calls.end_array();
    fields.set_json("unfinished", unfinished.empty() ? "" : calls);
    fields.set_text("listening_from", listening_from);
    return fields.bytes();
  }
};

}  // namespace mcp::inline v0::detail
