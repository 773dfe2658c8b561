// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/contestants.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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
template <std::size_t Clients>
class block_times {
 public:
  block_times(const std::array<std::unique_ptr<client>, Clients>& clients, std::size_t blocks,
              std::size_t calls_per_block) {
    for (std::size_t block = 0; block != blocks; ++block) {
      for (std::size_t turn = 0; turn != clients.size(); ++turn) {
        const std::size_t who = (block + turn) % clients.size();
        stopwatch watch;
        watch.samples().reserve(calls_per_block);
        clients[who]->run(calls_per_block, &watch);
        all_[who].insert(all_[who].end(), watch.samples().begin(), watch.samples().end());
        p50_[who].push_back(quantile(watch.samples(), 0.5));
        p99_[who].push_back(quantile(watch.samples(), 0.99));
      }
    }
  }

  latency of(std::size_t who) {
    const auto us = [&](double share) { return quantile(all_[who], share) / 1000.0; };
    return {us(0.5), us(0.9), us(0.99), us(0.999)};
  }
  ratio compare(std::size_t one, std::size_t other) const {
    std::vector<double> p50, p99;
    for (std::size_t block = 0; block != p50_[one].size(); ++block) {
      p50.push_back(p50_[one][block] / p50_[other][block]);
      p99.push_back(p99_[one][block] / p99_[other][block]);
    }
    return {quantile(p50, 0.5), quantile(p50, 0.25), quantile(p50, 0.75), quantile(p99, 0.5)};
  }

 private:
  std::array<std::vector<std::uint32_t>, Clients> all_;
  std::array<std::vector<double>, Clients> p50_, p99_;  // by block
};

inline latency_result measure_latency(const endpoint& server, const scenario& which, std::size_t blocks,
                                      std::size_t calls_per_block) {
  block_times times(make_contestants(server, which, false, 500), blocks, calls_per_block);
  latency_result result;
  for (std::size_t who = 0; who != result.clients.size(); ++who) result.clients[who] = times.of(who);
  result.to_floor = times.compare(library, floor);
  result.to_naive = times.compare(library, naive);
  result.naive_to_floor = times.compare(naive, floor);
  return result;
}

}  // namespace bench
