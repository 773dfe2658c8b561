// SPDX-License-Identifier: MIT
#include <mcp/policy/replay.hpp>

#include <catch2/catch_test_macros.hpp>

#include <optional>
#include <string_view>

namespace {

using mcp::allows_replay;
using mcp::replay_policy;
using mcp::tool_hints;

TEST_CASE("hints count only under trusted_annotations, and contradictory ones not even there") {
  struct row {
    tool_hints hints;
    bool want;
  };
  const std::optional<bool> absent;
  const row rows[] = {
      {{absent, absent, absent}, false}, {{true, absent, absent}, true},
      {{true, false, absent}, true},     {{true, true, absent}, false},  // contradictory
      {{true, true, true}, false},                                       // contradictory
      {{true, absent, false}, true},  // idempotentHint has no meaning where nothing is written
      {{true, false, true}, true},       {{false, absent, absent}, false},
      {{false, false, absent}, false},   {{false, false, false}, false},
      {{absent, absent, true}, true},    {{false, true, true}, true},  // deleting twice deletes once
      {{false, false, true}, true},      {{absent, true, absent}, false},
      {{absent, absent, false}, false},
  };
  for (const auto& [hints, want] : rows) {
    CHECK(allows_replay(replay_policy::trusted_annotations, hints) == want);
    CHECK_FALSE(allows_replay(replay_policy::never, hints));
    CHECK(allows_replay(replay_policy::always, hints));
  }
}

TEST_CASE("methods that may be asked twice") {
  for (const std::string_view method :
       {"ping", "initialize", "server/discover", "tools/list", "prompts/list", "prompts/get",
        "resources/list", "resources/read", "resources/templates/list", "tasks/list", "tasks/get",
        "completion/complete"}) {
    INFO(method);
    CHECK(mcp::is_read(method));
  }
  for (const std::string_view method :
       {"tools/call", "", "tools/calls", "TOOLS/LIST", "logging/setLevel", "resources/subscribe",
        "tasks/cancel", "tasks/result", "notifications/cancelled", "vendor/get", "vendor/list", "list",
        "tools/list "}) {
    INFO(method);
    CHECK_FALSE(mcp::is_read(method));
  }
}

}  // namespace
