// SPDX-License-Identifier: MIT
// Something goes wrong every minute, for a hundred hours of virtual time (four in the reduced form).
#include "run.hpp"
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <support/fake_random.hpp>
#include <support/mcp_peer.hpp>
#include <support/scripted_network.hpp>
#include <support/virtual_world.hpp>
#include <utility>
#include <vector>

using namespace std::chrono_literals;
using mcp::errc;
using way = test::delivery::way;
using admission = test::scripted_peer::admission;

namespace {

struct history final : mcp::observer {
  mcp::connection_state last = mcp::connection_state::idle;
  std::uint64_t changes = 0, illegal = 0, revision = 0;

  void state_changed(const mcp::connection_status& status) override {
    ++changes;
    illegal += status.state == last || mcp::can_follow(last, status.state) ? 0 : 1;
    illegal += status.revision == ++revision ? 0 : 1;
    last = status.state;
  }
};

/// A client that makes a call every few seconds, and a server that has a mishap every minute.
class troubled_world {
 public:
  troubled_world(test::mcp_peer::options server, std::uint64_t seed)
      : legacy_(server.legacy), random_(seed), peer_(world_, server) {
    mcp::client_options options;
    options.protocol_version = server.modern ? "2026-07-28" : "2025-11-25";
    options.time = world_.time;
    options.random = std::make_shared<test::seeded_random>(seed);
    options.observer = notes_;
    client_ =
        std::make_unique<mcp::client>(world_.context.get_executor(), "http://127.0.0.1:4321/mcp", options);
    if (legacy_) spawn(listen());
  }

  /// Has more calls under way at one time than there will ever be again, so that all memory that the client
  /// keeps for the next ones is there.
  void warm_up() {
    for (int i = 0; i < 100; ++i) {
      peer_.next(R"("method":"tools/call")", {.delay = 1s});
      spawn(call());
    }
    world_.pass(2min);
    end_hour();
  }

  void pass_hour() {
    for (int minute = 0; minute < 60; ++minute) {
      const auto begin = minute * 1min;
      for (auto when = 0s; when < 60s; when += 4s) world_.after(begin + when, [this] { spawn(call()); });
      world_.after(begin + std::chrono::milliseconds(below(60'000)), [this] { mishap(); });
    }
    world_.pass(1h);
    peer_.admitting = admission::soon;
    // The longest that a call can take, and until idle connections are closed.
    world_.pass(11min);
    end_hour();
  }

  /// All calls have ended.
  void end_hour() {
    CHECK(outcomes_.size() == calls_);
    CHECK(listening_ended_ == 0);
    check_executions();
    peer_.forget();
    outcomes_.clear();
    calls_ = 0;
  }

  /// Ends the client, and looks whether anything is left of it.
  void close() {
    spawn(end());
    CHECK(world_.run([&] { return closed_ && (!legacy_ || listening_ended_ == 1); }));
    client_.reset();
    CHECK(world_.at_rest());
    CHECK(network_.open() == 0);
  }

  const history& notes() const { return *notes_; }
  const std::map<std::string, std::uint64_t>& ended() const { return ended_; }
  std::uint64_t run_twice() const { return run_twice_; }
  std::uint64_t sessions() const { return client_->counters().sessions; }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_.next() % limit; }

  void spawn(asio::awaitable<void> what) { asio::co_spawn(world_.context, std::move(what), asio::detached); }

  asio::awaitable<void> listen() {
    const auto ended = co_await client_->listen(ignore_, mcp::as_result);
    CHECK(!ended);
    ++listening_ended_;
  }

  asio::awaitable<void> end() {
    const auto ended = co_await client_->close(mcp::as_result);
    CHECK(ended);
    closed_ = true;
  }

  asio::awaitable<void> call() {
    const std::string tool = below(2) != 0 ? "look" : "act";
    const std::string given = R"({"n":)" + std::to_string(++calls_) + "}";
    mcp::call_options how;
    if (tool == "look") how.replay = mcp::replay_policy::always;
    const auto answer = co_await client_->call_tool(tool, given, how, mcp::as_result);
    const auto code = answer ? errc() : static_cast<errc>(answer.error().code().value());
    ++ended_[answer ? "answered" : answer.error().code().message()];
    CHECK(outcomes_.emplace(tool + given, code).second);  // the only one
  }

  void mishap() {
    const std::string a_call = R"("method":"tools/call")";
    const auto bytes = static_cast<std::ptrdiff_t>(below(400)) - 200;
    const auto refuse = [&](admission how) {
      peer_.admitting = how;
      world_.after(std::chrono::milliseconds(below(50'000)), [this] { peer_.admitting = admission::soon; });
    };
    switch (below(legacy_ ? 13 : 10)) {
      case 0: return peer_.restart(true);
      case 1: return peer_.next(a_call, {.how = way::reset, .bytes = bytes});
      case 2: return peer_.next(a_call, {.how = way::cut, .bytes = bytes});
      case 3: return peer_.next(a_call, {.how = way::reset, .execute = false});
      case 4: return peer_.next(a_call, {.how = way::hold, .bytes = bytes});
      case 5: return peer_.next(a_call, {.how = way::drip, .bytes = 50, .every = 2s});
      case 6: return peer_.restart(true), refuse(admission::refused_soon);
      case 7: return peer_.restart(true), refuse(admission::never);
      case 8: return busy(a_call);
      case 9: return peer_.next(a_call, {.instead = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"});
      case 10: return peer_.restart(false);
      case 11: return peer_.restart(false), refuse(admission::refused_soon);
      case 12: return peer_.restart(false), peer_.next(R"("initialize")", {.how = way::reset});
    }
  }

  void busy(const std::string& mark) {
    const std::string reply =
        "HTTP/1.1 503 Busy\r\nRetry-After: " + std::to_string(below(20)) + "\r\nContent-Length: 0\r\n\r\n";
    for (auto times = below(10); times != 0; --times) peer_.next(mark, {.execute = false, .instead = reply});
  }

  /// What the caller was told of its call is what happened to it.
  void check_executions() {
    for (const auto& [key, code] : outcomes_) {
      const auto found = peer_.executions().find(key);
      const int times = found == peer_.executions().end() ? 0 : found->second;
      const bool plain = key.starts_with("act");
      if (plain && times > 1) ++run_twice_;
      INFO(key << ": " << times << " times, then " << make_error_code(code).message());
      if (code == errc()) CHECK((plain ? times == 1 : times >= 1));
      if (plain && code != errc() && code != errc::outcome_unknown && code != errc::deadline_exceeded)
        CHECK(times == 0);
    }
  }

  bool legacy_;
  test::seeded_random random_;
  test::virtual_world world_;
  test::mcp_peer peer_;
  test::scripted_network network_{peer_};
  std::shared_ptr<history> notes_ = std::make_shared<history>();
  struct nothing {
    void operator()(const mcp::server_notification&) const {}
  } ignore_;
  std::unique_ptr<mcp::client> client_;
  int listening_ended_ = 0;
  bool closed_ = false;
  std::uint64_t calls_ = 0, run_twice_ = 0;  // in this hour; over all
  std::map<std::string, errc> outcomes_;     // of this hour, by call
  std::map<std::string, std::uint64_t> ended_;
};

void live(const std::string& name, test::mcp_peer::options server, std::uint64_t seed) {
  INFO(name);
  const std::size_t hours = soak::either(100, 4);
  const int descriptors = soak::open_descriptors();
  std::vector<std::size_t> heap;
  {
    heap.reserve(hours);
    troubled_world world(server, seed);
    world.warm_up();
    for (std::size_t hour = 0; hour != hours; ++hour) {
      world.pass_hour();
      heap.push_back(soak::heap_bytes());
    }
    CHECK(world.notes().illegal == 0);
    CHECK(world.run_twice() == 0);
    const auto half = heap.begin() + static_cast<std::ptrdiff_t>(hours / 2);
    const std::size_t first = *std::max_element(heap.begin(), half),
                      second = *std::max_element(half, heap.end());
    CHECK(second <= first + first / 20);
    soak::figures line(std::to_string(hours) + " virtual hours, " + name);
    line.add("state changes", world.notes().changes);
    line.add("illegal", world.notes().illegal);
    line.add("run twice", world.run_twice());
    line.add("sessions", world.sessions());
    line.add("heap in the first half, at most", first);
    line.add("in the second", second);
    for (const auto& [what, count] : world.ended()) line.add(what, count);
    world.close();
  }
  CHECK(soak::open_descriptors() == descriptors);
}

}  // namespace

TEST_CASE("a mishap a minute wears nothing out", "[soak]") {
  live("2025-11-25, JSON", {.modern = false}, 1);
  live("2025-11-25, event streams", {.modern = false, .event_streams = true}, 2);
  live("2026-07-28, event streams", {.legacy = false, .event_streams = true}, 3);
}
