// SPDX-License-Identifier: MIT
#include <mcp/session/era.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

using mcp::errc;
using mcp::failure;
using mcp::protocol_era;
using mcp::detail::negotiation;
using step = mcp::detail::negotiation::step;

namespace {

failure answered(int status, std::int64_t code = 0) {
  failure why(code == 0 ? errc::http_status : errc::rpc_error);
  why.with_http_status(status);
  if (code != 0) why.with_rpc_code(code);
  return why;
}

}  // namespace

TEST_CASE("an unknown server is asked in the newest modern version") {
  const negotiation plan;
  CHECK(plan.next() == step::discover);
  CHECK(plan.version() == "2026-07-28");
}

TEST_CASE("the answer to server/discover settles the era") {
  struct row {
    std::vector<std::string> supported;
    step next;
    std::string version;
  };
  const auto rows = std::vector<row>{
      {{"2026-07-28"}, step::done, "2026-07-28"},
      {{"2099-01-01", "2026-07-28", "2025-11-25"}, step::done, "2026-07-28"},
      {{"2025-06-18", "2025-11-25"}, step::initialize, "2025-11-25"},
      {{"2025-03-26"}, step::initialize, "2025-03-26"},
      {{}, step::initialize, "2025-11-25"},  // a result, but no DiscoverResult
  };
  for (const auto& [supported, next, version] : rows) {
    negotiation plan;
    plan.discovered(supported);
    CAPTURE(supported);
    CHECK(plan.next() == next);
    CHECK(plan.version() == version);
    CHECK((plan.era() == protocol_era::modern) == (next == step::done));
  }
}

TEST_CASE("a server that lists nothing in common is refused") {
  negotiation plan;
  plan.discovered(std::vector<std::string>{"1999-01-01"});
  CHECK(plan.next() == step::failed);
  CHECK(plan.why().code() == errc::unsupported_protocol_version);
}

TEST_CASE("what a failed server/discover proves") {
  struct row {
    failure why;
    std::vector<std::string> supported;
    step next;
  };
  const auto rows = std::vector<row>{
      // A modern error: the server is modern.
      {answered(400, -32020), {}, step::done},
      {answered(400, -32021), {}, step::done},
      {answered(400, -32022), {"2026-07-28"}, step::discover},
      {answered(400, -32022), {"2025-11-25", "2025-06-18"}, step::initialize},
      {answered(400, -32022), {"1999-01-01"}, step::failed},
      {answered(400, -32022), {}, step::initialize},  // without the list that makes it one
      // Any other 4xx, or any other answer: the server is legacy.
      {answered(400), {}, step::initialize},
      {answered(404), {}, step::initialize},
      {answered(405), {}, step::initialize},
      {answered(422), {}, step::initialize},
      {answered(400, -32000), {}, step::initialize},
      {answered(404, -32601), {}, step::initialize},
      {answered(200, -32601), {}, step::initialize},
      {failure(errc::bad_content_type).with_http_status(200), {}, step::initialize},
      {failure(errc::json_invalid).with_http_status(200), {}, step::initialize},
      {failure(errc::sse_no_response).with_http_status(200), {}, step::initialize},
      // No proof of anything.
      {answered(401), {}, step::failed},
      {answered(403), {}, step::failed},
      {answered(429), {}, step::failed},
      {answered(500), {}, step::failed},
      {answered(503), {}, step::failed},
      {answered(500, -32603), {}, step::failed},
      {failure(errc::connection_lost), {}, step::failed},
      {failure(errc::connection_lost).with_http_status(200), {}, step::failed},
      {failure(errc::http_truncated).with_http_status(200), {}, step::failed},
      {failure(errc::resolve_failed), {}, step::failed},
      {failure(errc::tls_certificate_invalid), {}, step::failed},
      {failure(errc::deadline_exceeded), {}, step::failed},
      {failure(errc::client_closed), {}, step::failed},
  };
  for (const auto& [why, supported, next] : rows) {
    negotiation plan;
    plan.discover_failed(why, supported);
    CAPTURE(why.describe(), supported);
    CHECK(plan.next() == next);
  }
}

TEST_CASE("a version error is answered by asking again, once") {
  const std::vector<std::string> supported{"2026-07-28"};
  negotiation plan;
  plan.discover_failed(answered(400, -32022), supported);
  REQUIRE(plan.next() == step::discover);
  SECTION("and then it works") {
    plan.discovered(supported);
    CHECK(plan.next() == step::done);
  }
  SECTION("or not") {
    plan.discover_failed(answered(400, -32022), supported);
    CHECK(plan.next() == step::failed);
    CHECK(plan.why().rpc_code() == -32022);
  }
}

TEST_CASE("the legacy handshake") {
  negotiation plan("2025-11-25");
  REQUIRE(plan.next() == step::initialize);
  SECTION("the server agrees, or chooses an older version") {
    for (const char* version : {"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"}) {
      plan.initialized(version);
      CHECK(plan.next() == step::acknowledge);
      CHECK(plan.version() == version);
    }
    plan.acknowledged({});
    CHECK(plan.next() == step::done);
    CHECK(plan.era() == protocol_era::legacy);
  }
  SECTION("the server chooses a version that nobody speaks") {
    plan.initialized("1999-01-01");
    CHECK(plan.next() == step::failed);
    CHECK(plan.why().code() == errc::unsupported_protocol_version);
  }
  SECTION("the server refuses the acknowledgement") {
    plan.initialized("2025-11-25");
    plan.acknowledged(answered(400));
    CHECK(plan.next() == step::failed);
  }
}

TEST_CASE("with a known version nothing is probed") {
  CHECK(negotiation("2026-07-28").next() == step::done);
  CHECK(negotiation("2025-03-26").next() == step::initialize);
  CHECK(negotiation("2025-03-26").version() == "2025-03-26");
  CHECK(negotiation("1999-01-01").why().code() == errc::unsupported_protocol_version);
}
