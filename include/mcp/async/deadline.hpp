// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace mcp::inline v0 {

class deadline_list;

/// Where time comes from: the seam at which tests put virtual time.
///
/// One deadline list asks one time source for the time and for wake-ups.
class time_source {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  virtual ~time_source() = default;
  virtual time_point now() const noexcept = 0;
  /// The date, for servers that name one.
  virtual std::chrono::system_clock::time_point wall_clock() const noexcept {
    return std::chrono::system_clock::now();
  }
  /// Calls `list->tick()` once, on the list's executor, at `when` or soon after, unless the list has
  /// gone by then. A later wish of the same list replaces its earlier one.
  virtual void wake_at(std::weak_ptr<deadline_list> list, time_point when) = 0;
};

/// One deadline of something that waits; to be derived from. Leaves its list when it is destroyed.
class deadline {
 public:
  using time_point = time_source::time_point;

  deadline() noexcept = default;
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;

  inline void clear() noexcept;
  bool armed() const noexcept { return list_ != nullptr; }
  time_point when() const noexcept { return when_; }

 protected:
  ~deadline() { clear(); }

  /// Called once, off the list, when `when()` has passed. May destroy the object.
  virtual void expired() noexcept {}

 private:
  friend class deadline_list;

  deadline_list* list_ = nullptr;
  deadline* previous_ = nullptr;
  deadline* next_ = nullptr;
  bool due_ = false;  // it stands in the list's other row
  time_point when_{};
};

/// The deadlines of one client, behind one coarse timer.
///
/// To set or clear a deadline costs no timer operation: the timer is armed for the earliest deadline or
/// 250 ms from now, whichever comes first, and runs on only while there are deadlines. So an idle client
/// holds `run()` for at most 250 ms.
class deadline_list : public std::enable_shared_from_this<deadline_list> {
 public:
  using time_point = time_source::time_point;
  using duration = time_source::duration;
  static constexpr duration longest_sleep = std::chrono::milliseconds(250);

  /// Without a `source`, real time.
  static inline std::shared_ptr<deadline_list> make(const asio::any_io_executor& executor,
                                                    std::shared_ptr<time_source> source = nullptr);

  explicit deadline_list(std::shared_ptr<time_source> source) : source_(std::move(source)) {}
  deadline_list(const deadline_list&) = delete;
  deadline_list& operator=(const deadline_list&) = delete;
  ~deadline_list() {
    while (first_ != nullptr) first_->clear();
    while (due_ != nullptr) due_->clear();
  }

  time_point now() const noexcept { return source_->now(); }
  std::chrono::system_clock::time_point wall_clock() const noexcept { return source_->wall_clock(); }

  /// Sets, or moves, one deadline.
  void set(deadline& entry, time_point when) {
    entry.when_ = when;
    if (entry.list_ != this || entry.due_) {
      entry.clear();
      link(entry, false);
    }
    if (when < armed_for_) arm(std::min(when, now() + longest_sleep));
  }

  /// Expires what is due and arms the timer again if something is left. Called by the time source.
  void tick() {
    armed_for_ = time_point::max();
    const auto keep_alive = shared_from_this();
    const time_point present = now();
    for (deadline* entry = first_; entry != nullptr;) {
      deadline* const next = entry->next_;
      if (entry->when_ <= present) {
        unlink(*entry);
        link(*entry, true);
      }
      entry = next;
    }
    // The oldest first, one at a time: an expiry may set, clear or destroy any other deadline, also one of
    // these.
    while (deadline* const entry = due_) {
      unlink(*entry);
      entry->expired();
    }
    if (first_ == nullptr) return;
    time_point next = present + longest_sleep;
    for (const deadline* entry = first_; entry != nullptr; entry = entry->next_)
      next = std::min(next, entry->when_);
    arm(next);
  }

 private:
  friend class deadline;

  deadline*& row(bool due) noexcept { return due ? due_ : first_; }

  void link(deadline& entry, bool due) noexcept {
    deadline*& head = row(due);
    entry.list_ = this;
    entry.due_ = due;
    entry.previous_ = nullptr;
    entry.next_ = head;
    if (head != nullptr) head->previous_ = &entry;
    head = &entry;
  }

  void unlink(deadline& entry) noexcept {
    (entry.previous_ != nullptr ? entry.previous_->next_ : row(entry.due_)) = entry.next_;
    if (entry.next_ != nullptr) entry.next_->previous_ = entry.previous_;
    entry.list_ = nullptr;
    entry.due_ = false;
  }

  void arm(time_point when) {
    if (when >= armed_for_) return;
    source_->wake_at(weak_from_this(), when);
    armed_for_ = when;  // not if that threw: then the next one to be set tries again
  }

  std::shared_ptr<time_source> source_;
  deadline* first_ = nullptr;
  deadline* due_ = nullptr;  // those that have passed, while they are told
  time_point armed_for_ = time_point::max();
};

inline void deadline::clear() noexcept {
  if (list_ != nullptr) list_->unlink(*this);
}

/// A deadline that calls `action()`, which must not throw, when it passes.
template <class Action>
class deadline_action final : public deadline {
 public:
  deadline_action(deadline_list& list, time_point when, Action action) : action_(std::move(action)) {
    list.set(*this, when);
  }

  bool passed() const noexcept { return passed_; }

 private:
  void expired() noexcept override {
    passed_ = true;
    action_();
  }

  Action action_;
  bool passed_ = false;
};

/// Real time: `std::chrono::steady_clock` and one Asio timer, for one list.
class steady_time final : public time_source {
 public:
  explicit steady_time(const asio::any_io_executor& executor) : timer_(executor) {}

  time_point now() const noexcept override { return std::chrono::steady_clock::now(); }

  void wake_at(std::weak_ptr<deadline_list> list, time_point when) override {
    timer_.expires_at(when);
    timer_.async_wait([list = std::move(list)](const std::error_code& cancelled) {
      if (cancelled) return;
      if (const auto alive = list.lock()) alive->tick();
    });
  }

 private:
  asio::steady_timer timer_;
};

inline std::shared_ptr<deadline_list> deadline_list::make(const asio::any_io_executor& executor,
                                                          std::shared_ptr<time_source> source) {
  if (!source) source = std::make_shared<steady_time>(executor);
  return std::make_shared<deadline_list>(std::move(source));
}

}  // namespace mcp::inline v0
