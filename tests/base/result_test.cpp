// SPDX-License-Identifier: MIT
#include <mcp/base/error.hpp>
#include <mcp/base/result.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace {

using mcp::errc;
using mcp::failure;
using mcp::result;

TEST_CASE("every error code has a text of its own") {
  std::set<std::string> texts;
  int codes = 0;
  for (int value = 1; value < 200; ++value) {
    const std::error_code code = static_cast<errc>(value);
    if (code.message() == "unknown error") continue;
    ++codes;
    texts.insert(code.message());
  }
  CHECK(codes > 30);
  CHECK(texts.size() == static_cast<std::size_t>(codes));
}

TEST_CASE("error codes compare with enumerators and with the standard's conditions") {
  const std::error_code code = errc::deadline_exceeded;
  CHECK(code == errc::deadline_exceeded);
  CHECK(code != errc::cancelled);
  CHECK(std::string(code.category().name()) == "mcp");
  CHECK(code == std::errc::timed_out);
  CHECK(std::error_code(errc::cancelled) == std::errc::operation_canceled);
  CHECK(std::error_code(errc::connection_lost) != std::errc::timed_out);
}

TEST_CASE("a failure tells what is known, and keeps the server's text out of its own") {
  failure why = errc::rpc_error;
  CHECK(why.http_status() == 0);
  CHECK(!why.rpc_code());
  CHECK(why.describe() == "server answered with an error");

  why.with_message("tools/call").with_http_status(200).with_rpc_code(-32602);
  why.with_server_text("secret").with_server_data(R"({"a":1})");
  CHECK(why.describe() == "server answered with an error: tools/call (HTTP 200) (JSON-RPC -32602)");
  CHECK(why.server_text() == "secret");
  CHECK(why.server_data() == R"({"a":1})");
}

TEST_CASE("copies of a failure do not see each other's changes") {
  failure first = errc::http_status;
  first.with_http_status(503);
  failure second = first;
  second.with_http_status(404);
  CHECK(first.http_status() == 503);
  CHECK(second.http_status() == 404);
}

TEST_CASE("a result holds a value or a failure") {
  result<std::string> good = std::string("text");
  REQUIRE(good);
  CHECK(*good == "text");
  CHECK(good->size() == 4);
  CHECK(good.value() == "text");

  const result<std::string> bad = errc::json_invalid;
  REQUIRE(!bad);
  CHECK(bad.error().code() == errc::json_invalid);
  CHECK_THROWS_AS(bad.value(), mcp::error);

  CHECK_FALSE(result<int>().has_value());
  CHECK(result<void>().has_value());
  CHECK(result<void>(errc::cancelled).error().code() == errc::cancelled);
  CHECK_THROWS_AS(result<void>(errc::cancelled).value(), mcp::error);
}

TEST_CASE("what is implicitly a value is implicitly a result") {
  using version = result<std::optional<std::uint64_t>>;
  const auto saved = []() -> version { return std::uint64_t{7}; };
  const auto conflict = []() -> version { return std::nullopt; };
  const auto broken = []() -> version { return errc::store_failed; };
  CHECK(**saved() == 7);
  CHECK_FALSE(conflict()->has_value());
  CHECK(broken().error().code() == errc::store_failed);
  CHECK(*result<std::string>("text") == "text");
}

TEST_CASE("a result can be assigned whatever it held, and whatever it gets") {
  const auto value = [](std::string text) { return result<std::string>(std::move(text)); };
  const result<std::string> failing = errc::resolve_failed;
  for (const bool had_value : {true, false}) {
    result<std::string> changed =
        had_value ? value("before, and longer than a string keeps in itself") : failing;
    changed = value("a value that is longer than a string keeps in itself");
    CHECK(*changed == "a value that is longer than a string keeps in itself");
    const result<std::string>& same = changed;
    changed = same;
    CHECK(*changed == "a value that is longer than a string keeps in itself");
    changed = failing;
    CHECK(changed.error().code() == errc::resolve_failed);
    CHECK(failing.error().code() == errc::resolve_failed);
  }
}

TEST_CASE("a value whose move throws leaves a failure") {
  struct throws_on_move {
    throws_on_move() = default;
    throws_on_move(throws_on_move&& other) : armed(other.armed) {
      if (armed) throw std::runtime_error("moved");
    }
    throws_on_move& operator=(throws_on_move&&) = default;
    bool armed = false;
  };
  result<throws_on_move> from = throws_on_move();
  from->armed = true;
  result<throws_on_move> to = errc::cancelled;
  CHECK_THROWS_AS(to = std::move(from), std::runtime_error);
  CHECK_FALSE(to.has_value());
  CHECK(to.error().code() == errc::invalid_argument);
}

TEST_CASE("a result moves what it holds") {
  result<std::unique_ptr<int>> from = std::make_unique<int>(3);
  const std::unique_ptr<int> value = *std::move(from);
  CHECK(*value == 3);
}

TEST_CASE("an error carries its failure") {
  failure why = errc::http_status;
  why.with_http_status(502).with_message("while listing tools").with_server_text("Bad Gateway");
  const mcp::error thrown(why);
  CHECK(thrown.code() == errc::http_status);
  CHECK(thrown.http_status() == 502);
  CHECK(thrown.server_text() == "Bad Gateway");
  CHECK(std::string(thrown.what()).find("while listing tools") != std::string::npos);
  CHECK(std::string(thrown.what()).find("Bad Gateway") == std::string::npos);
}

}  // namespace
