// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/contestants.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// The value below which this share of `values` lies. Reorders them.
template <class T>
T quantile(std::vector<T>& values, double share) {
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(rank), values.end());
  return values[rank];
}

struct latency {
  double p50_us = 0, p90_us = 0, p99_us = 0, p999_us = 0;  ///< over all calls
};

/// One client's time over another's, block by block.
struct ratio {
  double p50 = 0;                       ///< median of the ratios of the blocks' medians
  double p50_lower = 0, p50_upper = 0;  ///< their quartiles
  double p99 = 0;                       ///< the same for the blocks' p99
};

struct latency_result {
  per_contestant<latency> clients;
  ratio to_floor;
  ratio to_naive;
  ratio naive_to_floor;
};

/// Lets the clients call in turn, block after block, so that whatever disturbs the machine disturbs all.
inline latency_result measure_latency(const endpoint& server, const scenario& which, std::size_t blocks,
                                      std::size_t calls_per_block) {
  const auto clients = make_contestants(server, which, false, 500);
  per_contestant<std::vector<std::uint32_t>> all;
  per_contestant<std::vector<double>> block_p50, block_p99;
  for (std::size_t block = 0; block != blocks; ++block) {
    for (std::size_t turn = 0; turn != clients.size(); ++turn) {
      const std::size_t who = (block + turn) % clients.size();
      stopwatch watch;
      watch.samples().reserve(calls_per_block);
      clients[who]->run(calls_per_block, &watch);
      all[who].insert(all[who].end(), watch.samples().begin(), watch.samples().end());
      block_p50[who].push_back(quantile(watch.samples(), 0.5));
      block_p99[who].push_back(quantile(watch.samples(), 0.99));
    }
  }

  const auto compare = [&](contestant one, contestant other) {
    std::vector<double> p50, p99;
    for (std::size_t block = 0; block != blocks; ++block) {
      p50.push_back(block_p50[one][block] / block_p50[other][block]);
      p99.push_back(block_p99[one][block] / block_p99[other][block]);
    }
    return ratio{quantile(p50, 0.5), quantile(p50, 0.25), quantile(p50, 0.75), quantile(p99, 0.5)};
  };
  latency_result result;
  for (std::size_t who = 0; who != clients.size(); ++who) {
    const auto us = [&](double share) { return quantile(all[who], share) / 1000.0; };
    result.clients[who] = {us(0.5), us(0.9), us(0.99), us(0.999)};
  }
  result.to_floor = compare(library, floor);
  result.to_naive = compare(library, naive);
  result.naive_to_floor = compare(naive, floor);
  return result;
}

}  // namespace bench
