// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace test {

/// Time that passes only when a test says so. For one deadline list.
class virtual_time final : public mcp::time_source {
 public:
  time_point now() const noexcept override { return now_; }
  std::chrono::system_clock::time_point wall_clock() const noexcept override {
    using namespace std::chrono_literals;
    return std::chrono::system_clock::time_point(now_.time_since_epoch()) + 500'000h + asleep;  // 2027
  }

  void wake_at(std::weak_ptr<mcp::deadline_list> list, time_point when) override {
    list_ = std::move(list);
    wake_at_ = when;
    ++wishes;
  }

  /// Lets time pass, and deadlines expire in it.
  void advance(duration by) {
    const time_point end = now_ + by;
    while (wake_at_ <= end) {
      now_ = std::max(now_, std::exchange(wake_at_, time_point::max()));
      if (const auto list = list_.lock()) list->tick();
    }
    now_ = end;
  }

  /// When the list wants to be woken next; `time_point::max()` when it has nothing to wait for.
  time_point next_wake() const noexcept { return wake_at_; }

  int wishes = 0;     ///< how often the list asked to be woken
  duration asleep{};  ///< the time that passed while the machine was: only the date has seen it

 private:
  time_point now_{std::chrono::hours(1)};
  std::weak_ptr<mcp::deadline_list> list_;
  time_point wake_at_ = time_point::max();
};

}  // namespace test
