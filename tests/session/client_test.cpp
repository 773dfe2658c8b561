// SPDX-License-Identifier: MIT
#include "support/scripted_server.hpp"
#include "support/started.hpp"
#include <mcp/mcp.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_future.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using mcp::errc;
using then_do = test::exchange_script::then_do;

namespace {

mcp::client_options modern() {
  mcp::client_options options;
  options.protocol_version = "2026-07-28";
  return options;
}

mcp::client_options legacy() {
  mcp::client_options options;
  options.protocol_version = "2025-11-25";
  return options;
}

const std::string accepted = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

std::string initialize_reply(std::string_view session_id) {
  const std::string fields = session_id.empty() ? "" : "Mcp-Session-Id: " + std::string(session_id) + "\r\n";
  return test::json_reply(
      R"({"jsonrpc":"2.0","id":@ID@,"result":{"protocolVersion":"2025-11-25","capabilities":{},)"
      R"("serverInfo":{"name":"scripted","version":"1"}}})",
      "200 OK", fields);
}

errc code_of(const mcp::failure& why) { return static_cast<errc>(why.code().value()); }

/// What came of a call, whichever way it ended.
struct ended {
  std::string text;
  mcp::failure why{};
  bool good = false;
};

asio::awaitable<ended> call(mcp::client& client, std::string name, mcp::call_options options = {}) {
  auto answer = co_await client.call_tool(name, "{}", options, mcp::as_result);
  if (!answer) co_return ended{{}, answer.error(), false};
  co_return ended{answer->text(), {}, true};
}

}  // namespace

TEST_CASE("a modern call is one request") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  server.expect("Mcp-Method: tools/call\r\nMcp-Name: hello\r\n", test::tool_reply("hi"));
  const auto got = test::start(context, call(client, "hello")).wait();
  CHECK(got.text == "hi");
  const std::string& request = server.requests().at(0);
  CHECK(request.starts_with("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:"));
  CHECK(request.find("\r\nMCP-Protocol-Version: 2026-07-28\r\n") != std::string::npos);
  CHECK(request.find("\r\nAccept: application/json, text/event-stream\r\n") != std::string::npos);
  CHECK(request.ends_with(
      R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hello","arguments":{},)"
      R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
      R"("io.modelcontextprotocol/clientInfo":{"name":"asio-mcp","version":"0.1.0"},)"
      R"("io.modelcontextprotocol/clientCapabilities":{}}}})"));
}

TEST_CASE("the caller's members of _meta stand beside the library's") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  for (const auto& [meta, written] : {std::pair{R"("a":1)", R"("_meta":{"a":1,"io.modelcontextprotocol)"},
                                      std::pair{" \t\n", R"("_meta":{"io.modelcontextprotocol)"}}) {
    server.expect(written, test::tool_reply("hi"));
    CHECK(test::start(context, call(client, "hello", {.meta = meta})).wait().text == "hi");
  }
}

TEST_CASE("a legacy session is opened once, carried on, and ended") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), legacy()};
  server.expect(
      R"("method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{)",
      initialize_reply("s-1"));
  server.expect(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", accepted);
  server.expect("\r\nMcp-Session-Id: s-1\r\n", test::tool_reply("one"));
  server.expect("\r\nMcp-Session-Id: s-1\r\n", test::tool_reply("two"));
  CHECK(test::start(context, call(client, "a")).wait().text == "one");
  CHECK(test::start(context, call(client, "b")).wait().text == "two");
  CHECK(client.server().info.name == "scripted");
  CHECK(client.protocol_version() == "2025-11-25");
  CHECK(server.requests().at(0).find("Mcp-Session-Id") == std::string::npos);
  CHECK(server.requests().at(0).find("MCP-Protocol-Version") == std::string::npos);
  CHECK(server.requests().at(1).find("\r\nMCP-Protocol-Version: 2025-11-25\r\n") != std::string::npos);

  server.expect("DELETE /mcp HTTP/1.1\r\n", "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
  CHECK(test::start(context, client.close(mcp::as_result)).wait());
  CHECK(server.requests().back().find("\r\nMcp-Session-Id: s-1\r\n") != std::string::npos);
  CHECK(server.played_out());
  CHECK(server.connections() == 1);
  CHECK(code_of(test::start(context, call(client, "c")).wait().why) == errc::client_closed);
}

TEST_CASE("a saved session goes on without a handshake") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), mcp::session_state{"2025-06-18", "old", {}}};
  server.expect("\r\nMCP-Protocol-Version: 2025-06-18\r\nMcp-Session-Id: old\r\n",
                test::tool_reply("still here"));
  CHECK(test::start(context, call(client, "a")).wait().text == "still here");
  CHECK(client.save().session_id == "old");
}

TEST_CASE("a session that the server has forgotten") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::session session{context.get_executor(), server.url(), mcp::session_state{"2025-11-25", "old", {}}};
  server.expect("Mcp-Session-Id: old", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  const auto got = test::start(context, session.call_tool("a", "{}", {}, mcp::as_result)).wait();
  REQUIRE_FALSE(got);
  CHECK(code_of(got.error()) == errc::session_lost);
  CHECK(got.error().http_status() == 404);
}

TEST_CASE("what a broken server causes, and that the client stays usable") {
  struct row {
    std::string reply;
    errc why;
    then_do then = then_do::keep;
  };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
  const std::string body = R"({"jsonrpc":"2.0","id":@ID@,"result":{}})";
  const std::vector<row> rows = {
      {head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", errc::http_bad_content_length},
      {head + "Content-Length: +5\r\n\r\nabcde", errc::http_bad_content_length},
      {head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
       errc::http_bad_transfer_encoding},
      {head + "Transfer-Encoding: gzip\r\n\r\n", errc::http_bad_transfer_encoding},
      {head + "Bad Header: 1\r\n\r\n", errc::http_bad_header},
      {head + "X: a\r\n folded\r\n\r\n", errc::http_bad_header},
      {"HTTP/2 200 OK\r\n\r\n", errc::http_bad_status_line},
      {"nonsense\r\n\r\n", errc::http_bad_status_line},
      {head + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n", errc::http_bad_chunk},
      {head + "X: " + std::string(70'000, 'x') + "\r\n\r\n", errc::http_limit_exceeded},
      {head + "Content-Length: 99999999999\r\n\r\n", errc::http_limit_exceeded},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", errc::http_unexpected_upgrade},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
       errc::http_interim_flood},
      {head + "Content-Length: 50\r\n\r\n{", errc::http_truncated, then_do::close},
      {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {", errc::sse_no_response,
       then_do::close},
      {"", errc::connection_lost, then_do::close},
      {head + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde", errc::http_unsupported_encoding},
      {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1\r\n\r\nx", errc::bad_content_type},
      {test::json_reply("{"), errc::json_invalid},
      {test::json_reply(R"({"jsonrpc":"1.0","id":@ID@,"result":{}})"), errc::rpc_invalid_message},
      {test::json_reply(R"({"jsonrpc":"2.0","id":"x","result":{}})"), errc::rpc_unexpected_id},
      {test::json_reply(R"({"jsonrpc":"2.0","id":@ID@,"error":{"code":-1,"message":"no"}})"),
       errc::rpc_error},
      {"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", errc::http_status},
      {"HTTP/1.1 307 Away\r\nLocation: http://other.example/\r\nContent-Length: 0\r\n\r\n",
       errc::redirect_blocked},
      {"HTTP/1.1 307 Away\r\nLocation: ftp://x\r\nContent-Length: 0\r\n\r\n", errc::redirect_blocked},
      {"HTTP/1.1 302 Found\r\nLocation: /mcp\r\nContent-Length: 0\r\n\r\n", errc::http_status},
  };
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  for (const row& each : rows) {
    INFO(each.reply.substr(0, 200));
    server.expect("POST", each.reply, each.then);
    const auto got = test::start(context, call(client, "broken")).wait();
    // An exchange that broke leaves in doubt whether the tool ran; what happened is still told.
    const bool in_doubt = got.why.code() == errc::outcome_unknown;
    CHECK(in_doubt == (each.then == then_do::close));
    CHECK((in_doubt ? got.why.attempts().back().code : got.why.code()) == each.why);
    server.expect("POST", test::tool_reply("fine"));
    CHECK(test::start(context, call(client, "whole")).wait().text == "fine");
  }
}

TEST_CASE("bytes behind a response: delivered, and the connection is never used again") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  server.expect("POST", test::tool_reply("one") + "surplus");
  server.expect("POST", test::tool_reply("two"));
  CHECK(test::start(context, call(client, "a")).wait().text == "one");
  CHECK(test::start(context, call(client, "b")).wait().text == "two");
  CHECK(server.connections() == 2);
}

TEST_CASE("an answer counts, whatever follows it") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  server.expect("POST",
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3b\r\ndata: {\"jsonrpc\":\"2.0\",\"id\":@ID@,\"result\":{\"content\":[]}}\n\n\r\nnonsense");
  CHECK(test::start(context, call(client, "a")).wait().good);
}

TEST_CASE("redirects within the origin are followed, with method and body") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  server.expect("POST /mcp HTTP/1.1\r\n",
                "HTTP/1.1 308 Moved\r\nLocation: /v2/mcp?x\r\nContent-Length: 0\r\n\r\n");
  server.expect("POST /v2/mcp?x HTTP/1.1\r\n", test::tool_reply("there"));
  CHECK(test::start(context, call(client, "a")).wait().text == "there");
  SECTION("but not for ever") {
    for (int i = 0; i < 6; ++i)
      server.expect("POST", "HTTP/1.1 307 Moved\r\nLocation: /mcp\r\nContent-Length: 0\r\n\r\n");
    CHECK(code_of(test::start(context, call(client, "a")).wait().why) == errc::redirect_blocked);
  }
}

TEST_CASE("progress and log messages reach the handlers of their call") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  const auto event = [](std::string_view json) { return "data: " + std::string(json) + "\n\n"; };
  const auto progress = [&](int step) {
    return event(
        R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":@ID@,"progress":)" +
        std::to_string(step) + "}}");
  };
  server.expect(
      R"(,"progressToken":1}}})",
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + progress(1) +
          event(
              R"({"jsonrpc":"2.0","method":"notifications/message","params":{"level":"warning","data":"x"}})") +
          progress(2) + event(R"({"jsonrpc":"2.0","id":@ID@,"result":{"content":[]}})"),
      then_do::close);
  std::vector<std::string> seen;
  const auto on_progress = [&](const mcp::progress_update& update) {
    seen.push_back(std::to_string(static_cast<int>(update.progress)));
  };
  const auto on_log = [&](const mcp::log_message& message) { seen.push_back(message.data); };
  const auto got =
      test::start(context, call(client, "a", {.on_progress = on_progress, .on_log = on_log})).wait();
  CHECK(got.good);
  CHECK(seen == std::vector<std::string>{"1", "\"x\"", "2"});
}

TEST_CASE("a handler may close the client") {
  asio::io_context context;
  test::scripted_server server(context);
  auto client = std::make_unique<mcp::client>(context.get_executor(), server.url(), modern());
  const std::string event =
      R"(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":@ID@,"progress":1,"message":"bye"}})";
  server.expect(
      "POST", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event + "\n\n" + event + "\n\n",
      then_do::stall);
  std::string message;
  const auto on_progress = [&](const mcp::progress_update& update) {
    client.reset();
    message += update.message;
  };
  const auto got = test::start(context, call(*client, "a", {.on_progress = on_progress})).wait();
  CHECK(code_of(got.why) == errc::client_closed);
  CHECK(message == "bye");
}

TEST_CASE("what a handler throws reaches its caller, and the client stays usable") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  const std::string event =
      R"(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":@ID@,"progress":1}})";
  server.expect("POST", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event + "\n\n",
                then_do::stall);
  const auto on_progress = [](const mcp::progress_update&) { throw std::runtime_error("no more"); };
  auto running = test::start(context, call(client, "a", {.on_progress = on_progress}));
  CHECK_THROWS_AS(running.wait(), std::runtime_error);
  server.expect("POST", test::tool_reply("fine"));
  CHECK(test::start(context, call(client, "b")).wait().text == "fine");
  CHECK(server.connections() == 2);
}

TEST_CASE("an answer of several megabytes") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  const std::string text(5'000'000, 'x');
  server.expect("POST", test::tool_reply(text));
  CHECK(test::start(context, call(client, "a")).wait().text == text);
}

TEST_CASE("requests of a legacy server are answered") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), mcp::session_state{"2025-11-25", "s", {}}};
  server.expect("tools/call",
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
                "data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n"
                "data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}\n\n",
                then_do::stall);
  server.expect(R"({"jsonrpc":"2.0","id":"p","result":{}})", accepted);
  server.expect(R"({"jsonrpc":"2.0","id":9,"error":{"code":-32601,"message":"Method not found"}})", accepted);
  auto running = test::start(context, call(client, "a"));
  while (!server.played_out()) context.run_one();
  CHECK_FALSE(running.done());
  running.cancel();
  server.expect(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":)" +
                    test::id_of(server.requests().front()) + "}}",
                accepted);
  CHECK(code_of(running.wait().why) == errc::cancelled);
  while (!server.played_out()) context.run_one();
}

TEST_CASE("bad arguments are refused before anything is sent") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  const auto refused = [&](auto awaitable) {
    auto got = test::start(context, std::move(awaitable)).wait();
    REQUIRE_FALSE(got);
    return code_of(got.error());
  };
  CHECK(refused(client.call_tool("a", "[1]", {}, mcp::as_result)) == errc::invalid_argument);
  CHECK(refused(client.call_tool("a", "{", {}, mcp::as_result)) == errc::invalid_argument);
  CHECK(refused(client.call_tool("\xff", "{}", {}, mcp::as_result)) == errc::invalid_argument);
  CHECK(refused(client.request("x", R"({"_meta":{}})", {}, mcp::as_result)) == errc::invalid_argument);
  CHECK(refused(client.notify("x", "1", mcp::as_result)) == errc::invalid_argument);
  for (const std::string_view method : {"", "a b", "a\r\nX-Evil: 1", "a\"", "a\\", "\xc3\xa9"}) {
    CAPTURE(method);
    CHECK(refused(client.request(method, "{}", {}, mcp::as_result)) == errc::invalid_argument);
    CHECK(refused(client.notify(method, "{}", mcp::as_result)) == errc::invalid_argument);
  }
  const mcp::header injected{"X-Name", "a\r\nb"};
  CHECK(refused(client.call_tool("a", "{}", {.headers = {&injected, 1}}, mcp::as_result)) ==
        errc::invalid_header_value);
  CHECK(refused(client.ping({.meta = R"("a":)"}, mcp::as_result)) == errc::invalid_argument);
  CHECK(server.connections() == 0);

  const auto thrown = [&](const auto&... arguments) {
    try {
      const mcp::client refusing{context.get_executor(), arguments...};
      return errc{};
    } catch (const mcp::error& e) {
      return code_of(e.why());
    }
  };
  CHECK(thrown("ftp://x") == errc::invalid_url);
  const auto with = [&](auto change) {
    mcp::client_options options;
    change(options);
    return thrown("http://x", options);
  };
  CHECK(with([](auto& options) { options.headers = {{"X-Name", "a\nb"}}; }) == errc::invalid_header_value);
  CHECK(with([](auto& options) { options.headers = {{"Host", "other"}}; }) == errc::invalid_argument);
  CHECK(with([](auto& options) { options.name = "\xff"; }) == errc::invalid_argument);
  CHECK(with([](auto& options) { options.capabilities = "[]"; }) == errc::invalid_argument);
  CHECK(with([](auto& options) { options.max_connections = 0; }) == errc::invalid_argument);
  CHECK(thrown("http://x", mcp::session_state{"2025-11-25", "a\r\nb", {}}) == errc::invalid_header_value);
  CHECK(thrown("http://x", mcp::session_state{"1999-01-01", "a", {}}) == errc::unsupported_protocol_version);
}

TEST_CASE("every form of an operation") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  SECTION("awaited, throwing") {
    server.expect("POST", "HTTP/1.1 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nno");
    auto running = test::start(context, client.call_tool("a"));
    try {
      running.wait();
      FAIL("no exception");
    } catch (const mcp::error& e) {
      CHECK(e.code() == errc::http_status);
      CHECK(e.http_status() == 500);
      CHECK(e.server_text() == "no");
    }
  }
  SECTION("a callback") {
    server.expect("POST", test::tool_reply("hi"));
    std::string text;
    client.call_tool("a", "{}", {},
                     [&](mcp::result<mcp::tool_result> answer) { text = answer.value().text(); });
    while (text.empty()) context.run_one();
    CHECK(text == "hi");
  }
  SECTION("a future") {
    server.expect("POST", test::tool_reply("hi"));
    auto future = client.call_tool("a", "{}", {}, asio::use_future);
    while (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) context.run_one();
    CHECK(future.get().value().text() == "hi");
  }
  SECTION("started, and dropped") {
    { auto dropped = client.call_tool("a"); }
    CHECK(context.poll() <= 1);
    CHECK(server.connections() == 0);
  }
}

TEST_CASE("a call with a completion handler") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  std::optional<mcp::result<mcp::tool_result>> got;
  const auto keep = [&](mcp::result<mcp::tool_result> answer) { got = std::move(answer); };
  SECTION("is not completed by what starts it") {
    client.call_tool("a", "no object", {}, keep);
    CHECK_FALSE(got);
    test::run_until(context, [&] { return got.has_value(); });
    CHECK(code_of(got->error()) == errc::invalid_argument);
  }
  SECTION("is cancelled through the handler's slot, while it waits for the answer") {
    asio::cancellation_signal stop;
    server.expect("POST", "", then_do::stall);
    client.call_tool("a", "{}", {}, asio::bind_cancellation_slot(stop.slot(), keep));
    while (!server.played_out()) context.run_one();
    stop.emit(asio::cancellation_type::terminal);
    CHECK_FALSE(got);
    test::run_until(context, [&] { return got.has_value(); });
    CHECK(code_of(got->error()) == errc::cancelled);
    stop.emit(asio::cancellation_type::terminal);  // nobody listens any more
  }
  SECTION("is cancelled at once") {
    asio::cancellation_signal stop;
    client.call_tool("a", "{}", {}, asio::bind_cancellation_slot(stop.slot(), keep));
    stop.emit(asio::cancellation_type::terminal);
    test::run_until(context, [&] { return got.has_value(); });
    CHECK(code_of(got->error()) == errc::cancelled);
  }
  SECTION("is completed on the handler's executor") {
    asio::io_context other;
    server.expect("POST", test::tool_reply("hi"));
    client.call_tool("a", "{}", {}, asio::bind_executor(other.get_executor(), keep));
    CHECK(other.poll() == 0);
    CHECK_FALSE(other.stopped());
    while (!other.stopped() && !got) {
      context.run_one();
      other.poll();
    }
    REQUIRE(got);
    CHECK(got->value().text() == "hi");
  }
  SECTION("has given everything back when the handler starts the next one") {
    server.expect("POST", test::tool_reply("one"));
    server.expect("POST", test::tool_reply("two"));
    client.call_tool("a", "{}", {}, [&](const mcp::result<mcp::tool_result>& first) {
      CHECK(first.value().text() == "one");
      client.call_tool("b", "{}", {}, keep);
    });
    test::run_until(context, [&] { return got.has_value(); });
    CHECK(got->value().text() == "two");
    CHECK(server.connections() == 1);
  }
  SECTION("lets what another callback throws out of run()") {
    const std::string event =
        R"(data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":@ID@,"progress":1}})";
    server.expect("POST", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event + "\n\n",
                  then_do::stall);
    const auto on_progress = [](const mcp::progress_update&) { throw std::runtime_error("no more"); };
    client.call_tool("a", "{}", {.on_progress = on_progress}, keep);
    CHECK_THROWS_AS(test::run_until(context, [&] { return got.has_value(); }), std::runtime_error);
    server.expect("POST", test::tool_reply("fine"));
    CHECK(test::start(context, call(client, "b")).wait().text == "fine");
    CHECK_FALSE(got);
  }
}

namespace {

asio::awaitable<ended> call_in_spite(mcp::client& client, asio::cancellation_signal& stop) {
  co_await asio::this_coro::throw_if_cancelled(false);
  stop.emit(asio::cancellation_type::terminal);
  co_return co_await call(client, "a");
}

}  // namespace

TEST_CASE("a call of a coroutine that goes on when it is cancelled") {
  asio::io_context context;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  asio::cancellation_signal stop;
  std::optional<ended> got;
  asio::co_spawn(
      context, call_in_spite(client, stop),
      asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr&, ended end) { got = end; }));
  test::run_until(context, [&] { return got.has_value(); });
  CHECK(code_of(got->why) == errc::cancelled);
  CHECK(server.connections() == 0);
}

namespace {

/// How an operation that is awaited on `context` fails without waiting; 0 if it does not.
template <class T>
errc refusal(asio::io_context& context, asio::awaitable<T> operation) {
  const auto code = std::make_shared<errc>();
  const auto note = [code](const std::exception_ptr& thrown, const auto&... outcome) {
    try {
      if (thrown) std::rethrow_exception(thrown);
      if constexpr (requires { (outcome.error(), ...); }) (static_cast<void>(outcome.value()), ...);
    } catch (const mcp::error& failed) {
      *code = code_of(failed.why());
    }
  };
  asio::co_spawn(context, std::move(operation), note);
  context.restart();
  context.poll();
  return *code;
}

}  // namespace

TEST_CASE("a client is used from its own executor only") {
  asio::io_context context;
  asio::io_context other;
  test::scripted_server server(context);
  mcp::client client{context.get_executor(), server.url(), modern()};
  CHECK(refusal(other, client.call_tool("a")) == errc::wrong_executor);
  CHECK(refusal(other, client.call_tool("a", {}, {}, mcp::as_result)) == errc::wrong_executor);
  CHECK(refusal(other, client.list_tools()) == errc::wrong_executor);
  CHECK(refusal(other, client.list_tools({}, mcp::as_result)) == errc::wrong_executor);
  CHECK(refusal(other, client.status_after(0)) == errc::wrong_executor);
  CHECK(refusal(other, client.status_after(0, mcp::as_result)) == errc::wrong_executor);
  CHECK(refusal(other, client.unfinished()) == errc::wrong_executor);
  CHECK(refusal(other, client.unfinished(mcp::as_result)) == errc::wrong_executor);
  CHECK(refusal(other, client.hand_over()) == errc::wrong_executor);
  CHECK(refusal(other, client.hand_over(mcp::as_result)) == errc::wrong_executor);
  CHECK(refusal(other, client.close()) == errc::wrong_executor);
  CHECK(refusal(other, client.close(mcp::as_result)) == errc::wrong_executor);
  CHECK(client.status().state == mcp::connection_state::idle);
  CHECK(server.connections() == 0);
}

TEST_CASE("a session is used from its own executor only") {
  asio::io_context context;
  asio::io_context other;
  test::scripted_server server(context);
  mcp::session session{context.get_executor(), server.url(), modern()};
  const auto ping = [](mcp::session& on) { return on.ping(); };
  CHECK(refusal(other, session.open()) == errc::wrong_executor);
  CHECK(refusal(other, session.open(mcp::as_result)) == errc::wrong_executor);
  CHECK(refusal(other, mcp::with_reinitialize(session, ping)) == errc::wrong_executor);
  CHECK(refusal(other, mcp::with_reinitialize(session, ping, {}, mcp::as_result)) == errc::wrong_executor);
  CHECK(server.connections() == 0);
}
