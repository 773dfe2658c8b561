// SPDX-License-Identifier: MIT
// Nobody answers for ten minutes, under a thousand calls a minute (a hundred in the reduced form).
#include "run.hpp"
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <support/fake_random.hpp>
#include <support/interposed_network.hpp>
#include <support/mcp_peer.hpp>
#include <support/scripted_network.hpp>
#include <support/virtual_world.hpp>

using namespace std::chrono_literals;

namespace {

struct outage {
  std::string name;
  bool modern;
  test::scripted_peer::admission admitting = test::scripted_peer::admission::soon;
  std::string reply{};  ///< to whatever gets through
};

void suffer(const outage& what) {
  using time_point = test::virtual_world::time_point;
  test::virtual_world world;
  test::mcp_peer peer(world, {.modern = what.modern, .legacy = !what.modern});
  test::scripted_network network(peer);
  mcp::client_options options;
  options.protocol_version = what.modern ? "2026-07-28" : "2025-11-25";
  options.time = world.time;
  options.random = std::make_shared<test::seeded_random>(1);
  mcp::client client(world.context.get_executor(), "http://127.0.0.1:4321/mcp", options);
  std::size_t calls = 0, answered = 0, ended = 0;
  std::optional<time_point> first_success;
  const auto call = [&]() -> asio::awaitable<void> {
    const std::string given = R"({"n":)" + std::to_string(++calls) + "}";
    const auto answer = co_await client.call_tool("act", given, mcp::call_options{}, mcp::as_result);
    ++ended;
    answered += answer ? 1 : 0;
    if (answer && !first_success) first_success = world.now();
  };
  const auto one = [&] { asio::co_spawn(world.context, call, asio::detached); };
  one();
  REQUIRE(world.run([&] { return answered == 1; }));
  world.pass(1s);

  peer.restart(true);
  peer.admitting = what.admitting;
  peer.reply_to_all = what.reply;
  const auto sockets = static_cast<std::size_t>(network.opened());
  const std::size_t requests = peer.requests().size(), before = calls;
  answered = 0;
  first_success.reset();
  const auto every = soak::either(60, 600) * 1ms;
  for (auto when = 0ms; when < 12min; when += every) world.after(when, one);
  world.pass(10min);
  const std::size_t attempts =
      std::max(static_cast<std::size_t>(network.opened()) - sockets, peer.requests().size() - requests);
  const std::size_t calls_meanwhile = calls - before;
  CHECK(calls_meanwhile >= 10min / every);
  CHECK(answered == 0);
  CHECK(attempts <= calls_meanwhile * 12 / 10 + 10);

  peer.admitting = test::scripted_peer::admission::soon;
  peer.reply_to_all.clear();
  const auto back = world.now();
  world.pass(5min);
  REQUIRE(first_success);
  CHECK(*first_success - back <= 30s);
  CHECK(ended == calls);
  CHECK(std::ranges::all_of(peer.executions(), [](const auto& each) { return each.second == 1; }));
  using seconds = std::chrono::duration<double>;
  soak::figures line("outage of 10 virtual minutes, " + what.name);
  line.add("calls", calls_meanwhile);
  line.add("attempts", attempts);
  line.add("seconds to the first answer", seconds(*first_success - back).count());
  line.add("calls ended", ended);
}

}  // namespace

TEST_CASE("an outage costs few attempts, and is over soon after its end", "[soak]") {
  using enum test::scripted_peer::admission;
  const std::string bad_gateway = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
  const std::string busy = "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n";
  for (const outage& what : {outage{"connections refused, 2026-07-28", true, refused_soon},
                             {"connections refused, 2025-11-25", false, refused_soon},
                             {"connections unanswered", true, never},
                             {"502 from a gateway", false, soon, bad_gateway},
                             {"503 with Retry-After", true, soon, busy}}) {
    INFO(what.name);
    suffer(what);
  }
}
