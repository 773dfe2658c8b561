// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// What a legacy session was told and a new one does not know: the log level (Logging) and the subscriptions
/// (Resources, "Subscriptions"). No I/O.
class standing_requests {
 public:
  struct request {
    std::string method;
    std::string params;  ///< JSON text of an object
  };

  /// Whether requests of this method are of interest at all.
  static bool concerns(std::string_view method) noexcept {
    return method == set_level || method == subscribe || method == unsubscribe;
  }

  /// The server has granted a request.
  void granted(std::string_view method, std::string_view params) {
    const auto same = [&](const request& each) {
      return method == set_level ? each.method == set_level
                                 : each.method == subscribe && uri_of(each.params) == uri_of(params);
    };
    std::erase_if(requests_, same);
    if (method != unsubscribe) requests_.push_back({std::string(method), std::string(params)});
  }

  const std::vector<request>& all() const noexcept { return requests_; }
  void restore(std::vector<request> granted) { requests_ = std::move(granted); }

 private:
  static constexpr std::string_view set_level = "logging/setLevel";
  static constexpr std::string_view subscribe = "resources/subscribe";
  static constexpr std::string_view unsubscribe = "resources/unsubscribe";

  static std::string uri_of(std::string_view params) {
    return json::find_member(json::value(params), "uri").string().value_or("");
  }

  std::vector<request> requests_;
};

}  // namespace mcp::inline v0::detail
