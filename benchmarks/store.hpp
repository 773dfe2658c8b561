// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/json_objects.hpp"
#include "benchmarks/latency.hpp"
#include "benchmarks/process.hpp"
#include "benchmarks/wire.hpp"
#include <mcp/client.hpp>
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/file_store.hpp>
#include <mcp/store/memory_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// \file
/// What it costs to begin in a new process, with and without a stored session, and what a store's operations
/// cost.
namespace bench {

inline void complete(asio::io_context& context, asio::awaitable<void> work) {
  asio::co_spawn(context, std::move(work), [](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
  });
  context.restart();
  context.run();
}

/// The process that begins: one call, and a line when it is answered. Without a `directory`, without a store.
inline void run_cold_start(const endpoint& server, const std::string& directory) {
  asio::io_context context;
  mcp::client_options options;
  options.protocol_version = protocol_version;
  if (!directory.empty()) options.store = mcp::file_store(directory);
  mcp::client client{context.get_executor(), server.url(scenarios.front().target), std::move(options)};
  const auto call = [&]() -> asio::awaitable<void> {
    auto answer = co_await client.call_tool(tool_name, tool_arguments);
    require(answer.text() == tool_answer, "the library read another answer");
    std::puts(client.counters().sessions == 0 ? "taken over" : "opened");
    std::fflush(stdout);
    if (!directory.empty()) co_await client.hand_over();
  };
  complete(context, call());
}

struct store_times {
  std::string_view name;
  double load_us = 0, save_us = 0, lease_us = 0;  ///< p50
};

struct store_report {
  std::size_t starts = 0, operations = 0;
  double start_us = 0, start_stored_us = 0;  ///< p50, from the creation of the process to the answer
  std::vector<store_times> stores;
};

/// Microseconds until the new process has its answer.
inline double cold_start(const std::vector<std::string>& command, std::string_view expected) {
  const auto began = std::chrono::steady_clock::now();
  process started(command);
  require(started.read_line() == expected, "a new process began otherwise than expected");
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count();
}

inline store_times measure_store(std::string_view name, mcp::any_credential_store store,
                                 std::size_t operations) {
  asio::io_context context;
  std::array<std::vector<double>, 3> took;
  const auto work = [&]() -> asio::awaitable<void> {
    const std::string bytes(1000, 'x');
    mcp::record_version version = mcp::no_record;
    for (std::size_t i = 0; i != operations; ++i) {
      std::array<std::chrono::steady_clock::time_point, 4> at;
      at[0] = std::chrono::steady_clock::now();
      const auto saved = co_await store.save("key", bytes, version);
      at[1] = std::chrono::steady_clock::now();
      const auto loaded = co_await store.load("key");
      at[2] = std::chrono::steady_clock::now();
      const std::chrono::milliseconds time(1000);
      const auto now = std::chrono::system_clock::now();
      const auto leased = co_await store.lease("key", "me", time, now);
      at[3] = std::chrono::steady_clock::now();
      require(saved && *saved && loaded && *loaded && leased && *leased, "the store failed");
      version = **saved;
      require((*loaded)->version == version && (*loaded)->bytes.view() == bytes,
              "the store has something else");
      for (std::size_t each = 0; each != took.size(); ++each)
        took[each].push_back(std::chrono::duration<double, std::micro>(at[each + 1] - at[each]).count());
    }
  };
  complete(context, work());
  return {name, quantile(took[1], 0.5), quantile(took[0], 0.5), quantile(took[2], 0.5)};
}

inline store_report measure_stores(const std::vector<std::string>& again,
                                   const std::filesystem::path& scratch, bool quick) {
  store_report out;
  out.starts = quick ? 40 : 400;
  out.operations = quick ? 300 : 3000;
  std::vector<std::string> stored = again;
  stored.push_back(scratch / "sessions");
  cold_start(stored, "opened");
  std::vector<double> plain_us, stored_us;
  for (std::size_t i = 0; i != out.starts; ++i) {
    plain_us.push_back(cold_start(again, "opened"));
    stored_us.push_back(cold_start(stored, "taken over"));
  }
  out.start_us = quantile(plain_us, 0.5);
  out.start_stored_us = quantile(stored_us, 0.5);

  mcp::file_store_options encrypted;
  encrypted.key.emplace(std::string(32, 'k'));
  out.stores.push_back(measure_store("memory", mcp::memory_store(), out.operations));
  out.stores.push_back(measure_store("file", mcp::file_store(scratch / "plain"), out.operations));
  out.stores.push_back(measure_store(
      "file_encrypted", mcp::file_store(scratch / "encrypted", std::move(encrypted)), out.operations));
  return out;
}

inline void print(const store_report& report) {
  std::printf(
      "\nA new process, up to its first answer; %zu in turn: %.0f us without a store (3 requests), %.0f us "
      "with a\n"
      "stored session (1 request, and what the file_store costs).\n"
      "Operations of stores, records of 1000 bytes, p50 of %zu:\n",
      report.starts, report.start_us, report.start_stored_us, report.operations);
  for (const auto& each : report.stores)
    std::printf("  %-15s load %8.2f us   save %8.2f us   lease %8.2f us\n", std::string(each.name).c_str(),
                each.load_us, each.save_us, each.lease_us);
}

inline void to_json(const store_report& report, json_objects& out) {
  out.begin("cold_start");
  out.number("starts", static_cast<double>(report.starts));
  out.number("p50_us", report.start_us);
  out.number("stored_session_p50_us", report.start_stored_us);
  out.number("ratio_p50", report.start_stored_us / report.start_us);
  for (const auto& each : report.stores) {
    out.begin("store_" + std::string(each.name));
    out.number("operations", static_cast<double>(report.operations));
    out.number("load_p50_us", each.load_us);
    out.number("save_p50_us", each.save_us);
    out.number("lease_p50_us", each.lease_us);
  }
}

}  // namespace bench
