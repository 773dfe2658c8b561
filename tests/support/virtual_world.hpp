// SPDX-License-Identifier: MIT
#pragma once

#include <asio/io_context.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <support/allocation_faults.hpp>
#include <support/virtual_time.hpp>
#include <utility>

namespace test {

/// An execution context on virtual time. It is polled, and when nothing is left to do now, time jumps to when
/// the next thing is due: a deadline of the client, or what the test has put on the agenda.
class virtual_world {
 public:
  using duration = virtual_time::duration;
  using time_point = virtual_time::time_point;

  asio::io_context context;
  std::shared_ptr<virtual_time> time = std::make_shared<virtual_time>();
  /// How often `context.poll()` threw `std::bad_alloc`; it was polled on then.
  int escaped = 0;

  virtual_world() = default;
  virtual_world(const virtual_world&) = delete;
  virtual_world& operator=(const virtual_world&) = delete;

  time_point now() const noexcept { return time->now(); }

  /// Puts something on the agenda.
  void after(duration by, std::function<void()> action) { agenda_.emplace(now() + by, std::move(action)); }

  /// Does all that can be done now.
  void settle() {
    for (;;) {
      context.restart();
      try {
        context.poll();
        return;
      } catch (const std::bad_alloc&) {
        ++escaped;
      }
    }
  }

  /// Lets time pass, and all happen that is due in it.
  void pass(duration by) {
    const time_point end = now() + by;
    for (settle(); next() <= end; settle()) jump(next());
    time->advance(end - now());
    settle();
  }

  /// Lets things happen until `done()`. False if they never lead there, or not within `most`.
  template <class Done>
  bool run(Done done, duration most = std::chrono::hours(1)) {
    const time_point end = now() + most;
    for (settle(); !done(); settle()) {
      if (next() > end) return false;
      jump(next());
    }
    return true;
  }

  /// Whether nothing is pending on the context.
  bool at_rest() {
    settle();
    return context.stopped();
  }

 private:
  time_point next() const {
    const time_point wake = time->next_wake();
    return agenda_.empty() ? wake : std::min(wake, agenda_.begin()->first);
  }

  void jump(time_point when) {
    try {
      time->advance(std::max(when, now()) - now());
    } catch (const std::bad_alloc&) {
      ++escaped;  // as out of the handler of a timer
    }
    const allocation_faults::pause test_code;
    while (!agenda_.empty() && agenda_.begin()->first <= now()) {
      const auto action = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      action();
    }
  }

  std::multimap<time_point, std::function<void()>> agenda_;
};

}  // namespace test
