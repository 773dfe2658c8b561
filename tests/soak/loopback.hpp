// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/process.hpp"
#include "misfortune.hpp"
#include "run.hpp"
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <support/fake_random.hpp>
#include <support/started.hpp>
#include <vector>

namespace soak {

/// What the server has seen so far.
struct server_counts {
  std::uint64_t run = 0, run_twice = 0;  ///< keys of the range that was asked for
  std::uint64_t requests = 0, initialized = 0, resumed = 0;
  std::uint64_t unexpected = 0;  ///< requests that make no sense
};

/// The server, in a process of its own.
class server_process {
 public:
  server_process()
      : process_({std::filesystem::read_symlink("/proc/self/exe").parent_path() / "soak_server"}) {
    port_ = process_.read_line();
    REQUIRE_FALSE(port_.empty());
  }

  std::string url(std::string_view target) const { return "http://127.0.0.1:" + port_ + std::string(target); }

  server_counts report(std::uint64_t from, std::uint64_t to, std::uint64_t step = 1) {
    process_.write_line("report " + std::to_string(from) + " " + std::to_string(to) + " " +
                        std::to_string(step));
    std::istringstream line(process_.read_line());
    server_counts found;
    line >> found.run >> found.run_twice >> found.requests >> found.initialized >> found.resumed >>
        found.unexpected;
    REQUIRE(line);
    return found;
  }

  /// Of the next `calls`, which are held until all have come, each meets the loss of all sessions.
  void lose_sessions_at(std::size_t calls) {
    process_.write_line("lose " + std::to_string(calls));
    REQUIRE(process_.read_line() == "ok");
  }

 private:
  bench::process process_;
  std::string port_;
};

/// Calls of one client, some at a time, each with a key of its own; and what came of them.
struct batch {
  std::string_view tool = plain_tool;
  std::uint64_t from = 0, to = 0, step = 1;  ///< keys
  std::size_t at_once = 1;
  std::function<misfortune()> fate = [] { return misfortune(); };
  std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();

  std::uint64_t next = 0;  ///< key
  std::size_t running = 0;
  std::uint64_t calls = 0, answered = 0, unknown = 0;
  std::map<std::string, int> others;  ///< outcomes that must not be, by what they say
  std::vector<std::uint32_t> took = std::vector<std::uint32_t>(1'000'000);  ///< calls, by microseconds

  bool done() const { return running == 0; }
  std::string complaints() const {
    std::string out;
    for (const auto& [what, count] : others) out += std::to_string(count) + " x " + what + "\n";
    return out;
  }
};

/// The time in microseconds within which this share of the calls of all batches ended.
inline std::size_t quantile(const std::vector<batch>& batches, double share) {
  std::uint64_t calls = 0;
  for (const auto& each : batches) calls += each.calls;
  auto left = static_cast<std::uint64_t>(share * static_cast<double>(calls));
  for (std::size_t time = 0;; ++time) {
    std::uint64_t here = 0;
    for (const auto& each : batches) here += each.took[time];
    if (here > left || time + 1 == batches.front().took.size()) return time;
    left -= here;
  }
}

inline asio::awaitable<void> work(mcp::client& client, batch& todo) {
  using std::chrono::steady_clock;
  while (todo.next < todo.to && steady_clock::now() < todo.until) {
    const std::uint64_t key = todo.next;
    todo.next += todo.step;
    const std::string given = arguments(key, todo.fate());
    ++todo.calls;
    const auto began = steady_clock::now();
    const auto answer = co_await client.call_tool(todo.tool, given, mcp::call_options{}, mcp::as_result);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady_clock::now() - began);
    ++todo.took[std::min(static_cast<std::size_t>(took.count()), todo.took.size() - 1)];
    if (!answer && answer.error().code() == mcp::errc::outcome_unknown) {
      ++todo.unknown;
    } else if (!answer) {
      ++todo.others[answer.error().code().message()];
    } else if (answer->text() != answer_text(key)) {
      ++todo.others["another answer"];
    } else {
      ++todo.answered;
    }
  }
  --todo.running;
}

inline void start(asio::io_context& context, mcp::client& client, batch& todo) {
  todo.next = todo.from;
  todo.running = todo.at_once;
  for (std::size_t i = 0; i != todo.at_once; ++i) asio::co_spawn(context, work(client, todo), asio::detached);
}

/// Options of a client that speaks one era, and that no number of failures makes hesitate.
inline mcp::client_options tireless(std::string_view version) {
  using namespace std::chrono_literals;
  mcp::client_options options;
  options.protocol_version = version;
  options.recovery.schedule = {.base = 1ms, .cap = 4ms};
  options.origins = std::make_shared<mcp::origin_registry>(
      std::make_shared<test::seeded_random>(1),
      mcp::retry_budget::settings{.calls_per_retry = 1, .burst = 1'000'000},
      mcp::circuit_breaker::settings{.failures = std::numeric_limits<unsigned>::max()});
  return options;
}

}  // namespace soak
