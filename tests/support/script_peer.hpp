// SPDX-License-Identifier: MIT
#pragma once

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <support/scripted_network.hpp>
#include <utility>

namespace test {

/// A peer that expects exactly these bytes, on whichever connection; others fail the test at the first one
/// that differs.
class script_peer : public scripted_peer {
 public:
  using action = std::function<void(link&)>;

  /// When all of `bytes` has come, `then` decides what happens.
  void expect(std::string bytes, action then) { steps_.push_back({std::move(bytes), std::move(then)}); }
  void expect(std::string bytes, const std::string& reply) {
    expect(std::move(bytes), [reply](link& to) { to.send(reply); });
  }

  bool played_out() const noexcept { return steps_.empty(); }

  void received(link& from, std::string_view bytes) override {
    while (!bytes.empty()) {
      if (steps_.empty()) {
        FAIL_CHECK("nothing more was expected: " << bytes);
        return;
      }
      auto& [wanted, then] = steps_.front();
      const auto count = std::min(wanted.size(), bytes.size());
      if (bytes.substr(0, count) != std::string_view(wanted).substr(0, count)) {
        FAIL_CHECK("expected: " << wanted << "\ncame: " << bytes);
        return;
      }
      wanted.erase(0, count);
      bytes.remove_prefix(count);
      if (!wanted.empty()) continue;
      const action now = std::move(then);
      steps_.pop_front();
      now(from);
    }
  }

 private:
  struct step {
    std::string wanted;  // what has not come yet
    action then;
  };
  std::deque<step> steps_;
};

}  // namespace test
