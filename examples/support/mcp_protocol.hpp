// SPDX-License-Identifier: MIT
#pragma once

#include "examples/support/http.hpp"
#include "examples/support/tools.hpp"
#include <mcp/base/base64.hpp>
#include <mcp/json/walk.hpp>

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace example {

/// Which protocol revisions a server speaks, all at the one endpoint `/mcp`.
enum class eras {
  both,
  legacy,  ///< 2025-03-26, 2025-06-18 and 2025-11-25: an `initialize` handshake opens a session
  modern,  ///< 2026-07-28: every request stands for itself
};

/// Where the connection of a tool call breaks.
enum class cut {
  never,
  before_run,  ///< the request was read, the tool does not run
  after_run,   ///< it has run, its answer is not sent
  in_stream,   ///< half of the answer's event stream was sent; the tool runs on
};

struct server_options {
  bool tls = false;
  std::uint16_t port = 0;  ///< 0: any that is free
  eras speaks = eras::both;
  bool sessions = true;         ///< legacy: assign session ids, and insist on them
  bool stale_is_400 = false;    ///< legacy: answer a stale session as `server-everything` does, not by 404
  bool sse_answers = false;     ///< answer every request with an event stream
  std::size_t page_size = 100;  ///< of tools/list; 0: a list of empty pages without end
  std::string extra_fields{};   ///< in every response: whole lines, such as "Keep-Alive: timeout=5\r\n"
};

/// What a server has seen.
struct server_counts {
  std::map<std::string, std::size_t, std::less<>> requests;  ///< by JSON-RPC method, or "GET" and "DELETE"
  std::size_t connections = 0;                               ///< accepted
  std::size_t sessions = 0;                                  ///< opened
  std::size_t tool_runs = 0;                                 ///< begun
  /// Of these, those with a string "key" among their arguments: how often each key was seen.
  std::map<std::string, std::size_t, std::less<>> runs_of_key;

  std::size_t runs(std::string_view key) const {
    const auto found = runs_of_key.find(key);
    return found == runs_of_key.end() ? 0 : found->second;
  }
};

/// How a request is to be answered.
struct reply {
  int status = 200;
  std::string fields{};   // header fields, whole lines
  std::string message{};  // JSON-RPC; empty: no body
  // Before the message, so many times: wait, then report progress to the token, unless that is empty.
  std::int64_t waits = 0;
  std::chrono::milliseconds wait{0};
  std::string progress_token{};
  // Where it is sent as an event stream.
  std::string stream_id{};     // event ids begin so; empty: the stream cannot be taken up again
  bool primed = false;         // begins with an event that has an id and no data
  std::string resume_after{};  // a stream is taken up again, behind this event
  cut breaks = cut::never;
};

/// The MCP side of the server, without I/O: what to answer to which request. It is strict, so that a client's
/// mistake shows. Thread-safe.
class mcp_protocol {
 public:
  explicit mcp_protocol(server_options options) : options_(std::move(options)) {}

  const server_options& options() const noexcept { return options_; }

  server_counts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }
  void count_connection() {
    const std::lock_guard lock(mutex_);
    ++counts_.connections;
  }

  /// Forgets all sessions, as a restarted server would.
  void drop_sessions() {
    const std::lock_guard lock(mutex_);
    sessions_.clear();
  }

  /// What becomes of the next tool call.
  void cut_next_call(cut where) {
    const std::lock_guard lock(mutex_);
    next_cut_ = where;
  }

  reply answer(const http_request& request) {
    const std::lock_guard lock(mutex_);
    if (request.target != "/mcp") return {.status = 404};
    if (!request.field("origin").empty()) return {.status = 403};  // no web page has business here
    if (request.method != "POST") {
      ++counts_.requests[request.method];
      if (request.method == "DELETE" && options_.speaks != eras::modern) return end_session(request);
      if (request.method == "GET" && options_.speaks != eras::modern) return resume(request);
      return {.status = 405, .fields = "Allow: POST\r\n"};
    }
    const std::string_view accept = request.field("accept");
    const bool accepts_both =
        accept.find("application/json") != accept.npos && accept.find("text/event-stream") != accept.npos;
    if (!accepts_both) return {.status = 406};
    if (!request.field("content-type").starts_with("application/json")) return {.status = 415};

    const auto body = mcp::json::validate(request.body);
    if (!body) return error(400, "null", -32700, "Parse error");
    const message call(*body);
    if (!call.method.is_string())
      return call.is_response() ? reply{.status = 202} : error(400, call.id, -32600, "Invalid request");
    ++counts_.requests[*call.method.string()];

    const bool modern =
        options_.speaks == eras::modern ||
        (options_.speaks == eras::both &&
         (call.meta(version_key).present() || request.field("mcp-protocol-version") == modern_version));
    if (modern) {
      if (reply refusal = check_modern(request, call); refusal.status != 200) return refusal;
    } else if (call.method == "initialize") {
      return initialize(call);
    } else if (reply refusal = check_session(request, call.id); refusal.status != 200) {
      return refusal;
    }
    if (!call.id.present()) return {.status = 202};
    reply answer = perform(call, modern);
    if (!modern) {
      answer.stream_id = new_id();
      answer.primed = request.field("mcp-protocol-version") == "2025-11-25";
    }
    return answer;
  }

  /// To a GET that wants to take up a stream that is no longer there.
  static reply unknown_event() { return error(400, "null", -32000, "Bad Request: Unknown event id"); }

 private:
  static constexpr std::string_view version_key = "io.modelcontextprotocol/protocolVersion";
  static constexpr std::string_view modern_version = "2026-07-28";
  static constexpr std::array<std::string_view, 3> legacy_versions = {"2025-11-25", "2025-06-18",
                                                                      "2025-03-26"};
  static constexpr std::string_view server_info = R"({"name":"asio-mcp-example","version":"1.0.0"})";

  // The parts of a JSON-RPC message.
  struct message {
    explicit message(const mcp::json::value& body) {
      if (!body.is_object()) return;
      id = mcp::json::find_member(body, "id");
      method = mcp::json::find_member(body, "method");
      params = mcp::json::find_member(body, "params");
      result = mcp::json::find_member(body, "result");
      error = mcp::json::find_member(body, "error");
    }
    bool is_response() const { return result.present() || error.present(); }
    mcp::json::value param(std::string_view name) const {
      return params.is_object() ? mcp::json::find_member(params, name) : mcp::json::value();
    }
    mcp::json::value meta(std::string_view name) const {
      const auto members = param("_meta");
      if (!members.is_object()) return {};
      return mcp::json::find_member(members, name);
    }

    mcp::json::value id, method, params, result, error;
  };

  static reply error(int status, std::string_view id, int code, std::string_view text,
                     std::string_view data = {}) {
    std::string message = std::string(R"({"jsonrpc":"2.0","id":)").append(id).append(R"(,"error":{"code":)");
    message.append(std::to_string(code)).append(R"(,"message":")").append(text).append("\"");
    if (!data.empty()) message.append(R"(,"data":)").append(data);
    return {.status = status, .message = message.append("}}")};
  }
  static reply error(int status, const mcp::json::value& id, int code, std::string_view text,
                     std::string_view data = {}) {
    return error(status, id.present() ? id.text() : "null", code, text, data);
  }

  // `members` of the result, without the braces around them.
  static reply success(const message& call, bool modern, std::string_view members, std::string fields = {}) {
    std::string text =
        std::string(R"({"jsonrpc":"2.0","id":)").append(call.id.text()).append(R"(,"result":{)");
    text.append(members);
    if (modern) {
      text.append(members.empty() ? "" : ",").append(R"("resultType":"complete","_meta":{)");
      text.append(R"("io.modelcontextprotocol/serverInfo":)").append(server_info).append("}");
    }
    return {.fields = std::move(fields), .message = text.append("}}")};
  }

  // Modern: 2026-07-28, Streamable HTTP, "Request Metadata" and "Server Validation".

  reply check_modern(const http_request& request, const message& call) const {
    const auto mismatch = [&](std::string_view what) { return error(400, call.id, -32020, what); };
    const std::string_view version = request.field("mcp-protocol-version");
    if (version.empty()) return mismatch("MCP-Protocol-Version is missing; this server speaks 2026-07-28");
    if (!call.id.present()) return {};  // what a notification must carry, the revision does not say
    if (!call.meta(version_key).is_string() ||
        !call.meta("io.modelcontextprotocol/clientCapabilities").is_object())
      return error(400, call.id, -32602, "params._meta lacks a required member");
    if (call.meta(version_key) != version) return mismatch("MCP-Protocol-Version differs from _meta");
    if (version != modern_version) {
      return error(400, call.id, -32022, "Unsupported protocol version",
                   std::string(R"({"supported":)")
                       .append(supported_versions())
                       .append(R"(,"requested":)")
                       .append(call.meta(version_key).text())
                       .append("}"));
    }
    if (call.method != request.field("mcp-method")) return mismatch("Mcp-Method differs from the body");
    const mcp::json::value named = call.param(call.method == "resources/read" ? "uri" : "name");
    const bool has_name =
        call.method == "tools/call" || call.method == "resources/read" || call.method == "prompts/get";
    if (has_name && named != decode_sentinel(request.field("mcp-name")))
      return mismatch("Mcp-Name differs from the body");
    return {};
  }

  std::string_view supported_versions() const {
    return options_.speaks == eras::modern ? R"(["2026-07-28"])"
                                           : R"(["2026-07-28","2025-11-25","2025-06-18","2025-03-26"])";
  }

  static std::string decode_sentinel(std::string_view value) {
    constexpr std::string_view prefix = "=?base64?", suffix = "?=";
    if (!value.starts_with(prefix) || !value.ends_with(suffix)) return std::string(value);
    value.remove_prefix(prefix.size());
    value.remove_suffix(suffix.size());
    std::string decoded;
    return mcp::decode_base64(decoded, value) ? decoded : std::string();
  }

  // Legacy: 2025-11-25, Lifecycle, and Transports, "Session Management".

  reply initialize(const message& call) {
    if (!call.id.present()) return error(400, call.id, -32600, "initialize is a request");
    const auto asked = call.param("protocolVersion");
    const auto known = std::find_if(legacy_versions.begin(), legacy_versions.end(),
                                    [&](std::string_view version) { return asked == version; });
    const std::string_view version = known == legacy_versions.end() ? legacy_versions.front() : *known;
    std::string fields;
    if (options_.sessions) {
      const std::string id = new_id();
      sessions_[id] = version;
      ++counts_.sessions;
      fields = "Mcp-Session-Id: " + id + "\r\n";
    }
    return success(call, false,
                   std::string(R"("protocolVersion":")")
                       .append(version)
                       .append(R"(","capabilities":{"tools":{}},"serverInfo":)")
                       .append(server_info),
                   fields);
  }

  reply check_session(const http_request& request, const mcp::json::value& call_id) const {
    const std::string_view version = request.field("mcp-protocol-version");
    const bool known =
        std::find(legacy_versions.begin(), legacy_versions.end(), version) != legacy_versions.end();
    if (!version.empty() && !known)
      return error(400, "null", -32000, "Bad Request: Unsupported protocol version");
    if (!options_.sessions) return {};
    const std::string_view id = request.field("mcp-session-id");
    if (id.empty()) return error(400, "null", -32000, "Bad Request: Mcp-Session-Id header is required");
    const auto session = sessions_.find(id);
    if (session == sessions_.end()) {
      return options_.stale_is_400 ? error(400, "null", -32000, "Bad Request: No valid session ID provided")
                                   : error(404, "null", -32001, "Session not found");
    }
    const bool must_say = session->second != "2025-03-26";  // which had no such field yet
    if (version != session->second && (must_say || !version.empty()))
      return error(400, call_id, -32000, "Bad Request: MCP-Protocol-Version is not the one agreed on");
    return {};
  }

  /// Resumability and Redelivery. There is no stream here but those of answers.
  reply resume(const http_request& request) const {
    const std::string_view last_event = request.field("last-event-id");
    if (last_event.empty()) return {.status = 405, .fields = "Allow: POST, DELETE\r\n"};
    if (request.field("accept").find("text/event-stream") == std::string_view::npos) return {.status = 406};
    if (reply refusal = check_session(request, {}); refusal.status != 200) return refusal;
    return {.resume_after = std::string(last_event)};
  }

  reply end_session(const http_request& request) {
    const auto session = sessions_.find(request.field("mcp-session-id"));
    if (session == sessions_.end()) return {.status = 404};
    sessions_.erase(session);
    return {};
  }

  static std::string new_id() {
    std::array<unsigned char, 16> bytes;
    RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
    std::string id;
    mcp::encode_base64url(id, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    return id;
  }

  // Both eras.

  reply perform(const message& call, bool modern) {
    constexpr std::string_view cacheable = R"(,"ttlMs":60000,"cacheScope":"public")";
    if (call.method == "tools/call") return call_tool(call, modern);
    if (call.method == "tools/list") return list_tools(call, modern, modern ? cacheable : "");
    if (call.method == "ping" && !modern) return success(call, modern, "");
    if (call.method == "server/discover" && modern) {
      return success(call, modern,
                     std::string(R"("supportedVersions":)")
                         .append(supported_versions())
                         .append(R"(,"capabilities":{"tools":{}})")
                         .append(cacheable));
    }
    return error(modern ? 404 : 200, call.id, -32601, "Method not found");
  }

  reply list_tools(const message& call, bool modern, std::string_view cacheable) const {
    std::size_t first = 0;
    if (const auto cursor = call.param("cursor"); cursor.present()) {
      first = static_cast<std::size_t>(
          mcp::ascii::parse_decimal(cursor.string().value_or("")).value_or(tools.size()));
      if (first >= tools.size()) return error(200, call.id, -32602, "Invalid cursor");
    }
    const std::size_t last = std::min(tools.size(), first + options_.page_size);
    std::string members = R"("tools":[)";
    for (std::size_t i = first; i != last; ++i) {
      members.append(i == first ? "" : ",").append(R"({"name":")").append(tools[i].name).append("\",");
      members.append(tools[i].definition).append("}");
    }
    members.append("]");
    if (last != tools.size()) members.append(R"(,"nextCursor":")").append(std::to_string(last)).append("\"");
    return success(call, modern, members.append(cacheable));
  }

  reply call_tool(const message& call, bool modern) {
    const tool* const found = find_tool(call.param("name"));
    if (found == nullptr) return error(200, call.id, -32602, "Unknown tool");
    const cut breaks = std::exchange(next_cut_, cut::never);
    if (breaks == cut::before_run) return {.breaks = breaks};
    ++counts_.tool_runs;
    const auto arguments = call.param("arguments");
    if (arguments.is_object()) {
      if (const auto key = mcp::json::find_member(arguments, "key"); key.is_string())
        ++counts_.runs_of_key[*key.string()];
    }
    const tool_run run = found->run(arguments.is_object() ? arguments : mcp::json::value("{}"));
    reply answer = success(call, modern, run.result);
    answer.waits = run.waits;
    answer.wait = run.wait;
    answer.breaks = breaks;
    if (run.reports_progress) answer.progress_token = call.meta("progressToken").text();
    return answer;
  }

  const server_options options_;
  mutable std::mutex mutex_;
  server_counts counts_;
  std::map<std::string, std::string, std::less<>> sessions_;  // version by id
  cut next_cut_ = cut::never;
};

}  // namespace example
