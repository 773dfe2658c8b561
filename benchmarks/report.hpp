// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/counting.hpp"
#include "benchmarks/json_objects.hpp"
#include "benchmarks/latency.hpp"
#include "benchmarks/wire.hpp"

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

namespace bench {

struct case_report {
  scenario which;
  std::size_t blocks;
  std::size_t calls_per_block;
  latency_result times;
  per_contestant<cost> counted;
};

inline void print_table(const std::vector<case_report>& reports, int cpu) {
  std::printf(
      "One tool call after the other, loopback, client and server on CPU %d; %zu blocks of %zu calls each,\n"
      "the clients in turn. Ratios: median over the blocks [quartiles]. mallocs: own + OpenSSL's.\n\n",
      cpu, reports.front().blocks, reports.front().calls_per_block);
  std::printf("%-18s %-11s %7s %7s %7s %7s   %-22s %6s  %9s %13s %8s\n", "case", "client", "p50 us", "p90",
              "p99", "p99.9", "p50 / floor", "p99 /", "instr.", "mallocs", "syscalls");
  for (const case_report& report : reports) {
    for (std::size_t who = 0; who != contestant_names.size(); ++who) {
      const latency& time = report.times.clients[who];
      const cost& counted = report.counted[who];
      std::printf(
          "%-18s %-11s %7.2f %7.2f %7.2f %7.2f   ", who == 0 ? std::string(report.which.name).c_str() : "",
          std::string(contestant_names[who]).c_str(), time.p50_us, time.p90_us, time.p99_us, time.p999_us);
      if (who == floor) {
        std::printf("%-22s %6s", "", "");
      } else {
        const ratio& to_floor = who == library ? report.times.to_floor : report.times.naive_to_floor;
        std::printf("%5.3f [%5.3f to %5.3f] %6.3f", to_floor.p50, to_floor.p50_lower, to_floor.p50_upper,
                    to_floor.p99);
      }
      std::printf("  %9.0f %6.2f + %4.2f %8.2f\n", counted.instructions, counted.allocations,
                  counted.openssl_allocations, counted.syscalls);
    }
  }

  std::printf("\nWhere the library loses:\n");
  for (const case_report& report : reports) {
    const double floor_loss = 100 * (report.times.to_floor.p50 - 1);
    const double naive_loss = 100 * (report.times.to_naive.p50 - 1);
    std::printf("  %-18s %+.1f %% to the floor, ", std::string(report.which.name).c_str(), floor_loss);
    if (naive_loss > 0) {
      std::printf("%+.1f %% to the naive client\n", naive_loss);
    } else {
      std::printf("not to the naive client (%+.1f %%)\n", naive_loss);
    }
  }
}

inline void to_json(const std::vector<case_report>& reports, json_objects& out) {
  for (const case_report& report : reports) {
    out.begin(report.which.name);
    out.number("header_fields", report.which.header_fields);
    out.number("blocks", static_cast<double>(report.blocks));
    out.number("calls_per_block", static_cast<double>(report.calls_per_block));
    const per_contestant<std::string> prefixes = {"", "floor_", "naive_asio_"};
    for (std::size_t who = 0; who != prefixes.size(); ++who) {
      const latency& time = report.times.clients[who];
      out.number(prefixes[who] + "p50_us", time.p50_us);
      out.number(prefixes[who] + "p90_us", time.p90_us);
      out.number(prefixes[who] + "p99_us", time.p99_us);
      out.number(prefixes[who] + "p999_us", time.p999_us);
      const cost& counted = report.counted[who];
      out.number(prefixes[who] + "instructions_per_call", counted.instructions);
      out.number(prefixes[who] + "allocations_per_call", counted.allocations);
      out.number(prefixes[who] + "openssl_allocations_per_call", counted.openssl_allocations);
      out.number(prefixes[who] + "syscalls_per_call", counted.syscalls);
    }
    out.number("ratio_p50", report.times.to_floor.p50);
    out.number("ratio_p50_lower_quartile", report.times.to_floor.p50_lower);
    out.number("ratio_p50_upper_quartile", report.times.to_floor.p50_upper);
    out.number("ratio_p99", report.times.to_floor.p99);
    out.number("ratio_p50_naive_asio", report.times.to_naive.p50);
    out.number("ratio_p99_naive_asio", report.times.to_naive.p99);
  }
}

}  // namespace bench
