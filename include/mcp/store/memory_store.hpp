// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/store/credential_store.hpp>

#include <asio/awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace mcp::inline v0 {

/// Keeps records in memory: they outlive the clients that share the store, not the process. Copies share the
/// records and may be used on several threads.
class memory_store {
 public:
  asio::awaitable<store_result::load> load(std::string_view key) { co_return shared_->load(key); }
  asio::awaitable<store_result::save> save(std::string_view key, std::string_view bytes,
                                           record_version expected) {
    co_return shared_->save(key, bytes, expected);
  }
  asio::awaitable<store_result::erase> erase(std::string_view key, record_version expected) {
    co_return shared_->erase(key, expected);
  }

 private:
  class table {
   public:
    std::optional<stored_record> load(std::string_view key) {
      const std::lock_guard lock(mutex_);
      const auto found = records_.find(key);
      if (found == records_.end()) return std::nullopt;
      return found->second;
    }

    std::optional<record_version> save(std::string_view key, std::string_view bytes,
                                       record_version expected) {
      const std::lock_guard lock(mutex_);
      if (version_of(key) != expected) return std::nullopt;
      records_.insert_or_assign(std::string(key), stored_record{secret(bytes), ++last_version_});
      return last_version_;
    }

    bool erase(std::string_view key, record_version expected) {
      const std::lock_guard lock(mutex_);
      if (expected == no_record || version_of(key) != expected) return false;
      records_.erase(records_.find(key));
      return true;
    }

   private:
    record_version version_of(std::string_view key) const {
      const auto found = records_.find(key);
      return found == records_.end() ? no_record : found->second.version;
    }

    std::mutex mutex_;
    std::map<std::string, stored_record, std::less<>> records_;
    record_version last_version_ = no_record;
  };

  std::shared_ptr<table> shared_ = std::make_shared<table>();
};

}  // namespace mcp::inline v0
