// SPDX-License-Identifier: MIT
#pragma once

#include "support/fake_random.hpp"
#include "support/mcp_peer.hpp"
#include "support/scripted_network.hpp"
#include "support/virtual_world.hpp"
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

using mcp::connection_state;
using namespace std::chrono_literals;

/// Notes every change of state and every attempt, and that the changes are legal.
struct diary final : mcp::observer {
  std::vector<connection_state> states{connection_state::idle};
  std::vector<std::string> attempts;
  std::size_t replaced = 0;
  std::vector<std::uint64_t> clamped;

  void state_changed(const mcp::connection_status& status) override {
    if (status.state != states.back()) {
      CHECK(mcp::can_follow(states.back(), status.state));
      states.push_back(status.state);
    }
  }
  void attempt_finished(const mcp::attempt_event& event) override {
    attempts.push_back(std::string(event.method) +
                       (event.why == nullptr ? " ok" : " " + std::string(event.next)));
  }
  void session_replaced(std::uint64_t) override { ++replaced; }
  void reconnection_clamped(std::uint64_t asked, std::chrono::milliseconds) override {
    clamped.push_back(asked);
  }
};

/// A client and a server that speaks one era, on virtual time.
struct recovery_fixture {
  explicit recovery_fixture(mcp_peer::options server) : peer(world, server) {
    options.protocol_version = server.modern ? "2026-07-28" : "2025-11-25";
    options.time = world.time;
    options.random = std::make_shared<seeded_random>(1);
    options.observer = notes;
  }

  std::string url() const { return "http://127.0.0.1:4321/mcp"; }
  mcp::client& client() {
    if (!made) made.emplace(world.context.get_executor(), url(), options);
    return *made;
  }

  template <class T>
  struct running {
    asio::cancellation_signal stop;
    std::optional<mcp::result<T>> outcome;
  };

  template <class T>
  std::shared_ptr<running<T>> start(asio::awaitable<mcp::result<T>> operation) {
    auto state = std::make_shared<running<T>>();
    asio::co_spawn(world.context, std::move(operation),
                   asio::bind_cancellation_slot(
                       state->stop.slot(), [state](const std::exception_ptr& thrown, mcp::result<T> outcome) {
                         if (thrown) std::rethrow_exception(thrown);
                         state->outcome.emplace(std::move(outcome));
                       }));
    return state;
  }

  template <class T>
  mcp::result<T> run(asio::awaitable<mcp::result<T>> operation) {
    const auto state = start(std::move(operation));
    REQUIRE(world.run([&] { return state->outcome.has_value(); }));
    return std::move(*state->outcome);
  }

  mcp::result<mcp::tool_result> call(std::string_view tool, mcp::call_options how = {}) {
    return run(client().call_tool(tool, R"({"n":1})", how, mcp::as_result));
  }
  int executions(const std::string& tool) const {
    const auto found = peer.executions().find(tool + R"({"n":1})");
    return found == peer.executions().end() ? 0 : found->second;
  }
  /// The connection is idle for long enough to be looked at before it is used again.
  void warm_up() {
    REQUIRE(call("warm"));
    world.pass(1s);
  }

  virtual_world world;
  mcp_peer peer;
  scripted_network network{peer};
  std::shared_ptr<diary> notes = std::make_shared<diary>();
  mcp::client_options options;
  std::optional<mcp::client> made;
};

struct legacy : recovery_fixture {
  legacy() : recovery_fixture({.modern = false}) {}
};
struct legacy_streams : recovery_fixture {
  legacy_streams() : recovery_fixture({.modern = false, .event_streams = true}) {}
};
struct modern : recovery_fixture {
  modern() : recovery_fixture({.legacy = false}) {}
};
struct modern_streams : recovery_fixture {
  modern_streams() : recovery_fixture({.legacy = false, .event_streams = true}) {}
};

inline mcp::errc code_of(const mcp::failure& why) { return static_cast<mcp::errc>(why.code().value()); }

template <class T>
mcp::errc code_of(const mcp::result<T>& outcome) {
  return outcome ? mcp::errc{} : code_of(outcome.error());
}

}  // namespace test
