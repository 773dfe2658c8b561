// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace mcp::inline v0::rpc {

/// The id of a JSON-RPC message: an integer (all of ours), a string, or none. A view into the message;
/// keep `text()` to answer later with the very id that was received.
class request_id {
 public:
  /// None: a notification, or an error response to a request whose id could not be read.
  request_id() noexcept = default;

  /// The id that `id` is; no value if it can be none (a fraction, a bool, an object, an integer over 64
  /// bits). Null and absence are "none" (JSON-RPC 2.0 §5).
  static std::optional<request_id> from(json::value id) noexcept {
    request_id out;
    if (!id.present() || id.is_null()) return out;
    out.text_ = id.text();
    out.number_ = id.integer();
    if (!out.number_ && !id.is_string()) return std::nullopt;
    return out;
  }

  bool present() const noexcept { return !text_.empty(); }
  /// JSON text, as received; empty when there is none.
  std::string_view text() const noexcept { return text_; }
  std::optional<std::int64_t> number() const noexcept { return number_; }

  friend bool operator==(const request_id& self, std::int64_t ours) noexcept { return self.number_ == ours; }

 private:
  std::string_view text_;
  std::optional<std::int64_t> number_;
};

}  // namespace mcp::inline v0::rpc
