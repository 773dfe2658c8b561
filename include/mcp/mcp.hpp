// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Everything that a user of the library names.

#include <mcp/base/error.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/version.hpp>
#include <mcp/client.hpp>
#include <mcp/recovery/with_reinitialize.hpp>
#include <mcp/session/session.hpp>
