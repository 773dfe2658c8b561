// SPDX-License-Identifier: MIT
// Calls in real time, as fast as they are answered; of a hundred, one meets a misfortune.
#include "loopback.hpp"
#include "misfortune.hpp"
#include "run.hpp"
#include <mcp/mcp.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <support/fake_random.hpp>
#include <support/started.hpp>
#include <vector>

using namespace std::chrono_literals;

TEST_CASE("calls in real time, with one per cent of misfortunes", "[soak]") {
  const std::chrono::seconds length(soak::is_full() ? std::atoi(std::getenv("MCP_SOAK_SECONDS")) : 2);
  test::seeded_random random(1);
  const auto fate = [&] {
    if (random.next() % 100 != 0) return soak::misfortune();
    if (random.next() % 6 == 0) return soak::misfortune{soak::moment::lost};
    return soak::misfortune::any(random);
  };
  constexpr std::size_t all = 16;  // clients, one for each era, form of answers and tool
  const int descriptors = soak::open_descriptors();
  {
    soak::server_process server;
    asio::io_context context{1};
    std::vector<soak::batch> batches;
    batches.reserve(all);
    std::vector<std::unique_ptr<mcp::client>> clients;
    const auto begin = std::chrono::steady_clock::now();
    for (const std::string version : {"2025-11-25", "2026-07-28"}) {
      for (const std::string form : {"/json", "/chunked", "/stream", "/events"}) {
        for (const auto tool : {soak::plain_tool, soak::harmless_tool}) {
          mcp::client_options options;  // but for these two, as they are
          options.protocol_version = version;
          options.recovery.replay = mcp::replay_policy::trusted_annotations;
          clients.push_back(std::make_unique<mcp::client>(context.get_executor(), server.url(form), options));
          auto& todo = batches.emplace_back();
          todo.tool = tool;
          todo.from = batches.size() - 1;
          todo.to = 1'000'000'000;
          todo.step = all;
          todo.fate = fate;
          todo.until = begin + length;
        }
      }
    }
    const std::size_t heap_fresh = soak::heap_bytes();
    for (std::size_t i = 0; i != batches.size(); ++i) soak::start(context, *clients[i], batches[i]);
    const auto done = [&] { return std::ranges::all_of(batches, &soak::batch::done); };
    // At a quarter of the time everything is there that is going to be.
    const auto warm = [&] { return std::chrono::steady_clock::now() >= begin + length / 4; };
    test::run_until(context, warm, length + 1min);
    const std::size_t heap_before = soak::heap_bytes();
    test::run_until(context, done, length + 2min);
    const std::size_t heap_after = soak::heap_bytes();

    std::uint64_t calls = 0, answered = 0, unknown = 0, run_twice = 0, sessions = 0;
    for (std::size_t i = 0; i != all; ++i) {
      const auto& each = batches[i];
      const bool plain = each.tool == soak::plain_tool;
      const auto counts = server.report(each.from, each.to, all);
      CHECK(each.complaints() == "");
      CHECK(each.answered + each.unknown == each.calls);
      CHECK(each.answered <= counts.run);
      CHECK(counts.unexpected == 0);
      if (plain) CHECK(counts.run_twice == 0);
      if (!plain) CHECK(each.unknown == 0);
      calls += each.calls, answered += each.answered, unknown += each.unknown;
      run_twice += plain ? counts.run_twice : 0;
      sessions += clients[i]->counters().sessions;
    }
    CHECK(answered > calls - calls / 50);
    // In two seconds, at a quarter of them, not everything is there.
    if (soak::is_full()) CHECK(heap_after < heap_before + (heap_before - heap_fresh) / 10);
    soak::figures line("real time, 16 clients, 1 % of misfortunes");
    line.add("seconds", length.count());
    line.add("calls", calls);
    line.add("answered", answered);
    line.add("outcome unknown", unknown);
    line.add("double executions", run_twice);
    line.add("sessions", sessions);
    line.add("p50 us", soak::quantile(batches, 0.5));
    line.add("p99 us", soak::quantile(batches, 0.99));
    line.add("heap of the clients at a quarter of the time", heap_before - heap_fresh);
    line.add("at the end", heap_after - heap_fresh);
  }
  CHECK(soak::open_descriptors() == descriptors);
}
