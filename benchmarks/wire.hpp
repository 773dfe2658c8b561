// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// \file
/// What is measured: the cases, and what both ends of the wire must agree on.
namespace bench {

/// A tool call, by the form and the header size of its answer.
struct scenario {
  std::string_view name;
  std::string_view target;  ///< the URL's path, by which the server knows what to answer
  int header_fields;
  bool sse = false;
  bool tls = false;
};

inline constexpr std::array<scenario, 6> scenarios = {{
    {.name = "tool_call_json", .target = "/json-2", .header_fields = 2},
    {.name = "tool_call_json_10", .target = "/json-10", .header_fields = 10},
    {.name = "tool_call_sse", .target = "/sse-2", .header_fields = 2, .sse = true},
    {.name = "tool_call_sse_10", .target = "/sse-10", .header_fields = 10, .sse = true},
    {.name = "tool_call_tls", .target = "/json-2", .header_fields = 2, .tls = true},
    {.name = "tool_call_tls_10", .target = "/json-10", .header_fields = 10, .tls = true},
}};

/// Behind a target: the server waits for 2 ms, so that every client has gone to sleep before the answer
/// comes, and what it did can be counted exactly.
inline constexpr std::string_view late_suffix = "-late";

/// The server answers a GET of this with the last tool call that it received, as it came.
inline constexpr std::string_view last_call_target = "/last-call";

/// Here every session is lost after one call: the next one is answered with 404. A GET of the other tells how
/// many requests came to this one.
inline constexpr std::string_view lossy_target = "/lossy", lossy_requests_target = "/lossy-requests";

inline constexpr std::string_view protocol_version = "2025-11-25";
inline constexpr std::string_view session_id = "3f1c5a0e-9d5b-4c57-8a53-0d0f5e7e2b11";

inline constexpr std::string_view tool_name = "get_weather";
inline constexpr std::string_view tool_arguments = R"({"location":"Paris"})";
inline constexpr std::string_view tool_answer = "Sunny, 21 degrees Celsius in Paris.";

/// Where the server listens.
struct endpoint {
  std::uint16_t plain_port = 0;
  std::uint16_t tls_port = 0;
  std::string ca_file;

  std::uint16_t port(const scenario& which) const { return which.tls ? tls_port : plain_port; }
  std::string url(std::string_view target) const { return url(scenarios.front(), target); }
  std::string url(const scenario& which, std::string_view target) const {
    return std::string(which.tls ? "https" : "http") + "://127.0.0.1:" + std::to_string(port(which)) +
           std::string(target);
  }
};

}  // namespace bench
