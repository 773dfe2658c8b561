// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/counting.hpp"
#include "benchmarks/floor_client.hpp"
#include "benchmarks/json_objects.hpp"
#include "benchmarks/latency.hpp"
#include "benchmarks/library_client.hpp"
#include "benchmarks/wire.hpp"
#include <mcp/recovery/with_reinitialize.hpp>

#include <asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// \file
/// What it costs that a connection heals: where nothing is broken, and where the session is lost.
namespace bench {

/// Every call within `mcp::with_reinitialize`.
class wrapped_client final : public session_client {
 public:
  using session_client::session_client;

 private:
  asio::awaitable<void> block(std::size_t calls, stopwatch* watch) override {
    const auto call = [](mcp::session& session) { return session.call_tool(tool_name, tool_arguments); };
    mcp::recovered<mcp::tool_result> answer;
    for (std::size_t i = 0; i != calls; ++i) {
      if (watch != nullptr) watch->start();
      answer = co_await mcp::with_reinitialize(handle_, call);
      check(answer.value);
      if (watch != nullptr) watch->stop();
    }
  }
};

/// The same calls by a session alone, by a client, and by a session within the wrapper.
enum healing : std::size_t { off, on, wrapped };
inline constexpr std::size_t healings = 3;

struct recovery_report {
  std::size_t blocks = 0, lossy_calls_per_block = 500, calls_per_block = 2000;
  latency plain, lossy;
  ratio lossy_to_plain;
  double requests_per_lossy_call = 0;
  std::array<latency, healings> times;
  ratio on_to_off, wrapped_to_off;
  std::array<cost, healings> counted;
};

inline std::array<std::unique_ptr<client>, healings> make_healings(const endpoint& server, bool counted,
                                                                   std::size_t warm_up) {
  const std::string target = std::string(scenarios.front().target).append(counted ? late_suffix : "");
  const std::string url = server.url(target);
  const auto time = [&] { return counted ? std::make_shared<standing_time>() : nullptr; };
  std::array<std::unique_ptr<client>, healings> clients = {
      std::make_unique<session_client>(server, url, time()),
      std::make_unique<library_client>(server, url, time()),
      std::make_unique<wrapped_client>(server, url, time())};
  for (const auto& each : clients) each->run(warm_up, nullptr);
  return clients;
}

/// The program that callgrind watches.
inline void run_recovery_blocks(const endpoint& server) {
  for (const auto& each : make_healings(server, true, 20)) {
    for (std::size_t k = 0; k != blocks_per_client; ++k)
      measured_block(*each, block_lengths[k % block_lengths.size()]);
  }
}

inline recovery_report measure_recovery(const endpoint& server, std::size_t blocks,
                                        const std::vector<std::string>& again,
                                        const std::filesystem::path& scratch) {
  recovery_report out;
  out.blocks = blocks;

  std::array<std::unique_ptr<client>, 2> pair = {
      std::make_unique<library_client>(server, server.url(scenarios.front().target)),
      std::make_unique<library_client>(server, server.url(lossy_target))};
  for (const auto& each : pair) each->run(500, nullptr);
  const auto requests = [&] { return std::stoull(fetch(server, lossy_requests_target)); };
  const auto before = requests();
  block_times lossy(pair, blocks, out.lossy_calls_per_block);
  const auto made = requests() - before;
  const auto calls = blocks * out.lossy_calls_per_block;
  require(made == 4 * calls, "a call that meets a lost session makes another number of requests than four");
  out.requests_per_lossy_call = static_cast<double>(made) / static_cast<double>(calls);
  out.plain = lossy.of(0);
  out.lossy = lossy.of(1);
  out.lossy_to_plain = lossy.compare(1, 0);

  const auto clients = make_healings(server, false, 500);
  for (std::size_t who = 0; who != healings; ++who) count_allocations(*clients[who], out.counted[who]);
  block_times times(clients, blocks, out.calls_per_block);
  for (std::size_t who = 0; who != healings; ++who) out.times[who] = times.of(who);
  out.on_to_off = times.compare(on, off);
  out.wrapped_to_off = times.compare(wrapped, off);

  const auto totals = instructions_of_blocks(again, scratch);
  require(totals.size() == healings * blocks_per_client, "callgrind counted something else");
  auto total = totals.begin();
  for (cost& each : out.counted) each.instructions = detail::per_call(total);
  return out;
}

inline void print(const recovery_report& report) {
  std::printf(
      "\nRecovery, in the same way; %zu blocks.\n"
      "  A call that meets a lost session: %.2f us at p50 (plain %.2f us), %.3f [%.3f to %.3f] times a "
      "plain\n"
      "  call (bound 4.5), with %.2f requests (refused, initialize, initialized, replay).\n",
      report.blocks, report.lossy.p50_us, report.plain.p50_us, report.lossy_to_plain.p50,
      report.lossy_to_plain.p50_lower, report.lossy_to_plain.p50_upper, report.requests_per_lossy_call);
  const auto line = [&](const char* what, std::size_t who, const ratio& to_off, const char* bound) {
    const cost &base = report.counted[off], &own = report.counted[who];
    std::printf(
        "  %s: %+.0f instructions (%+.2f %%), %+.2f mallocs (%s); %.3f [%.3f to %.3f] times the\n"
        "  time of mcp::session at p50.\n",
        what, own.instructions - base.instructions, 100 * (own.instructions / base.instructions - 1),
        own.allocations - base.allocations, bound, to_off.p50, to_off.p50_lower, to_off.p50_upper);
  };
  line("mcp::client, where nothing is lost", on, report.on_to_off, "bounds 3 %, none");
  line("mcp::with_reinitialize, where nothing is lost", wrapped, report.wrapped_to_off, "bounds 600, 2");
}

inline void to_json(const recovery_report& report, json_objects& out) {
  const auto ratios = [&](const ratio& found) {
    out.number("ratio_p50", found.p50);
    out.number("ratio_p50_lower_quartile", found.p50_lower);
    out.number("ratio_p50_upper_quartile", found.p50_upper);
    out.number("ratio_p99", found.p99);
  };
  out.begin("recovery_lost_session");
  out.number("blocks", static_cast<double>(report.blocks));
  out.number("calls_per_block", static_cast<double>(report.lossy_calls_per_block));
  out.number("requests_per_call", report.requests_per_lossy_call);
  out.number("p50_us", report.lossy.p50_us);
  out.number("p99_us", report.lossy.p99_us);
  out.number("plain_p50_us", report.plain.p50_us);
  out.number("plain_p99_us", report.plain.p99_us);
  ratios(report.lossy_to_plain);

  const auto compared = [&](std::string_view name, std::size_t who, const std::string& own,
                            const ratio& found) {
    out.begin(name);
    out.number("blocks", static_cast<double>(report.blocks));
    out.number("calls_per_block", static_cast<double>(report.calls_per_block));
    for (const auto& [prefix, index] : {std::pair{own, who}, {std::string("session_"), std::size_t{off}}}) {
      out.number(prefix + "p50_us", report.times[index].p50_us);
      out.number(prefix + "instructions_per_call", report.counted[index].instructions);
      out.number(prefix + "allocations_per_call", report.counted[index].allocations);
    }
    const cost &base = report.counted[off], &counted = report.counted[who];
    out.number("more_instructions", counted.instructions - base.instructions);
    out.number("instructions_ratio", counted.instructions / base.instructions);
    out.number("more_allocations", counted.allocations - base.allocations);
    ratios(found);
  };
  compared("recovery_on_off", on, "client_", report.on_to_off);
  compared("recovery_wrapper", wrapped, "wrapper_", report.wrapped_to_off);
}

}  // namespace bench
