// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <string>
#include <system_error>
#include <type_traits>

namespace mcp::inline v0 {

/// What went wrong. Values are grouped by the layer that finds the fault; they are stable within a
/// minor version. Compare an `std::error_code` with an enumerator directly: `e.code() ==
/// mcp::errc::rpc_error`.
enum class errc {
  // The caller
  invalid_argument = 1,  ///< an argument has no meaning (the message says which)
  invalid_url,           ///< not an absolute http or https URL that this library can use
  invalid_header_value,  ///< CR, LF, NUL or another forbidden byte in an outgoing header field
  wrong_executor,        ///< awaited from an executor other than the client's
  cancelled,             ///< the caller's cancellation slot asked for it
  deadline_exceeded,     ///< the operation's deadline passed
  client_closed,         ///< `close()` was called or the client was destroyed

  // net
  resolve_failed = 20,      ///< the host name has no address
  connect_failed,           ///< no address accepted a TCP connection
  connect_blocked,          ///< the connect policy refused the peer's address
  tls_failed,               ///< TLS handshake or record failure
  tls_certificate_invalid,  ///< the peer's certificate was not accepted (RFC 6125, RFC 5280)
  connection_lost,          ///< the connection broke before the exchange was complete

  // http
  http_bad_status_line = 40,   ///< RFC 9112 §4
  http_bad_header,             ///< RFC 9112 §5
  http_bad_content_length,     ///< RFC 9112 §6.2
  http_bad_transfer_encoding,  ///< RFC 9112 §6.1
  http_bad_chunk,              ///< RFC 9112 §7.1
  http_limit_exceeded,         ///< a cap of `limits` on headers, chunks or body
  http_interim_flood,          ///< too many 1xx responses
  http_unexpected_upgrade,     ///< 101 that nobody asked for
  http_truncated,              ///< the stream ended inside a message
  http_unsupported_encoding,   ///< a Content-Encoding that was not asked for
  http_status,                 ///< a status that is not success; see `failure::http_status()`
  bad_content_type,            ///< a 2xx answer of a media type that has no meaning here
  redirect_blocked,            ///< a redirect to another origin, without TLS, or one too many

  // sse
  sse_limit_exceeded = 60,  ///< a cap of `limits` on lines, events or fields
  sse_no_response,          ///< the event stream ended without the response to the request

  // json, rpc
  json_invalid = 70,    ///< not JSON, not UTF-8, or nested too deep
  rpc_invalid_message,  ///< JSON, but not a JSON-RPC 2.0 message
  rpc_unexpected_id,    ///< a response to no request of this exchange
  rpc_error,            ///< the server answered with a JSON-RPC error; see `failure::rpc_code()`

  // session
  session_lost = 80,             ///< the server no longer knows the session
  session_not_open,              ///< used before `open()` succeeded
  unsupported_protocol_version,  ///< no protocol version in common
  unexpected_result,             ///< a result without the members that its method requires
  unknown_result_type,           ///< a `resultType` that this client does not know
  input_required,                ///< the server wants input that no handler can give
  pagination_limit,              ///< a list without end

  // recovery
  /// Bytes of the request were sent and no complete answer came: whether the server acted on it is not known.
  outcome_unknown = 90,

  // store
  store_failed = 100,  ///< the store could not be read or written; what was to be saved may be in it
  store_corrupt,       ///< a record is damaged, or is not what it was written as
  store_insecure,      ///< others could read or replace what is stored: owner, mode or kind of a file
  store_locked,        ///< somebody else held the store, or a lease, for too long

  // auth
  credential_missing = 120,  ///< there is no credential for this server
  authorizer_failed,         ///< what was to get the credentials has failed

  // crypto
  crypto_failed = 110,  ///< OpenSSL could not do what it was asked: no such algorithm, no randomness
};

/// The category `mcp`.
inline const std::error_category& error_category() noexcept;

inline std::error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), error_category()};
}

namespace detail {

inline const char* text_of(errc value) noexcept {
  switch (value) {
    case errc::invalid_argument: return "invalid argument";
    case errc::invalid_url: return "invalid URL";
    case errc::invalid_header_value: return "invalid header field value";
    case errc::wrong_executor: return "awaited from an executor other than the client's";
    case errc::cancelled: return "operation cancelled";
    case errc::deadline_exceeded: return "deadline exceeded";
    case errc::client_closed: return "client closed";
    case errc::resolve_failed: return "host name could not be resolved";
    case errc::connect_failed: return "could not connect";
    case errc::connect_blocked: return "peer address refused by policy";
    case errc::tls_failed: return "TLS failed";
    case errc::tls_certificate_invalid: return "server certificate not accepted";
    case errc::connection_lost: return "connection lost";
    case errc::http_bad_status_line: return "malformed HTTP status line";
    case errc::http_bad_header: return "malformed HTTP header field";
    case errc::http_bad_content_length: return "invalid Content-Length";
    case errc::http_bad_transfer_encoding: return "invalid Transfer-Encoding";
    case errc::http_bad_chunk: return "malformed chunked body";
    case errc::http_limit_exceeded: return "HTTP message exceeds a limit";
    case errc::http_interim_flood: return "too many interim HTTP responses";
    case errc::http_unexpected_upgrade: return "unexpected HTTP upgrade";
    case errc::http_truncated: return "HTTP message truncated";
    case errc::http_unsupported_encoding: return "unsupported Content-Encoding";
    case errc::http_status: return "unexpected HTTP status";
    case errc::bad_content_type: return "unexpected Content-Type";
    case errc::redirect_blocked: return "redirect refused";
    case errc::sse_limit_exceeded: return "event stream exceeds a limit";
    case errc::sse_no_response: return "event stream ended without the response";
    case errc::json_invalid: return "invalid JSON";
    case errc::rpc_invalid_message: return "invalid JSON-RPC message";
    case errc::rpc_unexpected_id: return "response to an unknown request";
    case errc::rpc_error: return "server answered with an error";
    case errc::session_lost: return "session lost";
    case errc::session_not_open: return "session is not open";
    case errc::unsupported_protocol_version: return "no protocol version in common";
    case errc::unexpected_result: return "result lacks required members";
    case errc::unknown_result_type: return "unknown result type";
    case errc::input_required: return "server requires input";
    case errc::pagination_limit: return "list exceeds a limit";
    case errc::outcome_unknown: return "request sent, outcome unknown";
    case errc::store_failed: return "credential store failed";
    case errc::store_corrupt: return "stored record is corrupt";
    case errc::store_insecure: return "credential store is not secure";
    case errc::store_locked: return "credential store is locked";
    case errc::credential_missing: return "credential missing";
    case errc::authorizer_failed: return "authorizer failed";
    case errc::crypto_failed: return "cryptographic operation failed";
  }
  return "unknown error";
}

class category_impl final : public std::error_category {
 public:
  const char* name() const noexcept override { return "mcp"; }
  std::string message(int value) const override { return text_of(static_cast<errc>(value)); }

  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
      case errc::invalid_argument: return std::errc::invalid_argument;
      case errc::cancelled: return std::errc::operation_canceled;
      case errc::deadline_exceeded: return std::errc::timed_out;
      case errc::json_invalid:
      case errc::rpc_invalid_message: return std::errc::bad_message;
      default: return {value, *this};
    }
  }
};

inline const category_impl category_instance;

}  // namespace detail

inline const std::error_category& error_category() noexcept { return detail::category_instance; }

}  // namespace mcp::inline v0

template <>
struct std::is_error_code_enum<mcp::errc> : std::true_type {};
