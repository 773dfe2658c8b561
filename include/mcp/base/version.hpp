// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace mcp::inline v0 {

/// Version of this library (semantic versioning); the CMake package has the same number.
inline constexpr std::string_view library_version = "0.1.0";

}  // namespace mcp::inline v0
