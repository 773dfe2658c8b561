// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// Codes of JSON-RPC errors (JSON-RPC 2.0 §5.1; MCP 2026-07-28, schema, "Errors").
namespace mcp::inline v0::rpc::code {

inline constexpr std::int64_t parse_error = -32700;
inline constexpr std::int64_t invalid_request = -32600;
inline constexpr std::int64_t method_not_found = -32601;
inline constexpr std::int64_t invalid_params = -32602;
inline constexpr std::int64_t internal_error = -32603;

inline constexpr std::int64_t header_mismatch = -32020;
inline constexpr std::int64_t missing_required_client_capability = -32021;
inline constexpr std::int64_t unsupported_protocol_version = -32022;

}  // namespace mcp::inline v0::rpc::code
