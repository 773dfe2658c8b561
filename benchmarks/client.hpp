// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace bench {

/// How long each call took, in nanoseconds.
class stopwatch {
 public:
  void start() { started_ = std::chrono::steady_clock::now(); }
  void stop() {
    samples_.push_back(static_cast<std::uint32_t>((std::chrono::steady_clock::now() - started_).count()));
  }

  std::vector<std::uint32_t>& samples() { return samples_; }

 private:
  std::chrono::steady_clock::time_point started_;
  std::vector<std::uint32_t> samples_;
};

/// One of the contestants: calls the tool over one kept-alive connection, one call after the other, and
/// checks every answer.
class client {
 public:
  virtual ~client() = default;
  /// Throws unless all `calls` were answered as they should be. `watch` may be null: nothing is timed.
  virtual void run(std::size_t calls, stopwatch* watch) = 0;
};

inline void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

}  // namespace bench
