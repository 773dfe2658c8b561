// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <cstddef>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// JSON text together with the memory it lies in, be that a copy or a buffer that something else lent.
///
/// Moving keeps the text where it is, so views into it stay valid; copying makes a copy of its own, of
/// this text only. Neither a loan nor a move allocates.
class json_text {
 public:
  json_text() noexcept = default;

  /// Copies.
  explicit json_text(std::string_view text) {
    if (text.empty()) return;
    auto* const bytes = new char[text.size()];
    text.copy(bytes, text.size());
    *this = json_text({bytes, text.size()}, bytes,
                      [](void* owner) noexcept { delete[] static_cast<char*>(owner); });
  }

  /// Adopts: `text` lies in memory that `release(owner)` gives back, called once.
  json_text(std::string_view text, void* owner, void (*release)(void*) noexcept) noexcept
      : text_(text), owner_(owner), release_(release) {}

  json_text(json_text&& other) noexcept
      : text_(std::exchange(other.text_, {})),
        owner_(other.owner_),
        release_(std::exchange(other.release_, nullptr)) {}
  json_text(const json_text& other) : json_text(other.text_) {}
  json_text& operator=(json_text other) noexcept { return swap(other), *this; }
// Of a text in a variant that holds a failure, GCC 12 thinks that it may be destroyed.
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
  ~json_text() {
    if (release_ != nullptr) release_(owner_);
  }
#pragma GCC diagnostic pop

  std::string_view text() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }

 private:
  void swap(json_text& other) noexcept {
    std::swap(text_, other.text_);
    std::swap(owner_, other.owner_);
    std::swap(release_, other.release_);
  }

  std::string_view text_;
  void* owner_ = nullptr;
  void (*release_)(void*) noexcept = nullptr;
};

}  // namespace mcp::inline v0
