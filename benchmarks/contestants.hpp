// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/client.hpp"
#include "benchmarks/floor_client.hpp"
#include "benchmarks/library_client.hpp"
#include "benchmarks/naive_client.hpp"
#include "benchmarks/wire.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

enum contestant : std::size_t { library, floor, naive };
inline constexpr std::array<std::string_view, 3> contestant_names = {"library", "floor", "naive Asio"};

template <class T>
using per_contestant = std::array<T, contestant_names.size()>;

/// The three clients, connected and warm. Where a tool counts what they do, the server answers late, and time
/// stands still.
inline per_contestant<std::unique_ptr<client>> make_contestants(const endpoint& server, const scenario& which,
                                                                bool counted, std::size_t warm_up) {
  const std::string target = std::string(which.target).append(counted ? late_suffix : "");
  per_contestant<std::unique_ptr<client>> clients;
  std::shared_ptr<mcp::time_source> time = counted ? std::make_shared<standing_time>() : nullptr;
  clients[library] = std::make_unique<library_client>(server, server.url(which, target), std::move(time));
  clients[library]->run(warm_up, nullptr);
  clients[floor] = std::make_unique<floor_client>(server, which);  // repeats the library's last call
  clients[naive] = make_naive_client(server, which, target);
  clients[floor]->run(warm_up, nullptr);
  clients[naive]->run(warm_up, nullptr);
  return clients;
}

}  // namespace bench
