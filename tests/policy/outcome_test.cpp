// SPDX-License-Identifier: MIT
#include <mcp/policy/outcome.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace mcp::inline v0 {

std::ostream& operator<<(std::ostream& out, const decision& value) {
  return out << "call " << static_cast<int>(value.call) << ", first " << static_cast<int>(value.first)
             << (value.wait ? ", wait" : "");
}

}  // namespace mcp::inline v0

namespace {

using mcp::decision;
using mcp::errc;
using mcp::next_step;
using mcp::protocol_era;
using mcp::repair;

constexpr decision final_answer{};
constexpr decision unknown{.call = next_step::outcome_unknown};
constexpr decision replay_at_once{.call = next_step::replay};
constexpr decision replay_later{.call = next_step::replay, .wait = true};
constexpr decision resume_later{.call = next_step::resume, .wait = true};

constexpr decision repaired(repair what) { return {.call = next_step::replay, .first = what}; }
constexpr decision resumed_after(repair what) { return {.call = next_step::resume, .first = what}; }
constexpr decision unknown_but(repair what) { return {.call = next_step::outcome_unknown, .first = what}; }

/// One attempt, in the words of the table. Unless it says otherwise, the request was written whole.
struct attempt {
  errc code;
  int status = 0;
  std::optional<std::int64_t> rpc_code{};
  bool own_id = false;
  std::string_view text{};
  bool unsent = false;
  bool reused = false;
  std::string_view event_id{};
  std::string_view retry_after{};
  std::string_view challenge{};
  bool resuming = false;
  bool token_renewed = false;
};

enum class session { none, named };
enum class kind { tool, read };

decision classify(const attempt& each, protocol_era era, session with, kind what) {
  mcp::failure why(each.code);
  if (each.status != 0) why.with_http_status(each.status);
  if (each.rpc_code) why.with_rpc_code(*each.rpc_code);
  why.with_server_text(each.text);
  mcp::evidence seen;
  seen.bytes_written = each.unsent ? 0 : 400;
  seen.request_complete = !each.unsent;
  seen.status = each.status;
  seen.connection_reused = each.reused;
  seen.error_has_own_id = each.own_id;
  seen.last_event_id = each.event_id;
  seen.retry_after = each.retry_after;
  seen.www_authenticate = each.challenge;
  return mcp::classify({.why = why,
                        .seen = seen,
                        .era = era,
                        .named_session = with == session::named,
                        .resuming = each.resuming,
                        .repeatable = what == kind::read,
                        .token_renewed = each.token_renewed});
}

constexpr auto modern = protocol_era::modern;
constexpr auto legacy = protocol_era::legacy;

struct row {
  std::string name;
  attempt each;
  decision tool;
  decision read;
  bool foreign = false;  ///< no modern server says so: there it makes the client find out what it speaks
};

constexpr decision asks_anew{.first = mcp::repair::version};

/// A tool call that may be replayed is treated as a read, so the two columns of the design's table are
/// enough.
void check(const std::vector<row>& rows, protocol_era era, session with) {
  for (const auto& [name, each, for_tool, for_read, foreign] : rows) {
    const decision& tool = era == modern && foreign ? asks_anew : for_tool;
    const decision& read = era == modern && foreign ? asks_anew : for_read;
    INFO(name << (era == modern ? " (modern" : " (legacy") << (with == session::named ? ", session)" : ")"));
    CHECK(classify(each, era, with, kind::tool) == tool);
    CHECK(classify(each, era, with, kind::read) == read);
  }
}

void check_everywhere(const std::vector<row>& rows) {
  check(rows, modern, session::none);
  check(rows, legacy, session::none);
  check(rows, legacy, session::named);
}

const std::string_view lost = "Session not found";
const std::string_view token_challenge =
    R"(Bearer error="invalid_token", resource_metadata="https://a.example/m")";
const std::string_view scope_challenge = R"(Bearer error="insufficient_scope", scope="files:write")";

TEST_CASE("no request byte written: replay") {
  check_everywhere({
      {"DNS", {.code = errc::resolve_failed, .unsent = true}, replay_later, replay_later},
      {"TCP", {.code = errc::connect_failed, .unsent = true}, replay_later, replay_later},
      {"TLS", {.code = errc::tls_failed, .unsent = true}, replay_later, replay_later},
      {"reset before the request",
       {.code = errc::connection_lost, .unsent = true},
       replay_later,
       replay_later},
      {"a pooled connection found dead",
       {.code = errc::connection_lost, .unsent = true, .reused = true},
       replay_at_once,
       replay_at_once},
  });
}

TEST_CASE("refused before execution: repair, then replay") {
  check_everywhere({
      {"401 with a challenge",
       {.code = errc::http_status, .status = 401, .challenge = token_challenge},
       repaired(repair::token),
       repaired(repair::token)},
      {"401 without one",
       {.code = errc::http_status, .status = 401},
       repaired(repair::token),
       repaired(repair::token)},
      {"401 with a JSON-RPC error",
       {.code = errc::rpc_error, .status = 401, .rpc_code = -32000, .text = "Unauthorized"},
       repaired(repair::token),
       repaired(repair::token)},
      {"401 with a challenge, about a session",
       {.code = errc::rpc_error,
        .status = 401,
        .rpc_code = -32000,
        .text = lost,
        .challenge = token_challenge},
       repaired(repair::token),
       repaired(repair::token)},
      {"403 insufficient_scope",
       {.code = errc::http_status, .status = 403, .challenge = scope_challenge},
       repaired(repair::scope),
       repaired(repair::scope)},
      {"429", {.code = errc::http_status, .status = 429}, replay_later, replay_later},
      {"429 with Retry-After",
       {.code = errc::http_status, .status = 429, .retry_after = "7"},
       replay_later,
       replay_later},
      {"429 with a JSON-RPC error",
       {.code = errc::rpc_error, .status = 429, .rpc_code = -32000, .own_id = true},
       replay_later,
       replay_later},
      {"503 with Retry-After",
       {.code = errc::http_status, .status = 503, .retry_after = "7"},
       replay_later,
       replay_later},
      {"503 with Retry-After as a date",
       {.code = errc::http_status, .status = 503, .retry_after = "Sun, 06 Nov 1994 08:49:37 GMT"},
       replay_later,
       replay_later},
      {"a 401 whose body broke off",
       {.code = errc::http_truncated, .status = 401},
       repaired(repair::token),
       repaired(repair::token)},
  });
}

TEST_CASE("bytes written, no complete answer: unknown, unless a second execution does no harm") {
  const std::vector<row> rows = {
      {"reset", {.code = errc::connection_lost}, unknown, replay_later},
      {"reset on a connection that had served",
       {.code = errc::connection_lost, .reused = true},
       unknown,
       replay_later},
      {"TLS broke", {.code = errc::tls_failed}, unknown, replay_later},
      {"truncated head", {.code = errc::http_truncated}, unknown, replay_later},
      {"truncated body", {.code = errc::http_truncated, .status = 200}, unknown, replay_later},
      {"stream without the response", {.code = errc::sse_no_response, .status = 200}, unknown, replay_later},
      {"502", {.code = errc::http_status, .status = 502}, unknown, replay_later},
      {"bare 503", {.code = errc::http_status, .status = 503}, unknown, replay_later},
      {"503 with a Retry-After of no meaning",
       {.code = errc::http_status, .status = 503, .retry_after = "soon"},
       unknown,
       replay_later},
      {"504", {.code = errc::http_status, .status = 504}, unknown, replay_later},
      {"502 with Retry-After, which 502 does not have",
       {.code = errc::http_status, .status = 502, .retry_after = "7"},
       unknown,
       replay_later},
      {"a gateway that speaks JSON-RPC",
       {.code = errc::rpc_error, .status = 502, .rpc_code = -32603, .text = "Bad gateway"},
       unknown,
       replay_later},
      {"Cloudflare: origin timed out", {.code = errc::http_status, .status = 524}, unknown, replay_later},
  };
  check_everywhere(rows);
}

TEST_CASE("an event id makes the legacy eras resume, and only them") {
  for (const auto with : {session::none, session::named}) {
    check(
        {
            {"reset",
             {.code = errc::connection_lost, .status = 200, .event_id = "17"},
             resume_later,
             resume_later},
            {"truncated",
             {.code = errc::http_truncated, .status = 200, .event_id = "17"},
             resume_later,
             resume_later},
            {"stream ended, to be polled",
             {.code = errc::sse_no_response, .status = 200, .event_id = "17"},
             resume_later,
             resume_later},
            {"malformed all the same",
             {.code = errc::json_invalid, .status = 200, .event_id = "17"},
             final_answer,
             final_answer},
        },
        legacy, with);
  }
  check({{"modern", {.code = errc::sse_no_response, .status = 200, .event_id = "17"}, unknown, replay_later}},
        modern, session::none);
}

TEST_CASE("the resuming GET") {
  check(
      {
          {"404: the session is gone, and the call with it",
           {.code = errc::http_status, .status = 404, .resuming = true},
           unknown_but(repair::session),
           repaired(repair::session)},
          {"400 that says so",
           {.code = errc::rpc_error, .status = 400, .rpc_code = -32000, .text = lost, .resuming = true},
           unknown_but(repair::session),
           repaired(repair::session)},
          {"405: no GET here",
           {.code = errc::http_status, .status = 405, .resuming = true},
           unknown,
           replay_later},
          {"400: unknown event id",
           {.code = errc::rpc_error,
            .status = 400,
            .rpc_code = -32000,
            .text = "Invalid event ID",
            .resuming = true},
           unknown,
           replay_later},
          {"500", {.code = errc::http_status, .status = 500, .resuming = true}, unknown, replay_later},
          {"a 500 that broke off",
           {.code = errc::http_truncated, .status = 500, .resuming = true},
           unknown,
           replay_later},
          {"401",
           {.code = errc::http_status, .status = 401, .resuming = true},
           resumed_after(repair::token),
           resumed_after(repair::token)},
          {"403 insufficient_scope",
           {.code = errc::http_status, .status = 403, .challenge = scope_challenge, .resuming = true},
           resumed_after(repair::scope),
           resumed_after(repair::scope)},
          {"429", {.code = errc::http_status, .status = 429, .resuming = true}, resume_later, resume_later},
          {"503 with Retry-After",
           {.code = errc::http_status, .status = 503, .retry_after = "1", .resuming = true},
           resume_later,
           resume_later},
          {"502", {.code = errc::http_status, .status = 502, .resuming = true}, resume_later, resume_later},
          {"not sent",
           {.code = errc::connect_failed, .unsent = true, .resuming = true},
           resume_later,
           resume_later},
          {"reset", {.code = errc::connection_lost, .resuming = true}, resume_later, resume_later},
          {"ended again, without a further event id",
           {.code = errc::sse_no_response, .status = 200, .resuming = true},
           resume_later,
           resume_later},
          {"the call's own error",
           {.code = errc::rpc_error, .status = 200, .rpc_code = -32603, .own_id = true, .resuming = true},
           final_answer,
           final_answer},
          {"the call's own error, in a 400",
           {.code = errc::rpc_error, .status = 400, .rpc_code = -32603, .own_id = true, .resuming = true},
           final_answer,
           final_answer},
          {"a malformed answer",
           {.code = errc::json_invalid, .status = 200, .resuming = true},
           final_answer,
           final_answer},
      },
      legacy, session::named);
  check({{"404 without a session",
          {.code = errc::http_status, .status = 404, .resuming = true},
          unknown,
          replay_later}},
        legacy, session::none);
}

TEST_CASE("an answer is final") {
  check_everywhere({
      {"a JSON-RPC error",
       {.code = errc::rpc_error, .status = 200, .rpc_code = -32602, .own_id = true},
       final_answer,
       final_answer},
      {"a tool that itself answers -32000",
       {.code = errc::rpc_error, .status = 200, .rpc_code = -32000, .own_id = true, .text = "Disk full"},
       final_answer,
       final_answer},
      {"a null id",
       {.code = errc::rpc_error, .status = 200, .rpc_code = -32603, .text = "oops"},
       final_answer,
       final_answer},
      {"a 400 about arguments",
       {.code = errc::rpc_error,
        .status = 400,
        .rpc_code = -32602,
        .own_id = true,
        .text = "session_name is required"},
       final_answer,
       final_answer},
      {"the same, without an id",
       {.code = errc::rpc_error, .status = 400, .rpc_code = -32602, .text = "session_name is required"},
       final_answer,
       final_answer,
       true},
      {"-32602 with the request's id is about its params, whatever it says",
       {.code = errc::rpc_error,
        .status = 400,
        .rpc_code = -32602,
        .own_id = true,
        .text = "Invalid session ID"},
       final_answer,
       final_answer},
      {"a missing capability",
       {.code = errc::rpc_error, .status = 400, .rpc_code = -32021, .own_id = true},
       final_answer,
       final_answer},
      {"400",
       {.code = errc::http_status, .status = 400, .text = "Bad Request"},
       final_answer,
       final_answer,
       true},
      {"403", {.code = errc::http_status, .status = 403, .text = "Forbidden"}, final_answer, final_answer},
      {"403 with another challenge",
       {.code = errc::http_status, .status = 403, .challenge = token_challenge},
       final_answer,
       final_answer},
      {"405", {.code = errc::http_status, .status = 405}, final_answer, final_answer, true},
      {"410", {.code = errc::http_status, .status = 410}, final_answer, final_answer},
      {"500", {.code = errc::http_status, .status = 500}, final_answer, final_answer},
      {"500 with Retry-After",
       {.code = errc::http_status, .status = 500, .retry_after = "1"},
       final_answer,
       final_answer},
      {"502 with the request's own JSON-RPC error",
       {.code = errc::rpc_error, .status = 502, .rpc_code = -32603, .own_id = true},
       final_answer,
       final_answer},
      {"302", {.code = errc::http_status, .status = 302}, final_answer, final_answer},
  });
  // A tool result with isError is a result: there is no failure to classify.
}

TEST_CASE("404 without a session, in either era, is only an answer") {
  const std::vector<row> rows = {
      {"bare", {.code = errc::http_status, .status = 404}, final_answer, final_answer, true},
      {"unknown method",
       {.code = errc::rpc_error,
        .status = 404,
        .rpc_code = -32601,
        .own_id = true,
        .text = "Method not found"},
       final_answer,
       final_answer},
      {"about a session all the same",
       {.code = errc::rpc_error, .status = 404, .rpc_code = -32001, .text = lost},
       final_answer,
       final_answer,
       true},
  };
  check(rows, modern, session::none);
  check(rows, modern, session::named);
  check(rows, legacy, session::none);
}

TEST_CASE("a lost session: certain") {
  const auto want = repaired(repair::session);
  std::vector<row> rows = {
      {"404", {.code = errc::http_status, .status = 404}, want, want},
      {"404 with a page",
       {.code = errc::http_status, .status = 404, .text = "<h1>Not Found</h1>"},
       want,
       want},
      {"404 with the request's id (C# SDK)",
       {.code = errc::rpc_error, .status = 404, .rpc_code = -32001, .own_id = true, .text = lost},
       want,
       want},
      {"404, whatever it says",
       {.code = errc::rpc_error,
        .status = 404,
        .rpc_code = -32601,
        .own_id = true,
        .text = "Method not found"},
       want,
       want},
      {"a 404 that broke off", {.code = errc::http_truncated, .status = 404}, want, want},
      {"recognized before", {.code = errc::session_lost, .status = 404}, want, want},
      {"server-everything",
       {.code = errc::rpc_error,
        .status = 400,
        .rpc_code = -32000,
        .text = "Bad Request: No valid session ID provided"},
       want,
       want},
      {"rmcp",
       {.code = errc::http_status, .status = 401, .text = "Unauthorized: Session not found"},
       want,
       want},
      {"mcp-proxy, with a challenge, after the token was renewed",
       {.code = errc::rpc_error,
        .status = 401,
        .rpc_code = -32000,
        .text = "Unauthorized: No valid session ID provided",
        .challenge = token_challenge,
        .token_renewed = true},
       want,
       want},
      {"mcp-go (SSE)",
       {.code = errc::rpc_error, .status = 400, .rpc_code = -32602, .text = "Invalid session ID"},
       want,
       want},
      {"410", {.code = errc::http_status, .status = 410, .text = "session expired"}, want, want},
      {"neotoma",
       {.code = errc::http_status, .status = 503, .text = R"({"error":"Unknown session"})"},
       want,
       want},
      {"FastMCP (TypeScript)",
       {.code = errc::http_status,
        .status = 500,
        .text = R"({"error":"HTTP 400: No valid session ID provided"})"},
       want,
       want},
  };
  for (const std::int64_t code : {-32600, -32601, -32603, -32000, -32001, -32002, -32005, -32602}) {
    rows.push_back({"JSON-RPC " + std::to_string(code),
                    {.code = errc::rpc_error, .status = 400, .rpc_code = code, .text = lost},
                    want,
                    want});
  }
  check(rows, legacy, session::named);
}

TEST_CASE("a lost session: doubtful") {
  const auto tool = unknown_but(repair::session);
  const auto read = repaired(repair::session);
  check(
      {
          {"status 200, null id (onyx)",
           {.code = errc::rpc_error,
            .status = 200,
            .rpc_code = -32600,
            .text = "missing or invalid Mcp-Session-Id"},
           tool,
           read},
          {"status 200, the request's id (anubis-mcp)",
           {.code = errc::rpc_error,
            .status = 200,
            .rpc_code = -32002,
            .own_id = true,
            .text = "Server not initialized"},
           tool,
           read},
          {"a tool that speaks of its own session",
           {.code = errc::rpc_error,
            .status = 200,
            .rpc_code = -32000,
            .own_id = true,
            .text = "Session expired"},
           tool,
           read},
          {"status 400, the request's id",
           {.code = errc::rpc_error, .status = 400, .rpc_code = -32001, .own_id = true, .text = lost},
           tool,
           read},
          {"on the resuming GET",
           {.code = errc::rpc_error,
            .status = 200,
            .rpc_code = -32001,
            .own_id = true,
            .text = lost,
            .resuming = true},
           tool,
           read},
      },
      legacy, session::named);
}

TEST_CASE("without a session there is none to lose") {
  const std::vector<row> rows = {
      {"400",
       {.code = errc::rpc_error, .status = 400, .rpc_code = -32000, .text = lost},
       final_answer,
       final_answer,
       true},
      {"200",
       {.code = errc::rpc_error, .status = 200, .rpc_code = -32000, .text = lost},
       final_answer,
       final_answer},
      {"410", {.code = errc::http_status, .status = 410, .text = lost}, final_answer, final_answer},
      {"401",
       {.code = errc::http_status, .status = 401, .text = lost},
       repaired(repair::token),
       repaired(repair::token)},
  };
  check(rows, modern, session::none);
  check(rows, modern, session::named);
  check(rows, legacy, session::none);
}

TEST_CASE("protocol errors mean what they mean in the modern era") {
  for (const bool own_id : {false, true}) {
    for (const int status : {200, 400}) {
      check(
          {
              {"-32020",
               {.code = errc::rpc_error, .status = status, .rpc_code = -32020, .own_id = own_id},
               repaired(repair::headers),
               repaired(repair::headers)},
              {"-32022",
               {.code = errc::rpc_error, .status = status, .rpc_code = -32022, .own_id = own_id},
               repaired(repair::version),
               repaired(repair::version)},
          },
          modern, session::none);
    }
  }
}

TEST_CASE("in the legacy era they mean an upgraded server, or nothing") {
  for (const auto with : {session::none, session::named}) {
    for (const std::int64_t code : {-32020, -32022}) {
      check(
          {
              {"400",
               {.code = errc::rpc_error, .status = 400, .rpc_code = code},
               repaired(repair::version),
               repaired(repair::version)},
              {"200: the server's own",
               {.code = errc::rpc_error, .status = 200, .rpc_code = code, .own_id = true},
               final_answer,
               final_answer},
          },
          legacy, with);
    }
  }
}

TEST_CASE("what another attempt would not change is final, however far it got") {
  for (int value = 1; value < 200; ++value) {
    const auto code = static_cast<errc>(value);
    if (make_error_code(code).message() == "unknown error") continue;
    switch (code) {
      case errc::resolve_failed:
      case errc::connect_failed:
      case errc::tls_failed:
      case errc::connection_lost:
      case errc::http_truncated:
      case errc::sse_no_response:
      case errc::session_lost: continue;
      default: break;
    }
    for (const bool unsent : {false, true}) {
      check_everywhere(
          {{make_error_code(code).message(), {.code = code, .unsent = unsent}, final_answer, final_answer},
           {make_error_code(code).message() + ", with status 200",
            {.code = code, .status = 200, .event_id = "1"},
            final_answer,
            final_answer}});
    }
  }
}

TEST_CASE("a failure of an unknown category is final") {
  const mcp::failure why(std::make_error_code(std::errc::connection_reset));
  const mcp::evidence seen;
  CHECK(mcp::classify({.why = why, .seen = seen, .repeatable = true}) == final_answer);
}

TEST_CASE("an unsafe call is sent again only where the server cannot have run it") {
  // Over everything an attempt can look like: after bytes were written, a replay needs a status that refuses,
  // or a text that does.
  const int refusals[] = {401, 403, 404, 429, 503};
  for (const errc code : {errc::connection_lost, errc::http_truncated, errc::sse_no_response,
                          errc::http_status, errc::rpc_error, errc::json_invalid}) {
    for (int status = 0; status < 600; ++status) {
      if (status != 0 && status < 200) continue;
      for (const bool own_id : {false, true}) {
        for (const auto text : {std::string_view("no"), lost}) {
          for (const auto era : {modern, legacy}) {
            const attempt each{
                .code = code, .status = status, .own_id = own_id, .text = text, .retry_after = "1"};
            const auto got = classify(each, era, session::named, kind::tool);
            if (got.call != next_step::replay) continue;
            const bool by_status = std::ranges::find(refusals, status) != std::end(refusals);
            const bool by_text = era == legacy && text == lost && !own_id && status >= 300;
            INFO(static_cast<int>(code) << " " << status << " " << text);
            CHECK((by_status || by_text));
          }
        }
      }
    }
  }
}

TEST_CASE("who is alive") {
  const auto alive = [](int status) {
    mcp::evidence seen;
    seen.status = status;
    return mcp::proves_alive(seen);
  };
  for (const int status : {200, 202, 302, 400, 401, 404, 429, 500, 501, 505}) CHECK(alive(status));
  for (const int status : {0, 502, 503, 504, 520, 521, 522, 523, 524}) CHECK_FALSE(alive(status));
}

}  // namespace
