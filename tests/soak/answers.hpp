// SPDX-License-Identifier: MIT
#pragma once

#include "misfortune.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

/// \file
/// HTTP as the server of the long runs speaks it.
namespace soak {

/// A response, and what of it is what.
struct reply {
  std::string bytes{};
  std::size_t head = 0;      ///< bytes of the head
  std::size_t answered = 0;  ///< bytes after which the client has the answer
};

inline std::string_view field(std::string_view request, const std::string& name) {
  return behind(request, "\r\n" + name + ": ", "\r");
}

/// The bytes of the first request in `in`; 0 while it is not whole.
inline std::size_t request_size(std::string_view in) {
  const auto head = in.find("\r\n\r\n");
  if (head == in.npos) return 0;
  const std::size_t size = head + 4 + number_behind(in.substr(0, head + 2), "\r\nContent-Length: ");
  return in.size() < size ? 0 : size;
}

inline reply with_head(const std::string& head, const std::string& body, std::size_t behind_answer = 0) {
  const std::string bytes = "HTTP/1.1 " + head + "\r\n\r\n" + body;
  return {bytes, bytes.size() - body.size(), bytes.size() - behind_answer};
}

inline reply empty(const std::string& status) {
  return with_head(status + (status.starts_with("204") ? "" : "\r\nContent-Length: 0"), "");
}

inline std::string envelope(std::string_view id, std::string_view result) {
  return std::string(R"({"jsonrpc":"2.0","id":)").append(id).append(R"(,"result":)").append(result) + "}";
}

inline reply json(std::string_view id, std::string_view result, const std::string& fields = "") {
  const std::string body = envelope(id, result);
  return with_head("200 OK\r\n" + fields +
                       "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()),
                   body);
}

inline std::string chunk(const std::string& bytes) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
  return size + bytes + "\r\n";
}

inline constexpr std::string_view last_chunk = "0\r\n\r\n";

inline reply chunked_json(std::string_view id, std::string_view result) {
  const std::string body = envelope(id, result);
  return with_head("200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked",
                   chunk(body.substr(0, 20)) + chunk(body.substr(20)) + std::string(last_chunk),
                   last_chunk.size() + 2);
}

/// The events of a call's stream: a first one without a message, a message to the log, the answer. They have
/// ids if the stream has a name.
inline std::vector<std::string> events_of(std::string_view id, std::string_view result,
                                          const std::string& stream) {
  std::vector<std::string> events;
  for (const std::string& message :
       {std::string(),
        std::string(
            R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"half"}})"),
        envelope(id, result)}) {
    const std::string number = std::to_string(events.size() + 1);
    events.push_back((stream.empty() ? "" : "id: " + stream + "/" + number + "\n") + "data: " + message +
                     "\n\n");
  }
  return events;
}

inline reply stream(const std::vector<std::string>& events) {
  std::string body;
  for (const auto& each : events) body += chunk(each);
  return with_head("200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked",
                   body + std::string(last_chunk), last_chunk.size() + 2);
}

inline constexpr std::string_view initialize_result =
    R"({"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"soak","version":"1"}})";

inline constexpr std::string_view tools =
    R"({"tools":[{"name":"act","inputSchema":{"type":"object"}},)"
    R"({"name":"look","inputSchema":{"type":"object"},"annotations":{"idempotentHint":true}}]})";

inline std::string call_result(std::uint64_t key) {
  return R"({"content":[{"type":"text","text":")" + answer_text(key) + R"("}]})";
}

}  // namespace soak
