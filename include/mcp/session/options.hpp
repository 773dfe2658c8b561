// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/base/function_ref.hpp>
#include <mcp/base/limits.hpp>
#include <mcp/base/observer.hpp>
#include <mcp/base/random.hpp>
#include <mcp/base/version.hpp>
#include <mcp/http/header.hpp>
#include <mcp/net/address.hpp>
#include <mcp/net/tls_context.hpp>
#include <mcp/policy/origin_health.hpp>
#include <mcp/policy/recovery.hpp>
#include <mcp/session/request_authorizer.hpp>
#include <mcp/session/session_store.hpp>
#include <mcp/types/notifications.hpp>
#include <mcp/types/server.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// What one call may choose for itself. Everything it refers to must live until the call completes.
struct call_options {
  /// From the start of the call, connecting and signing in included, to the answer; each progress
  /// notification starts it anew. Zero: the client's `request_timeout`.
  std::chrono::milliseconds timeout{0};
  /// Not extended by progress. Zero: the client's `max_request_timeout`.
  std::chrono::milliseconds max_timeout{0};
  /// Asks the server for progress notifications and receives them while the call runs.
  function_ref<void(const progress_update&)> on_progress{};
  /// Receives the log messages that come on the call's own stream.
  function_ref<void(const log_message&)> on_log{};
  /// When this call may be sent again though it may have run. Unset: as the client's `recovery` says.
  std::optional<replay_policy> replay{};
  /// Further header fields of this call's HTTP request.
  std::span<const header> headers{};
  /// Further members of the request's `_meta`, without the braces around them: `"traceparent":"00-..."`.
  std::string_view meta{};
};

/// How a client or session talks to its server. Every member has a default.
struct client_options {
  /// Name and version that the server is told (`clientInfo`).
  std::string name = "asio-mcp";
  std::string version = std::string(library_version);
  /// Client capabilities as a JSON object; declare only what `request` handlers can serve.
  std::string capabilities = "{}";
  /// Header fields of every request, such as `Authorization`.
  std::vector<std::pair<std::string, std::string>> headers{};

  /// Look-up, TCP and TLS of one connection.
  std::chrono::milliseconds connect_timeout{10'000};
  /// One request, up to its answer; progress extends it.
  std::chrono::milliseconds request_timeout{60'000};
  /// The most that progress can extend it to.
  std::chrono::milliseconds max_request_timeout{600'000};
  /// Connections to the origin at one time; further calls wait for one to become free.
  std::size_t max_connections = 256;
  /// How long an idle connection is trusted where the server does not say.
  std::chrono::milliseconds idle_timeout{30'000};

  tls_options tls{};
  net::connect_policy policy{};
  struct limits limits {};

  /// Protocol revision to speak without asking (such as "2025-11-25"). Empty: find out.
  std::string protocol_version{};

  /// What a client does about failures (`mcp::session` only takes up streams).
  recovery_options recovery{};
  /// Retry budget and circuit breaker of every origin, to be shared by the clients of one executor. Null: its
  /// own.
  std::shared_ptr<origin_registry> origins{};

  /// Gets the credentials that change, or are kept elsewhere: `mcp::stored_credentials`,
  /// `static_credentials`.
  any_request_authorizer credentials{};
  /// Where a client keeps its session for the next one, in this process or another; it keeps none without.
  session_store store{};
  /// Of several accounts at one server, the one that this client acts for. Names what is in the store.
  std::string profile = "default";

  /// Sees what happens; may be null.
  std::shared_ptr<mcp::observer> observer{};
  /// Null: real time. Tests put virtual time here.
  std::shared_ptr<time_source> time{};
  /// Of jitter. Null: seeded by the system.
  std::shared_ptr<random_source> random{};
};

/// What must be known to go on with a session in another process or after a restart.
struct session_state {
  std::string protocol_version;  ///< as negotiated
  std::string session_id;        ///< legacy eras; empty where the server assigned none
  std::string server;            ///< what the server said of itself, as JSON text; may be empty
};

/// A request of an earlier client, which handed its session over while the answer was on its way.
struct unfinished_call {
  std::string method;         ///< such as "tools/call"
  std::string name;           ///< of the tool, prompt or resource
  std::string last_event_id;  ///< of the event stream that the answer comes on
  std::int64_t id = 0;        ///< of the JSON-RPC request
};

/// What a server says of itself, in either era. Self-reported and untrusted.
struct server_description {
  implementation info;
  server_capabilities capabilities;
  std::string instructions;  ///< for the model; empty when absent
};

}  // namespace mcp::inline v0
