// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

namespace test {

/// Counts the heap allocations of this thread while it is armed, and makes one of them fail: `operator new`
/// in all its forms, and `aligned_alloc`, which Asio calls. Needs `interposed_allocation.hpp` in the program.
class allocation_faults {
 public:
  /// Counts from now on; the `nth` allocation (from 1) fails, none if it is 0. `on_each` is called in the
  /// middle of every allocation.
  static void arm(std::size_t nth = 0, std::function<void()> on_each = {}) {
    on_each_ = std::move(on_each);
    count_ = 0;
    nth_ = nth;
    armed_ = true;
  }
  /// How many allocations there were since `arm()`.
  static std::size_t disarm() noexcept {
    armed_ = false;
    return count_;
  }
  static std::size_t count() noexcept { return count_; }

  /// Whether the allocation that is asked for now is the one to fail.
  static bool fails() noexcept {
    if (!armed_ || paused_ != 0) return false;
    if (on_each_) {
      const pause test_code;
      on_each_();
    }
    return ++count_ == nth_;
  }

  /// What is allocated in this scope belongs to the test, and is not counted.
  class pause {
   public:
    pause() noexcept { ++paused_; }
    pause(const pause&) = delete;
    pause& operator=(const pause&) = delete;
    ~pause() { --paused_; }
  };

 private:
  static inline thread_local std::size_t count_ = 0;
  static inline thread_local std::size_t nth_ = 0;
  static inline thread_local std::function<void()> on_each_;
  static inline thread_local bool armed_ = false;
  static inline thread_local int paused_ = 0;
};

}  // namespace test
