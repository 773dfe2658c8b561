// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/error.hpp>
#include <mcp/base/evidence.hpp>
#include <mcp/base/protocol_era.hpp>
#include <mcp/base/result.hpp>
#include <mcp/policy/retry_after.hpp>
#include <mcp/policy/session_loss.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace mcp::inline v0 {

/// What is known about an attempt that failed.
struct attempt_report {
  const failure& why;
  const evidence& seen;
  protocol_era era = protocol_era::modern;
  bool named_session = false;  ///< the request carried `Mcp-Session-Id`
  bool resuming = false;       ///< it was the GET that takes up the stream of an earlier attempt
  /// A second execution would do no harm: `is_read(method)`, or `allows_replay()` says so.
  bool repeatable = false;
  bool token_renewed = false;  ///< the call's token was renewed already, after an earlier attempt
};

/// How a call goes on after a failed attempt.
enum class next_step {
  end,              ///< with the failure as it is
  outcome_unknown,  ///< it ends, with `errc::outcome_unknown`
  replay,           ///< the request is sent again, under a new JSON-RPC id
  resume,           ///< the response stream is taken up by GET with `Last-Event-ID`
};

/// What has to be put in order before anything is sent again.
enum class repair {
  none,
  session,  ///< open a new one
  token,    ///< refresh it, or sign in
  scope,    ///< ask for more of it
  headers,  ///< get the tool's schema anew: it says which parameters are mirrored in header fields
  version,  ///< negotiate the protocol version, or the era, anew
};

/// What follows from an attempt.
struct decision {
  next_step call = next_step::end;
  /// Before the next step; where the call ends, for the calls to come.
  repair first = repair::none;
  /// The next step waits: as long as `Retry-After` or the stream's `retry:` says, else by the backoff. This
  /// is also what the retry budget is charged for.
  bool wait = false;

  friend bool operator==(const decision&, const decision&) = default;
};

/// Whether a gateway answered in place of the server: 502, 503 and 504 (RFC 9110 §15.6), and what Cloudflare
/// makes of them. Says nothing about whether the server got the request.
constexpr bool is_gateway_status(int status) noexcept {
  return (status >= 502 && status <= 504) || (status >= 520 && status <= 524);
}

/// Whether an attempt, however it ended, proves that the server is alive (for the circuit breaker).
constexpr bool proves_alive(const evidence& seen) noexcept {
  return seen.status != 0 && !is_gateway_status(seen.status);
}

namespace detail {

// JSON-RPC error codes; rpc/code.hpp is another layer's.
inline constexpr std::int64_t rpc_method_not_found = -32601;
inline constexpr std::int64_t rpc_invalid_params = -32602;
inline constexpr std::int64_t rpc_header_mismatch = -32020;
inline constexpr std::int64_t rpc_unsupported_protocol_version = -32022;

enum class trouble {
  conclusive,  ///< another attempt would end the same way
  broken,      ///< the exchange did not get as far as an answer
  answered,    ///< the server, or a gateway, said no
};

/// No default: whoever adds a code decides what it means here.
constexpr trouble trouble_of(errc code) noexcept {
  switch (code) {
    // The caller's own doing.
    case errc::invalid_argument:
    case errc::invalid_url:
    case errc::invalid_header_value:
    case errc::wrong_executor:
    case errc::cancelled:
    case errc::deadline_exceeded:
    case errc::client_closed:
    case errc::session_not_open:
    // The store's, of which the server knows nothing.
    case errc::store_failed:
    case errc::store_corrupt:
    case errc::store_insecure:
    case errc::store_locked:
    // A refusal of ours.
    case errc::connect_blocked:
    case errc::tls_certificate_invalid:
    case errc::redirect_blocked:
    // An answer came, and is malformed, over a limit or of no use. The server may have acted; but it would
    // answer in the same way again, and the caller learns more from this code than from `outcome_unknown`.
    case errc::http_bad_status_line:
    case errc::http_bad_header:
    case errc::http_bad_content_length:
    case errc::http_bad_transfer_encoding:
    case errc::http_bad_chunk:
    case errc::http_limit_exceeded:
    case errc::http_interim_flood:
    case errc::http_unexpected_upgrade:
    case errc::http_unsupported_encoding:
    case errc::bad_content_type:
    case errc::sse_limit_exceeded:
    case errc::json_invalid:
    case errc::rpc_invalid_message:
    case errc::rpc_unexpected_id:
    case errc::unsupported_protocol_version:
    case errc::unexpected_result:
    case errc::unknown_result_type:
    case errc::input_required:
    case errc::pagination_limit:
    case errc::outcome_unknown: return trouble::conclusive;

    case errc::resolve_failed:
    case errc::connect_failed:
    case errc::tls_failed:
    case errc::connection_lost:
    case errc::http_truncated:
    case errc::sse_no_response: return trouble::broken;

    case errc::http_status:
    case errc::rpc_error:
    case errc::session_lost: return trouble::answered;
  }
  return trouble::conclusive;
}

/// What became of the attempt, in the order in which it is asked.
class classifier {
 public:
  explicit classifier(const attempt_report& report)
      : report_(report),
        status_(report.seen.status != 0 ? report.seen.status : report.why.http_status()),
        rpc_code_(report.why.rpc_code().value_or(0)) {}

  decision decide() const {
    if (report_.why.code().category() != error_category()) return {};
    const auto code = static_cast<errc>(report_.why.code().value());
    switch (trouble_of(code)) {
      case trouble::conclusive: return {};
      case trouble::broken:
        if (report_.seen.bytes_written == 0) return not_sent();
        if (status_ < 400) return broken();
        break;  // only the end of the refusal is missing
      case trouble::answered: break;
    }
    if (code == errc::session_lost) return refused(repair::session);
    if (status_ == 401) return refused(is_about_session() ? repair::session : repair::token);
    if (status_ == 403 && names_insufficient_scope()) return refused(repair::scope);
    if (status_ == 404 && has_session()) return refused(repair::session);
    if (status_ == 429 || (status_ == 503 && has_retry_after())) return refused(repair::none);
    if (const auto found = version_repair(); found != repair::none) return refused(found);
    if (has_session() && says_session_lost(report_.why.server_text())) {
      // The server's word about the parameters of a request that it has read: an argument, not the session.
      if (rpc_code_ == rpc_invalid_params && report_.seen.error_has_own_id) return {};
      const bool certain = is_http_error() && !report_.seen.error_has_own_id;
      return certain ? refused(repair::session) : unless_harmful({.first = repair::session});
    }
    if (is_gateway_status(status_) && !report_.seen.error_has_own_id) return broken();
    if (report_.resuming && is_http_error() && !report_.seen.error_has_own_id)
      return unless_harmful({.wait = true});
    if (is_not_modern()) return {.first = repair::version};
    return {};
  }

 private:
  bool is_http_error() const noexcept { return status_ >= 300; }  // 0 where there is no status
  bool has_session() const noexcept { return report_.era == protocol_era::legacy && report_.named_session; }

  /// Certain that the server has not run the call, and nothing to repair. A connection that had served before
  /// was only closed meanwhile: no reason to wait.
  decision not_sent() const noexcept { return {.call = again(), .wait = !report_.seen.connection_reused}; }

  /// The server did not run this request. If it was to resume the stream of an earlier one, that one ran, and
  /// can be resumed still, except on a new session.
  decision refused(repair first) const noexcept {
    if (report_.resuming && first == repair::session) return unless_harmful({.first = first});
    return {.call = again(), .first = first, .wait = first == repair::none};
  }

  /// The server may be running the call, or have run it.
  decision broken() const noexcept {
    const bool resumable =
        report_.era == protocol_era::legacy && (report_.resuming || !report_.seen.last_event_id.empty());
    if (resumable) return {.call = next_step::resume, .wait = true};
    return unless_harmful({.wait = true});
  }

  /// To run it twice, or not to know.
  decision unless_harmful(decision out) const noexcept {
    out.call = report_.repeatable ? next_step::replay : next_step::outcome_unknown;
    out.wait = out.wait && report_.repeatable;
    return out;
  }

  next_step again() const noexcept { return report_.resuming ? next_step::resume : next_step::replay; }

  /// A 401 is about the token if it has a challenge, or if nothing else is known. But some servers challenge
  /// for a lost session too (mcp-proxy), and another token does not help there.
  bool is_about_session() const {
    const bool challenged = !report_.seen.www_authenticate.empty();
    return has_session() && (!challenged || report_.token_renewed) &&
           says_session_lost(report_.why.server_text());
  }

  /// RFC 6750 §3.1. What exactly the challenge asks for is read by whoever answers it.
  bool names_insufficient_scope() const noexcept {
    return report_.seen.www_authenticate.find("insufficient_scope") != std::string::npos;
  }

  /// 2026-07-28, Versioning, "Backward Compatibility": a refusal that no modern server gives. The calls to
  /// come find out what the server speaks now.
  bool is_not_modern() const noexcept {
    const bool refused = status_ == 400 || status_ == 404 || status_ == 405;
    return report_.era == protocol_era::modern && refused && !report_.seen.error_has_own_id &&
           rpc_code_ != rpc_method_not_found;
  }

  /// A value that means nothing leaves a 503 what it is without one. Whether it does needs no real clock.
  bool has_retry_after() const {
    return parse_retry_after(report_.seen.retry_after, {}, std::chrono::seconds(0)).has_value();
  }

  /// 2026-07-28, "Error Codes". In the legacy era these codes are the server's own to use, except on an HTTP
  /// error: that is a server that has been upgraded.
  repair version_repair() const noexcept {
    if (rpc_code_ != rpc_header_mismatch && rpc_code_ != rpc_unsupported_protocol_version)
      return repair::none;
    if (report_.era == protocol_era::legacy) return is_http_error() ? repair::version : repair::none;
    return rpc_code_ == rpc_header_mismatch ? repair::headers : repair::version;
  }

  const attempt_report& report_;
  int status_;
  std::int64_t rpc_code_;
};

}  // namespace detail

/// What follows from a failed attempt: a pure function of the evidence, for which two questions count. Is it
/// certain that the server did not run the request? Then it is replayed, after what stood in its way has been
/// repaired. May it have run it without our having the answer? Then the stream is resumed where it can be,
/// the request is replayed where that does no harm, and otherwise the call ends with
/// `errc::outcome_unknown`. Everything else is an answer, and final: a result or a JSON-RPC error, a
/// malformed answer (the server would give it again), and what this side decided itself, such as a deadline.
///
/// - Not a byte was written: replay.
/// - 401, 403 `insufficient_scope`, -32020, -32022, a lost session: repair, then replay. 429, and 503 with a
///   valid `Retry-After`: wait, then replay.
/// - A lost session is, in the legacy era and for a request that named one, 404 whatever its body, and any
///   other HTTP error without the request's own JSON-RPC id whose text says so. With status 200 or with the
///   request's id the text may be a tool's: the session is repaired all the same, but the call counts as run.
/// - The exchange broke, or a gateway answered: the request may have been run.
/// - An event id on a response stream, in the legacy era, means resume, also for reads: a server may close it
///   on purpose, to be polled, and would do so again after a replay (2025-11-25, "Sending Messages to the
///   Server"). A resuming GET that is refused leaves the call as it was; one that fails is made again.
///
/// - In the modern era a 400, 404 or 405 that no modern server gives ends the call; what the server speaks is
///   found out anew.
///
/// How often, and how long after, is for the bounds of the caller to say: this function knows of one attempt.
inline decision classify(const attempt_report& report) { return detail::classifier(report).decide(); }

}  // namespace mcp::inline v0
