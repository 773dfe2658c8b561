// SPDX-License-Identifier: MIT
// Clients that find in a store what another one has left there.
#include "recovery/fixture.hpp"
#include <mcp/auth/static_credentials.hpp>
#include <mcp/store/memory_store.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using mcp::connection_state;
using mcp::errc;
using namespace std::chrono_literals;
using test::code_of;

namespace {

/// Lets that much virtual time pass.
asio::awaitable<void> pass_time(test::virtual_world& world, std::chrono::milliseconds time) {
  auto executor = co_await asio::this_coro::executor;
  mcp::event passed(executor);
  world.after(time, [&] { passed.notify(); });
  std::error_code ignored;
  co_await passed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// A memory store that counts what is asked of it, and fails or hangs when it is told to.
class watched_store {
 public:
  struct shared {
    std::size_t operations = 0, saves = 0;
    std::optional<mcp::failure> fault;
    bool hangs = false;
    std::chrono::milliseconds takes{0};
    test::virtual_world* world = nullptr;
  };

  asio::awaitable<mcp::store_result::load> load(std::string_view key) {
    return watched<mcp::store_result::load>(state, records_.load(key));
  }
  asio::awaitable<mcp::store_result::save> save(std::string_view key, std::string_view bytes,
                                                mcp::record_version expected) {
    ++state->saves;
    return watched<mcp::store_result::save>(state, records_.save(key, bytes, expected));
  }
  asio::awaitable<mcp::store_result::erase> erase(std::string_view key, mcp::record_version expected) {
    return watched<mcp::store_result::erase>(state, records_.erase(key, expected));
  }

  std::shared_ptr<shared> state = std::make_shared<shared>();

 private:
  template <class Result>
  static asio::awaitable<Result> watched(std::shared_ptr<shared> state, asio::awaitable<Result> operation) {
    ++state->operations;
    if (state->hangs) {
      auto executor = co_await asio::this_coro::executor;
      mcp::event never(executor);
      std::error_code ignored;
      co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (state->takes.count() != 0) co_await pass_time(*state->world, state->takes);
    if (state->fault) co_return *state->fault;
    co_return co_await std::move(operation);
  }

  mcp::memory_store records_;
};

struct store_diary final : mcp::observer {
  std::vector<errc> faults;
  void store_failed(const mcp::failure& why) override { faults.push_back(code_of(why)); }
};

/// Clients of one server and one store. A process that ends is a client that is destroyed; one that dies is
/// a client whose context has gone, so that it does not give back anything.
struct kept : test::recovery_fixture {
  explicit kept(test::mcp_peer::options server) : recovery_fixture(server) {
    options.protocol_version.clear();
    store.state->world = &world;
    options.store = store;
  }

  mcp::client& another() {
    options.observer = std::make_shared<test::diary>();
    if (watching) options.observer = watching;
    return clients.emplace_back(world.context.get_executor(), url(), options);
  }
  void end(mcp::client& which) {
    clients.remove_if([&](const mcp::client& each) { return &each == &which; });
    world.settle();
  }

  std::string answer_of(mcp::client& which, std::string_view tool) {
    const auto answer = run(which.call_tool(tool, R"({"n":1})", mcp::call_options{}, mcp::as_result));
    world.settle();  // what is written down beside it
    return answer ? std::string(answer->text()) : answer.error().describe();
  }
  /// How many requests it took.
  std::size_t cost(mcp::client& which, std::string_view tool) {
    const auto before = peer.requests().size();
    CHECK(answer_of(which, tool).starts_with(tool));
    return peer.requests().size() - before;
  }

  mcp::any_credential_store records() { return store; }
  std::string session_key() const { return "session/default/http:%2F%2F127.0.0.1:4321%2Fmcp/anonymous"; }
  std::string stored(const std::string& key) {
    auto records_of_it = records();
    const auto found = run(records_of_it.load(key));
    REQUIRE(found);
    return found->has_value() ? std::string((*found)->bytes.view()) : "";
  }

  watched_store store;
  std::shared_ptr<store_diary> watching;
  std::list<mcp::client> clients;
};

struct kept_legacy : kept {
  kept_legacy() : kept({.modern = false}) {}
};
struct kept_modern : kept {
  kept_modern() : kept({.legacy = false}) {}
};

}  // namespace

TEST_CASE_METHOD(kept_legacy, "the next client goes on with the session, with one request", "[store]") {
  auto& first = another();
  CHECK(cost(first, "a") == 4);  // server/discover, initialize, initialized
  end(first);
  auto& second = another();
  CHECK(second.status().state == connection_state::idle);
  CHECK(cost(second, "b") == 1);
  CHECK(second.status().state == connection_state::ready);
  CHECK(second.server().info.name == "p");
  CHECK(second.protocol_version() == "2025-11-25");
  CHECK(second.counters().sessions == 0);
  CHECK(peer.sessions().size() == 1);
  CHECK(peer.count("DELETE ") == 0);
}

TEST_CASE_METHOD(kept_modern, "the next client knows what the server speaks, and needs one request",
                 "[store]") {
  auto& first = another();
  CHECK(cost(first, "a") == 2);  // server/discover
  auto& second = another();      // there is nothing that two could not share
  CHECK(cost(second, "b") == 1);
  end(first);
  CHECK(cost(another(), "c") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a restored session is suspect until its first answer", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  end(first);
  auto& second = another();
  peer.next("\"b\"", {.delay = 1s});
  const auto called = start(second.call_tool("b", "{}", mcp::call_options{}, mcp::as_result));
  world.settle();
  CHECK(second.status().state == connection_state::suspect);
  CHECK(world.run([&] { return called->outcome.has_value(); }));
  CHECK(second.status().state == connection_state::ready);
}

TEST_CASE_METHOD(kept_legacy,
                 "a client that is gone before its session was written down leaves it all the same",
                 "[store]") {
  store.state->takes = 10ms;
  auto& first = another();
  REQUIRE(run(first.ping({}, mcp::as_result)));
  clients.clear();
  auto& second = another();
  CHECK(cost(second, "b") == 1);
  CHECK(second.status().state == connection_state::ready);
}

TEST_CASE_METHOD(kept_legacy, "a session that the server has lost meanwhile is opened anew, once",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  end(first);
  peer.restart(false);
  const auto before = peer.count("\"initialize\"");
  CHECK(cost(another(), "b") == 4);  // refused, initialize, initialized, again
  CHECK(peer.count("\"initialize\"") == before + 1);
  CHECK(peer.count("server/discover") == 1);
  CHECK(stored(session_key()).find("session-2") != std::string::npos);
}

TEST_CASE_METHOD(kept_legacy, "two live clients never share a session", "[store]") {
  auto& first = another();
  auto& second = another();
  answer_of(first, "a");
  CHECK(cost(second, "b") == 3);  // initialize, initialized: the version is known
  CHECK(peer.sessions().size() == 2);
  CHECK(cost(first, "c") == 1);
  CHECK(cost(second, "d") == 1);
  end(second);  // whose session nobody has kept
  CHECK(stored(session_key()).find("session-1") != std::string::npos);
  end(first);
  CHECK(cost(another(), "e") == 1);
}

TEST_CASE_METHOD(kept_legacy, "the session of a client that died is free when its lease has run out",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  const std::string lease = stored("lease/" + session_key());
  end(first);
  auto records_of_it = records();
  REQUIRE(run(records_of_it.save("lease/" + session_key(), lease, mcp::no_record)));
  auto& second = another();
  CHECK(cost(second, "b") == 3);
  end(second);
  world.pass(121s);
  CHECK(cost(another(), "c") == 1);
  CHECK(peer.requests().back().find("session-1") != std::string::npos);
}

TEST_CASE_METHOD(kept_legacy, "a client that is in use keeps its lease", "[store]") {
  auto& first = another();
  for (int minute = 0; minute < 30; ++minute) {
    CHECK(answer_of(first, "a").starts_with("a"));
    world.pass(1min);
  }
  CHECK(peer.count("\"initialize\"") == 1);
  CHECK(cost(another(), "b") == 3);
}

TEST_CASE_METHOD(kept_legacy,
                 "a client that slept longer than its lease asks whether the session is still its",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  SECTION("it is") {
    world.pass(1h);
    CHECK(cost(first, "b") == 1);
    CHECK(peer.requests().back().find("session-1") != std::string::npos);
  }
  SECTION("it is not") {
    world.pass(1h);
    auto& second = another();
    CHECK(cost(second, "b") == 1);
    CHECK(peer.requests().back().find("session-1") != std::string::npos);
    CHECK(cost(first, "c") == 3);
    CHECK(peer.requests().back().find("session-2") != std::string::npos);
  }
}

TEST_CASE_METHOD(kept_legacy, "a closed session is not used again, but what the server speaks is known",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  REQUIRE(run(first.close(mcp::as_result)));
  CHECK(peer.count("DELETE ") == 1);
  CHECK(cost(another(), "b") == 3);
  CHECK(peer.count("server/discover") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a session that is handed over is not closed", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  REQUIRE(run(first.hand_over(mcp::as_result)));
  CHECK(first.status().state == connection_state::closed);
  CHECK(code_of(run(first.ping({}, mcp::as_result))) == errc::client_closed);
  CHECK(peer.count("DELETE ") == 0);
  CHECK(cost(another(), "b") == 1);
}

TEST_CASE_METHOD(kept_legacy, "what is left at the end is not written over by what was written before",
                 "[store]") {
  store.state->takes = 10ms;
  auto& first = another();
  REQUIRE(run(first.ping({}, mcp::as_result)));  // and now the session is being written down
  SECTION("closed") {
    REQUIRE(run(first.close(mcp::as_result)));
    world.pass(1s);
    CHECK(stored(session_key()).find(R"("open":false)") != std::string::npos);
  }
  SECTION("closed by somebody who does not wait") {
    const auto closed = start(first.close(mcp::as_result));
    world.pass(12ms);
    closed->stop.emit(asio::cancellation_type::terminal);
    world.pass(1s);
    CHECK(closed->outcome.has_value());
  }
  auto& second = another();
  CHECK(cost(second, "b") >= 3);
  world.pass(1s);
  end(second);  // it had the lease, and has kept its session
  CHECK(cost(another(), "c") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a client that ends while it looks into the store leaves all as it was",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  end(first);
  store.state->takes = 10ms;
  const bool closes = GENERATE(true, false);
  const auto when = GENERATE(1ms, 5ms, 15ms, 25ms);
  CAPTURE(closes, when.count());
  auto& second = another();
  const auto called = start(second.ping({}, mcp::as_result));
  world.pass(when);
  if (closes) {
    REQUIRE(run(second.close(mcp::as_result)));
  } else {
    end(second);
    world.pass(1s);
  }
  CHECK(code_of(*called->outcome) == errc::client_closed);
  CHECK(cost(another(), "b") == 1);
  CHECK(peer.sessions().size() == 1);
}

TEST_CASE_METHOD(kept_legacy, "a client that ends while it renews its lease gives it back", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  world.pass(61s);
  const bool closes = GENERATE(true, false);
  const auto takes = GENERATE(1ms, 10ms, 100ms);
  CAPTURE(closes, takes.count());
  store.state->takes = takes;
  REQUIRE(run(first.ping({}, mcp::as_result)));
  if (closes) {
    REQUIRE(run(first.close(mcp::as_result)));
  } else {
    end(first);
  }
  world.pass(1s);
  auto& second = another();
  CHECK(cost(second, "b") == (closes ? 3 : 1));
  world.pass(1s);
  end(second);
  CHECK(cost(another(), "c") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a client that ends before it has a session leaves the record as it was",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  REQUIRE(run(first.close(mcp::as_result)));
  const auto before = stored(session_key());
  const bool closes = GENERATE(true, false);
  auto& second = another();
  peer.next("\"initialize\"", {.how = test::delivery::way::hold});
  const auto called = start(second.ping({}, mcp::as_result));
  world.pass(1s);
  REQUIRE(run(closes ? second.close(mcp::as_result) : second.hand_over(mcp::as_result)));
  CHECK(stored(session_key()) == before);
  auto& third = another();
  CHECK(cost(third, "b") == 3);
  end(third);
  CHECK(cost(another(), "c") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a lease that could not be renewed once is given back all the same",
                 "[store]") {
  watching = std::make_shared<store_diary>();
  auto& first = another();
  answer_of(first, "a");
  world.pass(61s);
  store.state->fault = mcp::failure(errc::store_failed, "read: Input/output error");
  answer_of(first, "b");
  CHECK(watching->faults == std::vector{errc::store_failed});
  store.state->fault.reset();
  REQUIRE(run(first.request("resources/subscribe", R"({"uri":"file:///a"})", {}, mcp::as_result)));
  REQUIRE(run(first.hand_over(mcp::as_result)));
  CHECK(stored(session_key()).find("file:///a") != std::string::npos);
  CHECK(cost(another(), "c") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a record that cannot be read is not held on to", "[store]") {
  auto records_of_it = records();
  const auto saved = run(records_of_it.save(session_key(), "{", mcp::no_record));
  REQUIRE((saved && saved->has_value()));
  auto& first = another();
  answer_of(first, "a");
  CHECK(run(records_of_it.lease(session_key(), "else", 1s, world.time->wall_clock())).value());
}

TEST_CASE_METHOD(kept_legacy, "a client that is closed by somebody who does not wait gives its lease back",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  peer.next("DELETE ", {.how = test::delivery::way::hold});
  const auto closed = start(first.close(mcp::as_result));
  world.settle();
  closed->stop.emit(asio::cancellation_type::terminal);
  world.settle();
  CHECK(closed->outcome.has_value());
  answer_of(another(), "b");
  end(clients.back());
  CHECK(cost(another(), "c") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a client that is ended twice is gone when either says so", "[store]") {
  store.state->takes = 10ms;
  auto& first = another();
  answer_of(first, "a");
  world.pass(1s);
  const auto handed_over = start(first.hand_over(mcp::as_result));
  REQUIRE(run(first.close(mcp::as_result)));
  CHECK(handed_over->outcome.has_value());
  CHECK(peer.count("DELETE ") == 0);
  CHECK(cost(another(), "b") == 1);
}

TEST_CASE_METHOD(kept_legacy, "a client that only listens keeps its lease", "[store]") {
  auto& first = another();
  const auto note = [](const mcp::server_notification&) {};
  const auto listening = start(first.listen(note, mcp::as_result));
  for (int minute = 0; minute < 30; ++minute) {
    world.pass(1min);
    peer.push(R"({"jsonrpc":"2.0","method":"notifications/one"})");
  }
  CHECK(cost(another(), "b") == 3);
  CHECK_FALSE(listening->outcome.has_value());
}

TEST_CASE_METHOD(kept_legacy, "a client on a machine that slept asks whether the session is still its",
                 "[store]") {
  auto& first = another();
  answer_of(first, "a");
  world.time->asleep += 10min;
  CHECK(cost(another(), "b") == 1);
  CHECK(cost(first, "c") == 3);
  CHECK(peer.requests().back().find("session-2") != std::string::npos);
}

TEST_CASE_METHOD(kept_modern, "a client that slept goes on to keep what is to be kept", "[store]") {
  peer.speak({.legacy = false, .tool_pages = 1, .list_ttl_ms = 60'000});
  auto& first = another();
  answer_of(first, "a");
  world.pass(1h);
  answer_of(first, "b");
  REQUIRE(run(first.list_tools({}, mcp::as_result)));
  world.settle();
  end(first);
  const auto before = peer.requests().size();
  CHECK(run(another().list_tools({}, mcp::as_result))->size() == 1);
  CHECK(peer.requests().size() == before);
}

namespace {

struct kept_authorized : kept_legacy {
  kept_authorized() { peer.token = "one"; }

  void use(std::string account) {
    options.credentials = mcp::static_credentials([this] { return given(); }, std::move(account));
  }

  asio::awaitable<mcp::result<std::vector<mcp::credential>>> given() {
    std::error_code ignored;
    while (waits) co_await may_go_on.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    std::vector<mcp::credential> all;
    all.push_back(mcp::bearer(token));
    co_return all;
  }

  std::string token = "one";
  bool waits = false;
  mcp::event may_go_on{world.context.get_executor()};
};

}  // namespace

TEST_CASE_METHOD(kept_authorized, "credentials of somebody else do not go on with the session", "[store]") {
  use({});
  auto& first = another();
  answer_of(first, "a");
  token = peer.token = "two";
  CHECK(cost(first, "b") == 4);  // refused, initialize, initialized, again
  CHECK(peer.requests().back().find("session-2") != std::string::npos);
  CHECK(first.counters().sessions == 2);
  end(first);
  CHECK(cost(another(), "c") == 1);
  CHECK(peer.requests().back().find("session-2") != std::string::npos);
  // And the one before is still there for whom it belongs to.
  token = peer.token = "one";
  use({});
  CHECK(cost(another(), "d") == 1);
  CHECK(peer.requests().back().find("session-1") != std::string::npos);
}

TEST_CASE_METHOD(kept_authorized, "credentials of somebody else meet the session that is being written down",
                 "[store]") {
  use({});
  auto& first = another();
  answer_of(first, "a");
  const auto subscribe = [&](const std::string& uri) {
    CHECK(run(first.request("resources/subscribe", R"({"uri":")" + uri + "\"}", {}, mcp::as_result)));
  };
  store.state->takes = 4s;
  subscribe("file:///a");
  store.state->takes = 0ms;
  subscribe("file:///b");  // which is written down next
  token = peer.token = "two";
  CHECK(cost(first, "b") == 4);
  world.pass(5s);
  token = peer.token = "one";
  use({});
  CHECK(cost(another(), "c") == 1);
  CHECK(peer.requests().back().find("session-1") != std::string::npos);
}

TEST_CASE_METHOD(kept_authorized, "a session belongs to whose credentials it was opened with", "[store]") {
  use({});
  peer.next("server/discover", {.delay = 1s});
  auto& first = another();
  peer.token = "two";  // the first ones are refused
  const auto called = start(first.call_tool("a", "{}", mcp::call_options{}, mcp::as_result));
  world.settle();
  token = "two";
  CHECK(world.run([&] { return called->outcome.has_value(); }));
  CHECK(called->outcome->has_value());
  world.settle();
  end(first);
  CHECK(cost(another(), "b") == 1);
}

TEST_CASE_METHOD(kept_authorized, "a session that was saved is not gone on with by somebody else",
                 "[store]") {
  use({});
  auto& first = another();
  answer_of(first, "a");
  options.observer = std::make_shared<test::diary>();
  auto& second = clients.emplace_back(world.context.get_executor(), url(), first.save(), options);
  token = peer.token = "two";
  CHECK(answer_of(second, "b").starts_with("b"));
  CHECK(peer.requests().back().find("session-2") != std::string::npos);
}

TEST_CASE_METHOD(kept_authorized, "credentials that are refused while a session is opened are asked for",
                 "[store]") {
  use("me");
  auto& first = another();
  answer_of(first, "a");
  const bool renews = GENERATE(true, false);
  CAPTURE(renews);
  peer.next("\"b\"", {.execute = false, .instead = test::json_reply("{}", "404 Not Found")});
  peer.next("\"c\"", {.delay = 1s, .execute = false, .instead = test::json_reply("{}", "401 Unauthorized")});
  peer.next("\"initialize\"", {.delay = 2s});
  const auto lost = start(first.call_tool("b", "{}", mcp::call_options{}, mcp::as_result));
  const auto refused = start(first.call_tool("c", "{}", mcp::call_options{}, mcp::as_result));
  world.settle();
  token = "two";
  if (renews) {
    peer.token = "two";
  } else {
    world.after(2s, [this] { peer.token = "two"; });  // the new session is refused as well
  }
  CHECK(world.run([&] { return lost->outcome.has_value() && refused->outcome.has_value(); }));
  CHECK(lost->outcome->has_value());
  CHECK(refused->outcome->has_value());
}

TEST_CASE_METHOD(kept_authorized, "credentials that come when nobody waits for them hold up nobody",
                 "[store]") {
  use("me");
  auto& first = another();
  answer_of(first, "a");
  peer.token = "two";
  waits = true;
  CHECK_FALSE(run(first.call_tool("b", "{}", {.timeout = 3s}, mcp::as_result)));
  token = "two";
  waits = false;
  may_go_on.notify();
  world.pass(1s);
  CHECK(world.time->next_wake() == mcp::time_source::time_point::max());
  CHECK(cost(first, "c") == 1);
}

TEST_CASE_METHOD(kept_authorized, "who asks for what is in the store waits no longer than for a call",
                 "[store]") {
  use("me");
  waits = true;
  auto& first = another();
  const auto before = world.now();
  CHECK(code_of(run(first.list_tools({.timeout = 3s}, mcp::as_result))) == errc::deadline_exceeded);
  CHECK(world.now() - before == 3s);
  CHECK(code_of(run(first.unfinished(mcp::as_result))) == errc::deadline_exceeded);
}

TEST_CASE_METHOD(kept_authorized, "a client that ends while credentials are asked for leaves its session",
                 "[store]") {
  use("me");
  auto& first = another();
  answer_of(first, "a");
  peer.token = "two";
  waits = true;
  const auto called = start(first.call_tool("b", "{}", mcp::call_options{}, mcp::as_result));
  world.settle();
  CHECK(first.status().state == connection_state::authorizing);
  SECTION("handed over") {
    REQUIRE(run(first.hand_over(mcp::as_result)));
    token = "two";
    waits = false;
    may_go_on.notify();
    use("me");
    CHECK(cost(another(), "c") == 1);
    CHECK(peer.requests().back().find("session-1") != std::string::npos);
  }
  SECTION("closed") {
    REQUIRE(run(first.close(mcp::as_result)));
    CHECK(peer.count("DELETE ") == 1);
  }
}

TEST_CASE_METHOD(kept_authorized, "a session that is lost while credentials are asked for is replaced then",
                 "[store]") {
  use("me");
  auto& first = another();
  answer_of(first, "a");
  peer.next("\"b\"", {.delay = 1s, .execute = false, .instead = test::json_reply("{}", "404 Not Found")});
  const auto lost = start(first.call_tool("b", "{}", mcp::call_options{}, mcp::as_result));
  world.settle();
  peer.token = "two";
  waits = true;
  const auto refused = start(first.call_tool("c", "{}", mcp::call_options{}, mcp::as_result));
  world.pass(2s);
  peer.restart(false);
  token = "two";
  waits = false;
  may_go_on.notify();
  CHECK(world.run([&] { return lost->outcome.has_value() && refused->outcome.has_value(); }));
  CHECK(lost->outcome->has_value());
  CHECK(refused->outcome->has_value());
  CHECK(peer.count("\"initialize\"") == 2);
}

TEST_CASE_METHOD(kept_authorized, "a lease that runs out while credentials are asked for is seen to then",
                 "[store]") {
  use("me");
  auto& first = another();
  answer_of(first, "a");
  peer.token = "two";
  waits = true;
  const auto called = start(first.call_tool("b", "{}", mcp::call_options{}, mcp::as_result));
  world.pass(1h);  // the call has ended; a person takes his time
  CHECK(code_of(*called->outcome) == errc::deadline_exceeded);
  token = "two";
  options.credentials = mcp::static_credentials(
      []() -> asio::awaitable<mcp::result<std::vector<mcp::credential>>> {
        std::vector<mcp::credential> all;
        all.push_back(mcp::bearer("two"));
        co_return all;
      },
      "me");
  CHECK(cost(another(), "c") == 1);
  CHECK(peer.requests().back().find("session-1") != std::string::npos);
  const auto waiting = start(first.call_tool("d", "{}", mcp::call_options{}, mcp::as_result));
  world.settle();
  waits = false;
  may_go_on.notify();
  CHECK(world.run([&] { return waiting->outcome.has_value(); }));
  CHECK(peer.requests().back().find("session-2") != std::string::npos);
}

TEST_CASE_METHOD(kept_legacy, "clients with other credentials, and of other profiles, have other sessions",
                 "[store]") {
  answer_of(another(), "a");
  options.headers = {{"Authorization", "Bearer one"}};
  CHECK(cost(another(), "b") == 3);
  options.headers = {{"Authorization", "Bearer two"}};
  CHECK(cost(another(), "c") == 3);
  options.profile = "work";
  CHECK(cost(another(), "d") == 3);
  CHECK(peer.sessions().size() == 4);
}

TEST_CASE_METHOD(kept_legacy, "what is known of a legacy server is asked again after a day", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  REQUIRE(run(first.close(mcp::as_result)));
  world.pass(23h);
  CHECK(cost(another(), "b") == 3);
  REQUIRE(run(clients.back().close(mcp::as_result)));
  world.pass(1h);
  CHECK(cost(another(), "c") == 4);
  // In one client as well.
  peer.restart(false);
  world.pass(25h);
  CHECK(cost(clients.back(), "d") == 5);
}

TEST_CASE_METHOD(kept_legacy, "calls do not touch the store while nothing happens", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  const auto before = store.state->operations;
  for (int i = 0; i < 100; ++i) answer_of(first, "a");
  CHECK(store.state->operations == before);
}

TEST_CASE_METHOD(kept_legacy, "a new session in a new process is told what the lost one was", "[store]") {
  auto& first = another();
  REQUIRE(run(first.request("logging/setLevel", R"({"level":"error"})", {}, mcp::as_result)));
  REQUIRE(run(first.request("resources/subscribe", R"({"uri":"file:///a"})", {}, mcp::as_result)));
  world.settle();
  end(first);
  peer.restart(false);
  answer_of(another(), "b");
  CHECK(peer.count("logging/setLevel") == 2);
  CHECK(peer.count(R"("uri":"file:///a")") == 2);
}

TEST_CASE_METHOD(kept_modern, "a list of tools that may be kept is kept", "[store]") {
  peer.speak({.legacy = false, .tool_pages = 3, .list_ttl_ms = 60'000});
  const auto cost_of_list = [&](mcp::client& of) {
    const auto before = peer.requests().size();
    const auto tools = run(of.list_tools({}, mcp::as_result));
    world.settle();
    REQUIRE(tools);
    CHECK(tools->size() == 3);
    CHECK(tools->back().name == "tool-3");
    return peer.requests().size() - before;
  };
  auto& first = another();
  CHECK(cost_of_list(first) == 4);
  CHECK(cost_of_list(first) == 0);
  CHECK(cost_of_list(another()) == 0);
  world.pass(1min);
  CHECK(cost_of_list(first) == 3);
}

TEST_CASE_METHOD(kept_authorized, "a list of tools that comes late is not somebody else's", "[store]") {
  peer.speak({.modern = false, .tool_pages = 1, .list_ttl_ms = 60'000});
  use({});
  auto& first = another();
  answer_of(first, "a");
  peer.next("tools/list", {.delay = 1s});
  const auto listing = start(first.list_tools({}, mcp::as_result));
  world.settle();
  token = peer.token = "two";
  peer.next("\"initialize\"", {.delay = 2s});
  CHECK(cost(first, "b") == 4);
  CHECK(listing->outcome->has_value());
  const auto before = peer.requests().size();
  CHECK(run(first.list_tools({}, mcp::as_result)));
  CHECK(peer.requests().size() == before + 1);
}

TEST_CASE_METHOD(kept_legacy, "a store that fails costs nobody an answer", "[store]") {
  watching = std::make_shared<store_diary>();
  auto& first = another();
  answer_of(first, "a");
  end(first);
  SECTION("it cannot be read") {
    store.state->fault = mcp::failure(errc::store_failed, "read: Input/output error");
    CHECK(cost(another(), "b") == 4);
    CHECK(watching->faults == std::vector{errc::store_failed, errc::store_failed});  // to read, and to write
  }
  SECTION("it hangs") {
    store.state->hangs = true;
    const auto before = world.now();
    CHECK(cost(another(), "b") == 4);
    CHECK(world.now() - before == 5s);
    CHECK(watching->faults == std::vector{errc::deadline_exceeded});
  }
  SECTION("it breaks later") {
    auto& second = another();
    answer_of(second, "b");
    store.state->fault = mcp::failure(errc::store_failed, "write: No space left on device");
    peer.restart(false);
    CHECK(cost(second, "c") == 4);
    CHECK(watching->faults == std::vector{errc::store_failed});
  }
}

TEST_CASE_METHOD(kept_legacy, "a record that makes no sense is not used, and not written over", "[store]") {
  watching = std::make_shared<store_diary>();
  auto records_of_it = records();
  const std::vector<std::string> rows = {"",
                                         "{",
                                         "[]",
                                         R"({"v":2,"protocol_version":"2025-11-25"})",
                                         R"({"v":1,"open":true})",
                                         R"({"open":true})"};
  mcp::record_version version = mcp::no_record;
  for (const auto& row : rows) {
    CAPTURE(row);
    const auto saved = run(records_of_it.save(session_key(), row, version));
    REQUIRE((saved && saved->has_value()));
    version = **saved;
    auto& client = another();
    CHECK(answer_of(client, "a").starts_with("a"));
    CHECK(watching->faults == std::vector{errc::store_corrupt});
    CHECK(stored(session_key()) == row);
    end(client);
    watching->faults.clear();
  }
}

TEST_CASE_METHOD(kept_legacy, "a record of a later version keeps what this one does not know", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  end(first);
  std::string text = stored(session_key());
  text.insert(text.size() - 1, R"(,"mood":{"good":[1,2]})");
  auto records_of_it = records();
  const auto found = run(records_of_it.load(session_key()));
  REQUIRE(run(records_of_it.save(session_key(), text, (*found)->version)));
  peer.restart(false);
  CHECK(cost(another(), "b") == 4);
  CHECK(stored(session_key()).find(R"("mood":{"good":[1,2]})") != std::string::npos);
  CHECK(stored(session_key()).find("session-2") != std::string::npos);
}

TEST_CASE_METHOD(kept_legacy, "and so does what the server was found to speak", "[store]") {
  auto& first = another();
  answer_of(first, "a");
  REQUIRE(run(first.close(mcp::as_result)));
  const std::string key = "era/http:%2F%2F127.0.0.1:4321%2Fmcp";
  std::string text = stored(key);
  text.insert(text.size() - 1, R"(,"mood":{"good":[1,2]})");
  auto records_of_it = records();
  const auto found = run(records_of_it.load(key));
  REQUIRE(run(records_of_it.save(key, text, (*found)->version)));
  world.pass(25h);
  CHECK(cost(another(), "b") == 4);
  CHECK(stored(key).find(R"("mood":{"good":[1,2]})") != std::string::npos);
  CHECK(stored(key) != text);
}

TEST_CASE("what was under way when the session was handed over is taken up", "[store]") {
  struct streaming : kept {
    streaming() : kept({.modern = false, .event_streams = true}) {}
  } legacy;
  auto& first = legacy.another();
  legacy.answer_of(first, "warm");
  std::vector<std::string> heard;
  const auto note = [&](const mcp::server_notification& said) { heard.emplace_back(said.method); };
  const auto listening = legacy.start(first.listen(note, mcp::as_result));
  legacy.world.settle();
  legacy.peer.push(R"({"jsonrpc":"2.0","method":"notifications/one"})");
  legacy.peer.next("\"slow\"", {.how = test::delivery::way::hold, .bytes = -60});
  const auto slow = legacy.start(first.call_tool("slow", R"({"n":1})", mcp::call_options{}, mcp::as_result));
  legacy.world.settle();
  REQUIRE(legacy.run(first.hand_over(mcp::as_result)));
  legacy.world.settle();
  CHECK(code_of(*slow->outcome) == errc::client_closed);

  auto& second = legacy.another();
  const auto before = legacy.peer.requests().size();
  const auto left = legacy.run(second.unfinished(mcp::as_result));
  REQUIRE((left && left->size() == 1));
  CHECK(left->front().method == "tools/call");
  CHECK(left->front().name == "slow");
  CHECK(legacy.peer.requests().size() == before);

  SECTION("the server has it") {
    const auto again = legacy.start(second.listen(note, mcp::as_result));
    const auto answer = legacy.run(second.take_up(left->front(), {}, mcp::as_result));
    REQUIRE(answer);
    CHECK(answer->text().find("slow 1") != std::string::npos);
    CHECK(legacy.executions("slow") == 1);
    CHECK(legacy.peer.requests().size() == before + 2);
    CHECK(legacy.peer.count("\r\nLast-Event-ID: standing-") == 1);
    CHECK(legacy.run(second.unfinished(mcp::as_result))->empty());
  }
  SECTION("the server has lost it") {
    legacy.peer.restart(false);
    const auto answer = legacy.run(second.take_up(left->front(), {}, mcp::as_result));
    CHECK(code_of(answer) == errc::outcome_unknown);
    CHECK(legacy.executions("slow") == 1);
  }
  SECTION("the server has lost it, and another call was cancelled before") {
    legacy.peer.next("\"other\"", {.how = test::delivery::way::hold});
    const auto other = legacy.start(second.call_tool("other", "{}", mcp::call_options{}, mcp::as_result));
    legacy.world.settle();
    other->stop.emit(asio::cancellation_type::terminal);
    legacy.world.settle();
    legacy.peer.restart(false);
    const auto answer = legacy.run(second.take_up(left->front(), {}, mcp::as_result));
    CHECK(code_of(answer) == errc::outcome_unknown);
  }
  SECTION("another client has it by now") {
    legacy.world.pass(1h);
    legacy.answer_of(legacy.another(), "third");
    legacy.answer_of(second, "second");
    CHECK(legacy.run(second.unfinished(mcp::as_result))->empty());
  }
  SECTION("it is handed over again before it was asked for") {
    auto taken_up = second.take_up(left->front(), {}, mcp::as_result);
    REQUIRE(legacy.run(second.hand_over(mcp::as_result)));
    CHECK(legacy.run(legacy.another().unfinished(mcp::as_result))->size() == 1);
  }
  SECTION("nobody takes it up") {
    legacy.answer_of(second, "other");
    REQUIRE(legacy.run(second.hand_over(mcp::as_result)));
    CHECK(legacy.run(legacy.another().unfinished(mcp::as_result))->size() == 1);
  }
}

TEST_CASE_METHOD(kept_legacy, "the ids of requests in one session are never used twice", "[store]") {
  answer_of(another(), "a");
  for (int i = 0; i < 3; ++i) {
    world.pass(1ms);
    end(clients.back());
    answer_of(another(), "b");
    answer_of(clients.back(), "c");
  }
  std::set<std::string> ids;
  for (const auto& each : peer.requests()) {
    const auto at = each.find(R"("id":)");
    if (at != each.npos) CHECK(ids.insert(each.substr(at, each.find(',', at) - at)).second);
  }
  CHECK(ids.size() == 9);
}
