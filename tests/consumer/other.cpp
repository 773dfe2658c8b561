// SPDX-License-Identifier: MIT
#include <mcp/mcp.hpp>

const std::error_category& category_of_other_file() { return mcp::error_category(); }
