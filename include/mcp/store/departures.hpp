// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0::detail {

/// Which leases are about to be given back by those who share the handle of a store. A client that is made in
/// the place of another one waits that little while for its session. For any thread.
class departures {
  struct shared {
    std::mutex mutex;
    std::multiset<std::string, std::less<>> keys;
  };

 public:
  /// From its construction until it is destroyed, somebody is about to give back a lease.
  class departure {
   public:
    departure(const departures& from, std::string_view key) : from_(from.shared_), key_(key) {
      const std::lock_guard lock(from_->mutex);
      from_->keys.insert(key_);
    }
    departure(departure&&) noexcept = default;
    departure& operator=(departure&&) = delete;
    ~departure() {
      if (!from_) return;
      const std::lock_guard lock(from_->mutex);
      from_->keys.erase(from_->keys.find(key_));
    }

   private:
    std::shared_ptr<shared> from_;
    std::string key_;
  };

  bool expected(std::string_view key) const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->keys.contains(key);
  }

 private:
  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

}  // namespace mcp::inline v0::detail
