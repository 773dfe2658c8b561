// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/net/buffer.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace mcp::inline v0::net {

class buffer_pool;

namespace detail {

class pooled_buffer : public receive_buffer {
 private:
  friend class net::buffer_pool;
  friend struct return_to_pool;
  std::shared_ptr<buffer_pool> home_;  // set while the buffer is lent
};

struct return_to_pool {
  inline void operator()(pooled_buffer* buffer) const noexcept;
};

}  // namespace detail

/// A receive buffer on loan; goes back to its pool when it is destroyed, on whichever thread.
using buffer_lease = std::unique_ptr<detail::pooled_buffer, detail::return_to_pool>;

/// Keeps used receive buffers for the next response. Results carry their buffer away and may be
/// destroyed on another thread or after the client, so the pool is locked and shared.
class buffer_pool : public std::enable_shared_from_this<buffer_pool> {
 public:
  static std::shared_ptr<buffer_pool> make() { return std::shared_ptr<buffer_pool>(new buffer_pool); }
  buffer_pool(const buffer_pool&) = delete;
  buffer_pool& operator=(const buffer_pool&) = delete;
  ~buffer_pool() { delete hot_.load(std::memory_order_acquire); }

  buffer_lease acquire() {
    buffer_lease buffer = take();
    if (!buffer) buffer.reset(new detail::pooled_buffer);
    buffer->home_ = shared_from_this();
    return buffer;
  }

 private:
  friend struct detail::return_to_pool;

  // Larger ones served one large answer; to keep them would hold that memory for ever.
  static constexpr std::size_t largest_kept = 256 * 1024;
  static constexpr std::size_t most_kept = 64;

  buffer_pool() { free_.reserve(most_kept); }

  buffer_lease take() {
    buffer_lease buffer(hot_.exchange(nullptr, std::memory_order_acquire));
    if (buffer) return buffer;
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return {};
    buffer.reset(free_.back().release());
    free_.pop_back();
    return buffer;
  }

  void put(std::unique_ptr<detail::pooled_buffer> buffer) noexcept {
    if (buffer->capacity() > largest_kept) return;
    buffer->clear();
    detail::pooled_buffer* none = nullptr;
    if (hot_.compare_exchange_strong(none, buffer.get(), std::memory_order_release,
                                     std::memory_order_relaxed)) {
      static_cast<void>(buffer.release());
      return;
    }
    const std::lock_guard lock(mutex_);
    if (free_.size() < most_kept) free_.push_back(std::move(buffer));
  }

  // The one that a caller of one call after the other needs; the rest are behind the lock.
  std::atomic<detail::pooled_buffer*> hot_{nullptr};
  std::mutex mutex_;
  std::vector<std::unique_ptr<detail::pooled_buffer>> free_;
};

namespace detail {

inline void return_to_pool::operator()(pooled_buffer* buffer) const noexcept {
  const auto home = std::move(buffer->home_);
  std::unique_ptr<pooled_buffer> owned(buffer);
  if (home) home->put(std::move(owned));
}

}  // namespace detail
}  // namespace mcp::inline v0::net
