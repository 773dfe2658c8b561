// SPDX-License-Identifier: MIT
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <support/scripted_network.hpp>
#include <support/scripted_server.hpp>
#include <support/virtual_world.hpp>
#include <utility>
#include <vector>

namespace test {

/// How one answer gets to the client.
struct delivery {
  enum class way {
    whole,
    drip,   ///< in pieces of `bytes`, one `every` so often
    hold,   ///< `bytes` of it, and no more: the server hangs
    cut,    ///< `bytes` of it, then the end of the stream
    reset,  ///< `bytes` of it, then a reset
  };
  way how = way::whole;
  std::ptrdiff_t bytes = 0;  ///< negative: counted from the end
  virtual_world::duration every = std::chrono::seconds(1);
  virtual_world::duration delay{};  ///< before the first byte
  bool execute = true;              ///< whether the request is seen by more than the connection
  std::string instead{};            ///< not empty: another response than the server's own
};

/// A small MCP server that speaks both eras, at the other end of a scripted network. A request that makes no
/// sense fails the test.
class mcp_peer : public scripted_peer {
 public:
  struct options {
    bool modern = true;
    bool legacy = true;
    bool event_streams = false;  ///< answers calls with an event stream: progress, then the result
    bool pings = false;          ///< asks for a sign of life on that stream, in the legacy era
    std::size_t padding = 0;     ///< of the text that calls are answered with
    int tool_pages = 1;          ///< of one tool each
    int list_ttl_ms = 0;         ///< how long they may be kept
  };

  mcp_peer(virtual_world& world, options how) : world_(&world), options_(how) {}

  /// The next requests that contain `mark` are answered like this, one delivery each.
  void next(std::string mark, delivery how) { mishaps_.emplace_back(std::move(mark), how); }

  /// From now on it speaks something else, as after an upgrade.
  void speak(options how) { options_ = how; }
  /// What a tool says of itself, in tools/list.
  void annotate(const std::string& tool, std::string annotations) {
    annotations_[tool] = std::move(annotations);
  }

  /// Milliseconds, for the streams that are cut before their end; empty: nothing is said.
  std::string retry_before_close{};

  /// Not empty: the response to every request; none is seen by more than the connection.
  std::string reply_to_all{};

  /// Not empty: requests must carry this bearer token; else they are refused before anything else is looked
  /// at.
  std::string token{};

  /// How connections are taken from now on.
  admission admitting = admission::soon;

  /// Ends all connections. Sessions and streams are forgotten, or kept as in a shared store.
  void restart(bool keep_sessions) {
    for (const auto& [number, each] : std::map(links_)) each->reset();
    links_.clear();
    standing_.clear();
    if (keep_sessions) return;
    sessions_.clear();
    streams_.clear();
  }

  /// Forgets what it has noted of requests and of streams that have ended.
  void forget() {
    requests_ = {};
    executions_.clear();
    std::erase_if(streams_, [&](const auto& each) {
      return std::ranges::none_of(standing_, [&](const auto& open) { return open.second == each.first; });
    });
  }

  /// Sends a message on the GET streams that are open.
  void push(const std::string& json) {
    for (const auto& [number, stream] : standing_) {
      const std::string event = keep(stream, json);
      if (const auto found = links_.find(number); found != links_.end()) found->second->send(chunk(event));
    }
  }

  /// Whole requests, in the order in which they came.
  const std::vector<std::string>& requests() const noexcept { return requests_; }
  std::size_t count(std::string_view mark) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        requests_, [&](const std::string& each) { return each.find(mark) != std::string::npos; }));
  }
  /// How often each tool was run, by `name` and `arguments` as they stand in the request.
  const std::map<std::string, int>& executions() const noexcept { return executions_; }
  const std::set<std::string>& sessions() const noexcept { return sessions_; }

  admission admit(link&) override { return admitting; }
  void accepted(link& fresh) override { links_[fresh.number()] = &fresh; }
  void gone(link& old) override {
    links_.erase(old.number());
    standing_.erase(old.number());
    in_.erase(old.number());
  }

  void received(link& from, std::string_view bytes) override {
    std::string& in = in_[from.number()];
    in.append(bytes);
    for (std::string request; !(request = take_request(in)).empty();) {
      requests_.push_back(request);
      delivery how;
      const auto found = std::ranges::find_if(
          mishaps_, [&](const auto& each) { return request.find(each.first) != std::string::npos; });
      if (found != mishaps_.end()) {
        how = found->second;
        mishaps_.erase(found);
      }
      if (!reply_to_all.empty()) how = {.execute = false, .instead = reply_to_all};
      std::string reply = how.execute ? answer(request, from.number()) : std::string();
      if (!how.instead.empty()) reply = with_id(how.instead, request);
      if (how.bytes < 0) how.bytes += static_cast<std::ptrdiff_t>(reply.size());
      deliver(from.number(), std::move(reply), how);
    }
  }

 private:
  // What came of a request: an HTTP response.
  std::string answer(const std::string& request, int number) {
    if (!token.empty() && field(request, "Authorization") != "Bearer " + token)
      return "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n";
    if (request.starts_with("DELETE ")) {
      return sessions_.erase(field(request, "Mcp-Session-Id")) != 0 ? empty("204 No Content")
                                                                    : empty("404 Not Found");
    }
    if (request.starts_with("GET ")) return open_stream(request, number);
    if (!request.starts_with("POST ")) FAIL_CHECK("unexpected request: " << request);
    const std::string method = text_after(request, R"("method":")", "\"");
    const std::string version = field(request, "MCP-Protocol-Version");
    const bool modern = version == "2026-07-28";
    if (modern && !options_.modern)
      return json_reply(R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"no session"},"id":null})",
                        "400 Bad Request");
    if (method == "initialize") return initialize(request);
    const std::string session = field(request, "Mcp-Session-Id");
    if (method.empty() && request.find(R"("result":{})") != request.npos) return empty("202 Accepted");
    if (!modern && !sessions_.contains(session)) return empty(session.empty() ? "400 Bad" : "404 Not Found");
    if (method.starts_with("notifications/")) return empty("202 Accepted");
    const bool granted = method == "ping" || method == "logging/setLevel" || method.starts_with("resources/");
    if (granted) return result(request, "{}");
    if (method == "tools/list") return list(request);
    if (method == "tools/call") return call(request);
    if (method == "server/discover")
      return result(request, R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}})");
    FAIL_CHECK("unexpected request: " << request);
    return empty("500 Unexpected");
  }

  std::string initialize(const std::string& request) {
    if (!options_.legacy) return empty("400 Bad Request");
    if (!field(request, "Mcp-Session-Id").empty()) FAIL_CHECK("initialize in a session: " << request);
    const std::string session = "session-" + std::to_string(++last_session_);
    sessions_.insert(session);
    const std::string body =
        R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"p","version":"1"}})";
    return with_id(json_reply(envelope(body), "200 OK", "Mcp-Session-Id: " + session + "\r\n"), request);
  }

  std::string list(const std::string& request) {
    const std::string cursor = text_after(request, R"("cursor":")", "\"");
    const int page = cursor.empty() ? 1 : std::stoi(cursor);
    const std::string name = "tool-" + std::to_string(page);
    std::string body = R"({"tools":[{"name":")" + name +
                       R"(","description":"It has a description","inputSchema":{"type":"object"})";
    if (const auto said = annotations_.find(name); said != annotations_.end())
      body += R"(,"annotations":)" + said->second;
    body += "}]";
    if (options_.list_ttl_ms != 0) body += R"(,"ttlMs":)" + std::to_string(options_.list_ttl_ms);
    if (page < options_.tool_pages) body += R"(,"nextCursor":")" + std::to_string(page + 1) + "\"";
    return result(request, body + "}");
  }

  std::string call(const std::string& request) {
    const std::string name = text_after(request, R"("name":")", "\"");
    const int runs = ++executions_[name + text_after(request, R"("arguments":)", "}") + "}"];
    const std::string text = name + " " + std::to_string(runs) + std::string(options_.padding, '.');
    const std::string body =
        with_id(envelope(R"({"content":[{"type":"text","text":")" + text + R"("}]})"), request);
    if (!options_.event_streams) return json_reply(body);
    const std::string stream = "stream-" + std::to_string(++last_stream_);
    const std::string retry = retry_before_close.empty() ? "" : "retry: " + retry_before_close + "\n\n";
    const std::string progress = text_after(request, R"("progressToken":)", "}");
    std::string events = chunk(retry + keep(stream, ""));
    if (!progress.empty()) {
      events += chunk(keep(stream, R"({"jsonrpc":"2.0","method":"notifications/progress","params":)"
                                   R"({"progressToken":)" +
                                       progress + R"(,"progress":1,"message":"half"}})"));
    }
    if (options_.pings) events += chunk(keep(stream, R"({"jsonrpc":"2.0","id":"p","method":"ping"})"));
    return stream_head + events + chunk(keep(stream, body)) + last_chunk;
  }

  // With Last-Event-ID, what its stream had behind that event; else a standing stream.
  std::string open_stream(const std::string& request, int number) {
    const std::string id = field(request, "Last-Event-ID");
    if (!sessions_.contains(field(request, "Mcp-Session-Id"))) return empty("404 Not Found");
    const std::string stream = id.empty() ? "standing-" + std::to_string(number) : id.substr(0, id.find('/'));
    if (id.empty() || stream.starts_with("standing")) standing_[number] = stream;
    if (!id.empty() && !streams_.contains(stream)) return empty("404 Not Found");
    std::string events;
    const auto& kept = streams_[stream];
    const std::size_t seen = id.empty() ? kept.size() : std::stoul(id.substr(id.find('/') + 1));
    for (std::size_t i = seen; i < kept.size(); ++i) events += chunk(kept[i]);
    return stream_head + events + (standing_.contains(number) ? "" : last_chunk);
  }

  /// Adds an event to a stream, so that it can be asked for again.
  std::string keep(const std::string& stream, const std::string& json) {
    auto& events = streams_[stream];
    events.push_back("id: " + stream + "/" + std::to_string(events.size() + 1) + "\ndata: " + json + "\n\n");
    return events.back();
  }

  void deliver(int number, std::string reply, delivery how) {
    if (how.delay.count() != 0) {
      const auto delay = std::exchange(how.delay, {});
      return world_->after(delay, [this, number, reply, how] { deliver(number, reply, how); });
    }
    const auto found = links_.find(number);
    if (found == links_.end()) return;  // the client has not waited
    link& to = *found->second;
    if (how.how == delivery::way::whole) return to.send(reply);
    const auto bytes = std::min(reply.size(), static_cast<std::size_t>(how.bytes));
    to.send(std::string_view(reply).substr(0, bytes));
    switch (how.how) {
      case delivery::way::drip:
        if (reply.size() == bytes) return;
        return world_->after(how.every,
                             [this, number, rest = reply.substr(bytes), how] { deliver(number, rest, how); });
      case delivery::way::cut: return to.cut();
      case delivery::way::reset: return to.reset();
      default: return;
    }
  }

  static std::string envelope(const std::string& body) {
    return R"({"jsonrpc":"2.0","id":@ID@            ,"result":)" + body + "}";
  }
  static std::string result(const std::string& request, const std::string& body) {
    return with_id(json_reply(envelope(body)), request);
  }
  static std::string empty(const std::string& status) {
    const bool no_length = status.starts_with("204");
    return "HTTP/1.1 " + status + (no_length ? "\r\n\r\n" : "\r\nContent-Length: 0\r\n\r\n");
  }
  static std::string chunk(const std::string& bytes) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return size + bytes + "\r\n";
  }
  static std::string field(const std::string& request, const std::string& name) {
    return text_after(request, "\r\n" + name + ": ", "\r\n");
  }
  static std::string text_after(const std::string& all, const std::string& mark, const char* end) {
    const auto found = all.find(mark);
    if (found == std::string::npos) return {};
    const auto begin = found + mark.size();
    return all.substr(begin, all.find_first_of(end, begin) - begin);
  }

  static inline const std::string stream_head =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
  static inline const std::string last_chunk = "0\r\n\r\n";

  virtual_world* world_;
  options options_;
  std::deque<std::pair<std::string, delivery>> mishaps_;
  std::vector<std::string> requests_;
  std::map<int, link*> links_;           // connected, by number
  std::map<int, std::string> in_;        // bytes of requests that are not whole yet
  std::map<int, std::string> standing_;  // which of them are GET streams
  std::map<std::string, int> executions_;
  std::map<std::string, std::string> annotations_;  // by tool
  std::set<std::string> sessions_;
  std::map<std::string, std::vector<std::string>> streams_;  // events
  int last_session_ = 0;
  int last_stream_ = 0;
};

}  // namespace test
