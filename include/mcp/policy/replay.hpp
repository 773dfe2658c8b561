// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace mcp::inline v0 {

/// When a call may run a second time, where it is not known whether the first one ran.
enum class replay_policy {
  never,                ///< it ends with `errc::outcome_unknown`
  trusted_annotations,  ///< where the tool's annotations say that it does no harm; for servers that are
                        ///< trusted
  always,               ///< the caller knows that it does no harm
};

/// The annotations of a tool that matter here (schema: `ToolAnnotations`).
struct tool_hints {
  std::optional<bool> read_only;    ///< `readOnlyHint`; absent means false
  std::optional<bool> destructive;  ///< `destructiveHint`; absent means true, where it is not read-only
  std::optional<bool> idempotent;   ///< `idempotentHint`; absent means false
};

/// Whether the policy lets a call run twice. Trusted annotations do where the tool is read-only or
/// idempotent; a tool that says it is read-only and destructive has said nothing.
constexpr bool allows_replay(replay_policy policy, const tool_hints& hints = {}) noexcept {
  if (policy != replay_policy::trusted_annotations) return policy == replay_policy::always;
  const bool read_only = hints.read_only.value_or(false);
  if (read_only && hints.destructive.value_or(false)) return false;
  return read_only || hints.idempotent.value_or(false);
}

/// Whether a request of this method changes nothing on the server that a second one would change again.
/// `tools/call` may, and so may any method that this library does not know.
constexpr bool is_read(std::string_view method) noexcept {
  if (method == "tools/call") return false;  // as most are
  constexpr std::array<std::string_view, 12> reads = {
      "ping",           "initialize",     "server/discover",
      "tools/list",     "prompts/list",   "prompts/get",
      "resources/list", "resources/read", "resources/templates/list",
      "tasks/list",     "tasks/get",      "completion/complete",
  };
  return std::ranges::find(reads, method) != reads.end();
}

}  // namespace mcp::inline v0
