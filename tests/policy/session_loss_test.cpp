// SPDX-License-Identifier: MIT
#include <mcp/policy/session_loss.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <string_view>

namespace {

using namespace std::string_literals;
using mcp::says_session_lost;

TEST_CASE("how servers say that a session is lost") {
  struct row {
    std::string_view text;
    std::string_view source;
  };
  const row rows[] = {
      {"Session not found",
       "TypeScript SDK, C# SDK, Python SDK, Ruby SDK, Kotlin SDK, Cloudflare agents: 404"},
      {"Bad Request: Server not initialized", "TypeScript SDK, Kotlin SDK: 400, -32000, null id"},
      {"Bad Request: No valid session ID provided",
       "server-everything, Kotlin SDK, mcp-proxy, older Python SDK: 400"},
      {"No valid session ID provided", "Express servers after the SDK's example: 400"},
      {"Bad Request: No valid session ID or not an initialize request", "affine-mcp-server #301: 400"},
      {"Bad Request: No valid session. Send an initialize request first.", "agentdeals #1054: 400, -32600"},
      {"No valid session id; expected initialize", "an Express server: 400"},
      {"Bad Request: Session ID required", "TypeScript SDK, examples: 400, -32000, null id"},
      {"Missing session ID", "TypeScript SDK examples, Ruby SDK: 400, -32600"},
      {"Invalid or missing session ID", "TypeScript SDK examples, cap-mcp-plugin #95: 400, text"},
      {"No transport found for sessionId", "TypeScript SDK v1, SSE example: 400, text"},
      {"Not Found: Session has been terminated", "Python SDK, Swift SDK: 404"},
      {"Not Found: Invalid or expired session ID", "Python SDK, Swift SDK: 404"},
      {"Bad Request: Missing session ID", "Python SDK: 400, id \"server-error\""},
      {"Received request before initialization was complete", "Python SDK, server/session.py: -32602"},
      {"Invalid session ID", "Python SDK (SSE), mcp-go, Kuadrant mcp-gateway #380: 400"},
      {"Invalid or unknown session.", "FastMCP (Python), sessions.py"},
      {"Session ID not found.", "C# SDK, SseHandler: 400"},
      {"session not found", "Go SDK: 404, text"},
      {"session closed", "Go SDK (SSE): 400, text"},
      {"Session not found: 0f120de4-b48c-4ea7-a2ae-a786c3001947", "Java SDK: 404, -32603"},
      {"Session ID required in mcp-session-id header", "Java SDK: 400, -32601"},
      {"Session ID missing in message endpoint", "Java SDK (SSE): 400"},
      {"Session 0f120de4-dead-beef-a2ae-a786c3001947 not found on the server", "Java SDK"},
      {"MCP session with ID 3f has been closed", "Java SDK"},
      {"Unauthorized: Session not found", "older rmcp (rust-sdk #559): 401, text"},
      {"Not Found: Session not found", "rmcp: 404, text"},
      {"Bad Request: Session ID is required", "rmcp: 400, text"},
      {"Session not found or has expired.", "PHP SDK: 404, -32600"},
      {"A valid session id is REQUIRED for non-initialize requests.", "PHP SDK: 400, -32600"},
      {"Mcp-Session-Id header is required.", "PHP SDK: 400"},
      {"Session terminated", "mcp-go: 404, text"},
      {"Missing sessionId", "mcp-go (SSE): 400, -32602, null id"},
      {"Bad Request: Mcp-Session-Id header is required", "Cloudflare agents, Kotlin SDK: 400, -32000"},
      {"Bad Request: Missing Mcp-Session-Id header", "Swift SDK: 400"},
      {"Bad Request: Session not initialized", "Swift SDK: 400"},
      {"Server is not initialized", "Swift SDK: -32600, the request's id"},
      {"Not Found: Session not found or expired", "Swift SDK, conformance server: 404"},
      {"Invalid mcp-session-id", "Kotlin SDK, its tests' server: 400, text"},
      {"Unauthorized: No valid session ID provided", "mcp-proxy with authentication: 401, -32000"},
      {"Invalid or missing sessionId", "mcp-proxy: 400, text"},
      {"Server not initialized", "anubis-mcp #89: 200, -32002; claude-code #17412"},
      {"missing or invalid Mcp-Session-Id", "onyx agent-wiki #158: 200, -32600"},
      {"No active session found for sessionId: 17", "an SSE server: 404, text"},
      {R"({"error":"Invalid or missing session ID"})", "agentdeals #1054: 400, JSON that is no JSON-RPC"},
      {R"({"jsonrpc":"2.0","id":"server-error","error":{"code":-32600,"message":"Session not found"}})",
       "Python SDK: the id is a string of its own"},
      {R"({"error":"Error POSTing to endpoint (HTTP 400): {\"error\":{\"code\":-32000,\"message\":)"
       R"(\"Bad Request: No valid session ID provided\"},\"id\":null,\"jsonrpc\":\"2.0\"}"})",
       "FastMCP (TypeScript) #121: 500 around a 400"},
      // Variants of these.
      {"SESSION NOT FOUND", ""},
      {"session expired", ""},
      {"Your session has expired", ""},
      {"The session does not exist", ""},
      {"Session doesn't exist", ""},
      {"session could not be found", ""},
      {"Session 'abc123' is no longer valid", ""},
      {"Unknown session", ""},
      {"unknown session id abc123", ""},
      {"Session timed out", ""},
      {"Not initialized", ""},
      {"Client has not been initialized", ""},
  };
  for (const auto& [text, source] : rows) {
    INFO(text << " -- " << source);
    CHECK(says_session_lost(text));
  }
}

TEST_CASE("what only sounds like it") {
  const std::string_view rows[] = {
      "",
      "session",
      "Bad Request",
      "Not found",
      "Tool not found",
      "Method not found",
      "expired",
      "Invalid Request: Server already initialized",
      "session_name is required",
      "session_id is required",  // the Python SDK's query parameter of HTTP+SSE; elsewhere an argument
      "The 'session_id' field is invalid",
      "Invalid params: session is required",
      "Missing required parameter: session",
      "Missing argument 'session'",
      "Invalid session name",
      "Invalid session type for the given session ID",
      "Unknown session type",
      "The session title is invalid",
      "session missing a title",
      "Session created. Token not found",
      "Too many sessions: 10 not found",
      "Only one SSE stream is allowed per session",
      "Forbidden: The currently authenticated user does not match the user who initiated the session.",
      "A session ID MUST NOT be sent with an \"initialize\" request.",
      "Database not initialized",
      "Client capabilities not initialized",
      "obsession not found",
      "sessions not found",
      "no user found",
      "access token expired",
      "Unauthorized: missing token",
      "Invalid or expired token",
  };
  for (const auto text : rows) {
    INFO(text);
    CHECK_FALSE(says_session_lost(text));
  }
}

TEST_CASE("only the beginning of a long text counts") {
  CHECK(says_session_lost(std::string(400, ' ') + "Session not found"));
  CHECK_FALSE(says_session_lost(std::string(600, ' ') + "Session not found"));
  CHECK_FALSE(says_session_lost(std::string(1'000'000, '\'')));
}

TEST_CASE("every cut of a text is safe to read") {
  const std::string text = "Session ''ID 'x' -- not\0 initialized; no valid session ids"s;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    for (std::size_t from = 0; from <= size; ++from) {
      static_cast<void>(says_session_lost(std::string_view(text).substr(from, size - from)));
    }
  }
}

}  // namespace
