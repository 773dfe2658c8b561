// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/evidence.hpp>
#include <mcp/base/protocol_era.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>

namespace mcp::inline v0 {

/// One attempt that did not bring the answer: what is told of it afterwards, and all that is known of it for
/// the decision how to go on.
struct attempt {
  std::string method;    ///< of the JSON-RPC message
  std::error_code code;  ///< why it brought none
  evidence seen;
  protocol_era era = protocol_era::modern;
  std::uint64_t generation = 0;         ///< of the session that it was made on
  bool named_session = false;           ///< it carried `Mcp-Session-Id`
  bool resuming = false;                ///< it was a GET that took up the stream of an attempt before it
  std::chrono::milliseconds delay{0};   ///< waited before it
  std::chrono::microseconds elapsed{};  ///< from its start to its end
};

}  // namespace mcp::inline v0
