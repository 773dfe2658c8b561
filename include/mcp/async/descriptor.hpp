// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <utility>

#include <unistd.h>

namespace mcp::inline v0 {

/// Owns a file descriptor until something else does.
class unique_descriptor {
 public:
  /// -1 is none.
  explicit unique_descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  unique_descriptor(unique_descriptor&& other) noexcept : descriptor_(other.release()) {}
  unique_descriptor& operator=(unique_descriptor&&) = delete;
  ~unique_descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  int get() const noexcept { return descriptor_; }
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

}  // namespace mcp::inline v0
