// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/allocations.hpp"
#include "benchmarks/contestants.hpp"
#include "benchmarks/process.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

/// A block whose instructions or system calls a tool counts from outside, by the name of this function or
/// by the mark.
extern "C" [[gnu::noinline]] inline void measured_block(bench::client& client, std::size_t calls) {
  client.run(calls, nullptr);
}

namespace bench {

// A cost per call is the difference between two blocks that differ in length only: all that a block costs
// besides its calls cancels out. Of several such pairs the median counts: what comes with time and not with
// calls (a timer that ticks four times a second) falls into less than half of them.
inline constexpr std::array<std::size_t, 2> block_lengths = {5, 25};
inline constexpr std::size_t pairs = 9;
inline constexpr std::size_t blocks_per_client = pairs * block_lengths.size();
inline constexpr std::size_t blocks_per_case = contestant_names.size() * blocks_per_client;

struct cost {
  double instructions = 0, syscalls = 0, allocations = 0, openssl_allocations = 0;
};
using costs = std::array<per_contestant<cost>, scenarios.size()>;

/// The program that the tools watch: all blocks of all clients in all cases, one after another, against a
/// server that answers late.
inline void run_measured_blocks(const endpoint& server) {
  // A write to no file is all but nothing, and yet seen from outside.
  const auto mark = [] { return ::write(-1, "mark", 4); };
  for (const scenario& which : scenarios) {
    const auto clients = make_contestants(server, which, true, 20);
    for (const auto& each : clients) {
      for (std::size_t k = 0; k != blocks_per_client; ++k) {
        mark();
        measured_block(*each, block_lengths[k % block_lengths.size()]);
      }
    }
    mark();
  }
}

namespace detail {

inline double per_call(double shorter, double longer) {
  return (longer - shorter) / static_cast<double>(block_lengths[1] - block_lengths[0]);
}

/// What a call cost by the totals of one client's blocks, which `total` goes past.
inline double per_call(std::vector<double>::const_iterator& total) {
  std::array<double, pairs> found;
  for (double& one : found) {
    const double shorter = *total++;
    one = per_call(shorter, *total++);
  }
  std::ranges::nth_element(found, found.begin() + pairs / 2);
  return found[pairs / 2];
}

/// `totals` of all measured blocks, in order.
inline void spread(const std::vector<double>& totals, double cost::*member, costs& out, const char* tool) {
  require(totals.size() == scenarios.size() * blocks_per_case, tool);
  auto total = totals.begin();
  for (auto& clients : out) {
    for (cost& each : clients) each.*member = per_call(total);
  }
}

}  // namespace detail

/// System calls as strace sees them, `again` being the command that runs `run_measured_blocks`.
inline void count_syscalls(std::vector<std::string> again, const std::filesystem::path& scratch, costs& out) {
  const std::string log = scratch / "strace";
  again.insert(again.begin(), {"strace", "-qq", "-f", "-o", log});
  require(process(again).wait() == 0, "strace failed");
  std::vector<double> totals;
  std::size_t marks = 0;
  bool inside = false;
  std::ifstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("write(-1, \"mark\"") != line.npos) {
      inside = marks++ % (blocks_per_case + 1) != blocks_per_case;  // the last one of a case opens no block
      if (inside) totals.push_back(0);
    } else if (inside && line.find("resumed>") == line.npos) {
      ++totals.back();
    }
  }
  detail::spread(totals, &cost::syscalls, out, "strace counted something else");
}

/// Instructions in user space as callgrind counts them, of each measured block of the program that the
/// command `again` runs. (Hardware counters would need a permission that virtual machines and containers
/// seldom give, and vary from run to run.)
inline std::vector<double> instructions_of_blocks(std::vector<std::string> again,
                                                  const std::filesystem::path& scratch) {
  const std::filesystem::path folder = scratch / "callgrind";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directory(folder);
  again.insert(again.begin(),
               {"valgrind", "-q", "--tool=callgrind", "--zero-before=measured_block",
                "--dump-after=measured_block", "--callgrind-out-file=" + (folder / "out").string()});
  require(process(again).wait() == 0, "valgrind failed");
  std::vector<double> totals;
  for (std::size_t part = 1;; ++part) {
    std::ifstream lines(folder / ("out." + std::to_string(part)));
    if (!lines) break;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("summary: ")) totals.push_back(std::stod(line.substr(9)));
    }
  }
  return totals;
}

inline void count_instructions(const std::vector<std::string>& again, const std::filesystem::path& scratch,
                               costs& out) {
  detail::spread(instructions_of_blocks(again, scratch), &cost::instructions, out,
                 "callgrind counted something else");
}

/// Heap allocations of one client's calls, in this process.
inline void count_allocations(client& which, cost& out) {
  std::array<double, 2> own{}, openssl{};
  for (std::size_t k = 0; k != block_lengths.size(); ++k) {
    const auto own_before = own_allocations.value(), openssl_before = openssl_allocations.value();
    which.run(10 * block_lengths[k], nullptr);
    own[k] = static_cast<double>(own_allocations.value() - own_before) / 10;
    openssl[k] = static_cast<double>(openssl_allocations.value() - openssl_before) / 10;
  }
  out.allocations = detail::per_call(own[0], own[1]);
  out.openssl_allocations = detail::per_call(openssl[0], openssl[1]);
}

inline void count_allocations(const endpoint& server, costs& out) {
  for (std::size_t i = 0; i != scenarios.size(); ++i) {
    const auto clients = make_contestants(server, scenarios[i], false, 100);
    for (std::size_t who = 0; who != clients.size(); ++who) count_allocations(*clients[who], out[i][who]);
  }
}

}  // namespace bench
