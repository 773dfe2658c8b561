// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/random.hpp>
#include <mcp/policy/circuit_breaker.hpp>
#include <mcp/policy/retry_budget.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// What all clients of one origin know together about how it fares. Belongs to one executor.
class origin_health {
 public:
  explicit origin_health(std::shared_ptr<random_source> source = nullptr,
                         const retry_budget::settings& for_budget = {},
                         const circuit_breaker::settings& for_breaker = {})
      : random_(source ? std::move(source) : std::shared_ptr<random_source>(make_random())),
        budget(for_budget),
        breaker(*random_, for_breaker) {}
  origin_health(const origin_health&) = delete;
  origin_health& operator=(const origin_health&) = delete;

  random_source& random() const noexcept { return *random_; }

 private:
  std::shared_ptr<random_source> random_;

 public:
  retry_budget budget;
  circuit_breaker breaker;
};

/// The health of every origin, for clients that share what they know: give all of them the same registry
/// (`client_options::origins`). Belongs to one executor.
class origin_registry {
 public:
  /// The settings are those of every origin that is met from then on.
  explicit origin_registry(std::shared_ptr<random_source> random = nullptr,
                           const retry_budget::settings& budget = {},
                           const circuit_breaker::settings& breaker = {})
      : random_(std::move(random)), budget_(budget), breaker_(breaker) {}

  std::shared_ptr<origin_health> at(std::string_view origin) {
    auto found = known_.find(origin);
    if (found == known_.end())
      found = known_.emplace(origin, std::make_shared<origin_health>(random_, budget_, breaker_)).first;
    return found->second;
  }

 private:
  std::shared_ptr<random_source> random_;
  retry_budget::settings budget_;
  circuit_breaker::settings breaker_;
  std::map<std::string, std::shared_ptr<origin_health>, std::less<>> known_;
};

}  // namespace mcp::inline v0
