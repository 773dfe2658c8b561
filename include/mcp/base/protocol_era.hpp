// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/config.hpp>

namespace mcp::inline v0 {

/// The two ways to speak MCP (2026-07-28, Versioning, "Terminology").
enum class protocol_era {
  modern,  ///< version, identity and capabilities in every request
  legacy,  ///< a session that an `initialize` handshake opens
};

}  // namespace mcp::inline v0
