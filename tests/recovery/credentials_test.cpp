// SPDX-License-Identifier: MIT
// Clients whose credentials come from elsewhere, and change.
#include "recovery/fixture.hpp"
#include <mcp/async/event.hpp>
#include <mcp/auth/static_credentials.hpp>
#include <mcp/store/memory_store.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/this_coro.hpp>
#include <catch2/catch_test_macros.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

using mcp::connection_state;
using mcp::errc;
using namespace std::chrono_literals;
using test::code_of;

namespace {

using credentials = mcp::result<std::vector<mcp::credential>>;

template <class Fixture>
struct asked_for : Fixture {
  asked_for() {
    this->peer.token = "one";
    this->options.credentials = ask("me");
  }

  mcp::static_credentials ask(std::string account = {}) {
    return mcp::static_credentials([this] { return given(); }, std::move(account));
  }

  asio::awaitable<credentials> given() {
    ++asked;
    std::error_code ignored;
    while (hangs) co_await answers.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (out_of_memory) throw std::bad_alloc();
    if (throws) throw std::runtime_error("with the secret " + has);
    if (has.empty()) co_return std::vector<mcp::credential>();
    std::vector<mcp::credential> out;
    out.push_back(mcp::bearer(has));
    co_return out;
  }

  /// Whoever is asked and hangs goes on.
  void answer() {
    hangs = false;
    answers.notify();
    this->world.settle();
  }

  std::string has = "one";
  int asked = 0;
  bool hangs = false;
  bool throws = false;
  bool out_of_memory = false;
  mcp::event answers{this->world.context.get_executor()};
};

using asked_legacy = asked_for<test::legacy>;
using asked_modern = asked_for<test::modern>;

/// What comes of it that they are refused.
asio::awaitable<mcp::result<bool>> refused(mcp::any_request_authorizer shared) {
  mcp::evidence seen;
  seen.status = 401;
  try {
    co_return co_await shared.repair(seen);
  } catch (const std::bad_alloc&) {
  }
  co_return mcp::failure(std::make_error_code(std::errc::not_enough_memory));
}

template <bool Throws>
struct authorizer {
  asio::awaitable<mcp::result<void>> prepare();
  std::string_view fields() const noexcept(!Throws);
  std::string principal() const;
  asio::awaitable<mcp::result<bool>> repair(const mcp::evidence& refusal);
};

/// Nothing that OpenSSL has will do.
struct without_digests {
  without_digests() { EVP_set_default_properties(nullptr, "provider=none"); }
  without_digests(const without_digests&) = delete;
  without_digests& operator=(const without_digests&) = delete;
  ~without_digests() { EVP_set_default_properties(nullptr, ""); }
};

/// A memory store that hangs for as long as it is told to.
class hanging_store {
 public:
  explicit hanging_store(const bool& hangs) : hangs_(&hangs) {}

  asio::awaitable<mcp::store_result::load> load(std::string_view key) {
    const auto executor = co_await asio::this_coro::executor;
    mcp::event never(executor);
    std::error_code ignored;
    if (*hangs_) co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    co_return co_await records_.load(key);
  }
  asio::awaitable<mcp::store_result::save> save(std::string_view key, std::string_view bytes,
                                                mcp::record_version expected) {
    return records_.save(key, bytes, expected);
  }
  asio::awaitable<mcp::store_result::erase> erase(std::string_view key, mcp::record_version expected) {
    return records_.erase(key, expected);
  }

 private:
  const bool* hangs_;
  mcp::memory_store records_;
};

}  // namespace

TEST_CASE_METHOD(asked_legacy, "credentials are asked for once, and every request carries them",
                 "[credentials]") {
  REQUIRE(call("a"));
  REQUIRE(call("b"));
  REQUIRE(run(client().close(mcp::as_result)));
  CHECK(asked == 1);
  CHECK(peer.count("\r\nAuthorization: Bearer one\r\n") == peer.requests().size());
  CHECK(peer.requests().back().starts_with("DELETE "));
}

TEST_CASE_METHOD(asked_legacy, "credentials that are refused are replaced, and the session goes on",
                 "[credentials]") {
  warm_up();
  peer.token = has = "two";
  const auto before = peer.requests().size();
  const auto answer = call("a");
  REQUIRE(answer);
  CHECK(executions("a") == 1);
  CHECK(asked == 2);
  CHECK(peer.requests().size() == before + 2);
  CHECK(peer.count("\"initialize\"") == 1);
  using enum connection_state;
  CHECK(notes->states == std::vector{idle, connecting, ready, authorizing, ready});
}

TEST_CASE_METHOD(asked_modern, "many calls that are refused at once cause one renewal", "[credentials]") {
  warm_up();
  peer.token = has = "two";
  std::vector<std::shared_ptr<running<mcp::tool_result>>> calls;
  for (int i = 0; i < 100; ++i)
    calls.push_back(start(client().call_tool("a", "{}", mcp::call_options{}, mcp::as_result)));
  REQUIRE(world.run(
      [&] { return std::ranges::all_of(calls, [](auto& each) { return each->outcome.has_value(); }); }));
  for (const auto& each : calls) CHECK(each->outcome->has_value());
  CHECK(asked == 2);
}

TEST_CASE_METHOD(asked_modern, "where there are no others, the refusal stands", "[credentials]") {
  warm_up();
  peer.token = "two";
  const auto before = peer.requests().size();
  const auto refused = call("a");
  CHECK(code_of(refused) == errc::http_status);
  CHECK(refused.error().http_status() == 401);
  CHECK(peer.requests().size() == before + 1);
  CHECK(asked == 2);
  CHECK(client().status().state == connection_state::needs_authorization);
  CHECK(client().status().reason.http_status() == 401);
  has = "two";
  CHECK(call("b"));
  CHECK(client().status().state == connection_state::ready);
}

TEST_CASE_METHOD(asked_modern, "where it cannot be found out whether there are others, that is what is wrong",
                 "[credentials]") {
  warm_up();
  peer.token = has = "two";
  throws = true;
  CHECK(call("a").error().http_status() == 401);
  CHECK(client().status().state == connection_state::failed);
  CHECK(client().status().reason.code() == errc::authorizer_failed);
  throws = false;
  CHECK(call("b"));
}

TEST_CASE_METHOD(asked_modern, "others that are refused as well are not replaced again", "[credentials]") {
  warm_up();
  peer.token = "three";
  has = "two";
  const auto before = peer.requests().size();
  CHECK(call("a").error().http_status() == 401);
  CHECK(peer.requests().size() == before + 2);
  CHECK(asked == 2);
}

TEST_CASE_METHOD(asked_legacy, "credentials that are refused while a session is opened are replaced",
                 "[credentials]") {
  options.protocol_version.clear();
  has = "old";
  peer.token = "old";
  SECTION("and it is opened") {
    options.credentials = mcp::static_credentials([this]() -> asio::awaitable<credentials> {
      auto out = co_await given();
      has = peer.token = "new";  // the next time
      co_return out;
    });
    REQUIRE(call("a"));
    CHECK(asked == 2);
  }
  SECTION("if there are others") {
    peer.token = "new";
    CHECK(call("a").error().http_status() == 401);
    CHECK(asked == 2);
    CHECK(peer.requests().size() == 1);
    CHECK(client().status().state == connection_state::needs_authorization);
  }
}

TEST_CASE_METHOD(asked_modern, "without credentials nothing is sent", "[credentials]") {
  SECTION("there are none") {
    has.clear();
    CHECK(code_of(call("a")) == errc::credential_missing);
    CHECK(client().status().state == connection_state::needs_authorization);
  }
  SECTION("they cannot be sent") {
    has = "one\r\nX-Evil: 1";
    const auto refused = call("a");
    CHECK(code_of(refused) == errc::invalid_header_value);
    CHECK(refused.error().describe().find("one") == std::string::npos);
  }
  SECTION("whoever is asked throws") {
    throws = true;
    const auto refused = call("a");
    CHECK(code_of(refused) == errc::authorizer_failed);
    CHECK(refused.error().describe().find("one") == std::string::npos);
  }
  CHECK(peer.requests().empty());
  has = "one";
  throws = false;
  CHECK(call("b"));
}

TEST_CASE_METHOD(asked_modern, "whoever is asked and does not answer costs a call its deadline, and no more",
                 "[credentials]") {
  hangs = true;
  SECTION("a deadline") { CHECK(code_of(call("a", {.timeout = 3s})) == errc::deadline_exceeded); }
  SECTION("the end of the client") {
    const auto pinged = start(client().ping({}, mcp::as_result));
    world.settle();
    made.reset();
    world.settle();
    CHECK(code_of(*pinged->outcome) == errc::client_closed);
  }
  CHECK(peer.requests().empty());
}

TEST_CASE_METHOD(asked_modern, "clients that share credentials learn from each other", "[credentials]") {
  warm_up();
  options.observer = nullptr;
  mcp::client other{world.context.get_executor(), url(), options};
  REQUIRE(run(other.call_tool("b", "{}", mcp::call_options{}, mcp::as_result)));
  CHECK(asked == 1);
  peer.token = has = "two";
  REQUIRE(call("c"));
  CHECK(asked == 2);
  REQUIRE(run(other.call_tool("d", "{}", mcp::call_options{}, mcp::as_result)));
  CHECK(asked == 2);
}

TEST_CASE_METHOD(asked_modern, "clients that share credentials and are refused at once ask once",
                 "[credentials]") {
  warm_up();
  options.observer = nullptr;
  mcp::client other{world.context.get_executor(), url(), options};
  REQUIRE(run(other.call_tool("b", "{}", mcp::call_options{}, mcp::as_result)));
  peer.token = has = "two";
  hangs = true;
  const auto first = start(client().call_tool("c", "{}", mcp::call_options{}, mcp::as_result));
  const auto second = start(other.call_tool("d", "{}", mcp::call_options{}, mcp::as_result));
  world.pass(1s);
  answer();
  REQUIRE(world.run([&] { return first->outcome && second->outcome; }));
  CHECK(first->outcome->has_value());
  CHECK(second->outcome->has_value());
  CHECK(other.status().state == connection_state::ready);
  CHECK(asked == 2);
}

TEST_CASE_METHOD(asked_modern, "clients that share credentials and begin at once ask once", "[credentials]") {
  hangs = true;
  auto shared = ask();
  const auto first = start(shared.prepare());
  const auto second = start(shared.prepare());
  world.settle();
  SECTION("and get them") {
    answer();
    CHECK(first->outcome->has_value());
    CHECK(second->outcome->has_value());
  }
  SECTION("and get none") {
    has.clear();
    answer();
    CHECK(code_of(*first->outcome) == errc::credential_missing);
    CHECK(code_of(*second->outcome) == errc::credential_missing);
  }
  CHECK(asked == 1);
}

TEST_CASE_METHOD(asked_modern, "who is cancelled while credentials are asked for leaves the others waiting",
                 "[credentials]") {
  auto shared = ask();
  REQUIRE(run(shared.prepare()));
  has = "two";
  hangs = true;
  const auto starter = start(refused(shared));
  const auto patient = start(refused(shared));
  const auto waiter = start(refused(shared));
  world.settle();
  for (const auto& each : {starter, waiter}) {
    each->stop.emit(asio::cancellation_type::terminal);
    world.settle();
    REQUIRE(each->outcome);
    CHECK(code_of(*each->outcome) == errc::cancelled);
  }
  CHECK_FALSE(patient->outcome);
  answer();
  REQUIRE(patient->outcome);
  CHECK(patient->outcome->value());
  CHECK(shared.fields() == "Authorization: Bearer two\r\n");
  CHECK(asked == 2);
  CHECK(world.at_rest());
}

TEST_CASE_METHOD(asked_modern, "whatever becomes of the question, nobody waits for ever", "[credentials]") {
  const mcp::any_request_authorizer shared = ask();
  hangs = true;
  const auto first = start(refused(shared));
  const auto second = start(refused(shared));
  world.settle();
  std::error_code expected;
  SECTION("an exception") {
    throws = true;
    expected = errc::authorizer_failed;
  }
  SECTION("memory is short") {
    out_of_memory = true;
    expected = std::make_error_code(std::errc::not_enough_memory);
  }
  answer();
  for (const auto& each : {first, second}) {
    REQUIRE(each->outcome);
    CHECK(each->outcome->error().code() == expected);
  }
  throws = out_of_memory = false;
  CHECK(run(refused(shared)));
}

TEST_CASE("credentials outlive the context on which they were asked for", "[credentials]") {
  bool hangs = true;
  mcp::static_credentials held([&hangs]() -> asio::awaitable<credentials> {
    const auto executor = co_await asio::this_coro::executor;
    mcp::event never(executor);
    std::error_code ignored;
    if (hangs) co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    std::vector<mcp::credential> out;
    out.push_back(mcp::bearer("one"));
    co_return out;
  });
  for (hangs = true; held.fields().empty(); hangs = false) {
    test::virtual_world world;
    asio::co_spawn(world.context, held.prepare(), asio::detached);
    world.settle();
  }
  CHECK_FALSE(hangs);
}

TEST_CASE_METHOD(asked_modern, "whom the server takes a client for can always be said", "[credentials]") {
  auto shared = ask();
  REQUIRE(run(shared.prepare()));
  const auto principal = shared.principal();
  has = "two";
  {
    const without_digests none;
    CHECK(shared.principal() == principal);
    CHECK(code_of(run(refused(shared))) == errc::crypto_failed);
    CHECK(shared.fields() == "Authorization: Bearer one\r\n");
  }
  CHECK(run(refused(shared)));
  CHECK(shared.principal() != principal);
}

TEST_CASE("an authorizer whose fields() may throw is none", "[credentials]") {
  STATIC_REQUIRE(mcp::RequestAuthorizer<authorizer<false>>);
  STATIC_REQUIRE_FALSE(mcp::RequestAuthorizer<authorizer<true>>);
}

TEST_CASE_METHOD(asked_legacy, "the session of a named account outlives its credentials", "[credentials]") {
  options.store = mcp::memory_store();
  const auto initialized_by_next = [&](std::string account) {
    for (const std::string token : {"one", "two"}) {
      peer.token = has = token;
      options.credentials = ask(account);
      options.observer = nullptr;
      made.reset();
      world.settle();
      REQUIRE(call("a"));
      world.settle();
    }
    return peer.count("\"initialize\"");
  };
  CHECK(initialized_by_next("") == 2);
  CHECK(initialized_by_next("me") == 3);
}

TEST_CASE_METHOD(asked_modern, "credentials are found in a store", "[credentials]") {
  mcp::any_credential_store store = mcp::memory_store();
  options.credentials = mcp::stored_credentials(store, "me at work");
  CHECK(code_of(call("a")) == errc::credential_missing);
  const auto save = [&](std::string name, std::string value) {
    std::vector<mcp::credential> fields;
    fields.push_back({std::move(name), mcp::secret(value)});
    return run(mcp::save_credentials(store, "me at work", std::move(fields)));
  };
  CHECK(code_of(save("Authorization", "a\nb")) == errc::invalid_header_value);
  CHECK(code_of(save("Host", "evil")) == errc::invalid_argument);
  CHECK(save("Authorization", "Bearer one"));
  CHECK(call("b"));
  peer.token = "\\\"two\"";
  CHECK(save("Authorization", "Bearer \\\"two\""));
  CHECK(call("c"));
}

TEST_CASE_METHOD(test::modern, "a store of credentials that hangs is not waited for for long",
                 "[credentials]") {
  bool hangs = false;
  mcp::any_credential_store store = hanging_store(hangs);
  std::vector<mcp::credential> fields;
  fields.push_back(mcp::bearer("one"));
  REQUIRE(run(mcp::save_credentials(store, "me", std::move(fields))));
  hangs = true;
  const auto clock = std::make_shared<test::virtual_time>();
  options.credentials = mcp::stored_credentials(store, "me", clock);
  const auto called = start(client().ping({}, mcp::as_result));
  world.settle();
  clock->advance(4999ms);
  world.settle();
  CHECK_FALSE(called->outcome);
  clock->advance(1ms);
  world.settle();
  REQUIRE(called->outcome);
  CHECK(code_of(*called->outcome) == errc::deadline_exceeded);
  CHECK(called->outcome->error().message().find("the store") != std::string_view::npos);
  CHECK(peer.requests().empty());
  hangs = false;
  CHECK(call("a"));
}
