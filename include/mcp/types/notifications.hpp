// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/types/read.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// A notification that the server sent unasked. Views, for as long as it is looked at.
struct server_notification {
  std::string_view method;
  std::string_view params;  ///< JSON text; empty when absent
};

/// Parameters of `notifications/progress`.
struct progress_update {
  std::string token;  ///< `progressToken` as JSON text: an integer or a string
  double progress = 0;
  std::optional<double> total;
  std::string message;  ///< untrusted; empty when absent

  static result<progress_update> parse(const json::value& params) {
    progress_update out;
    json::value token;
    auto read = detail::read_members(
        params, detail::required("progressToken", token), detail::required("progress", out.progress),
        detail::optional("total", out.total), detail::optional("message", out.message));
    if (!read) return std::move(read).error();
    if (!token.is_string() && !token.integer()) return detail::unexpected("progressToken");
    out.token = token.text();
    return out;
  }
};

/// Severities of RFC 5424 §6.2.1, least severe first (schema: `LoggingLevel`).
enum class logging_level { debug, info, notice, warning, error, critical, alert, emergency };

inline constexpr std::array<std::string_view, 8> logging_level_names{
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"};

constexpr std::string_view to_string(logging_level level) noexcept {
  return logging_level_names[static_cast<std::size_t>(level)];
}

/// Parameters of `notifications/message`.
struct log_message {
  logging_level level = logging_level::info;
  std::string logger;  ///< empty when absent
  std::string data;    ///< any value, as JSON text; untrusted

  static result<log_message> parse(const json::value& params) {
    log_message out;
    std::string level;
    auto read =
        detail::read_members(params, detail::required("level", level), detail::optional("logger", out.logger),
                             detail::required("data", detail::any_text{out.data}));
    if (!read) return std::move(read).error();
    const auto& names = logging_level_names;
    const auto found = std::find(names.begin(), names.end(), level);
    if (found == names.end()) return detail::unexpected("level");
    out.level = static_cast<logging_level>(found - names.begin());
    return out;
  }
};

/// Parameters of `notifications/cancelled`.
struct cancelled_request {
  std::string request_id;  ///< JSON text: an integer or a string
  std::string reason;      ///< untrusted; empty when absent

  static result<cancelled_request> parse(const json::value& params) {
    cancelled_request out;
    json::value id;
    auto read = detail::read_members(params, detail::required("requestId", id),
                                     detail::optional("reason", out.reason));
    if (!read) return std::move(read).error();
    if (!id.is_string() && !id.integer()) return detail::unexpected("requestId");
    out.request_id = id.text();
    return out;
  }
};

}  // namespace mcp::inline v0
