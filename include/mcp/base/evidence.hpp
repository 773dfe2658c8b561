// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

namespace mcp::inline v0 {

/// What is known for certain about one HTTP exchange: whether the server can have acted on the request
/// is decided from this and from nothing else.
struct evidence {
  std::uint64_t bytes_written = 0;  ///< of the request, handed to the kernel (plaintext when TLS)
  std::uint64_t bytes_read = 0;     ///< of the response, head and body
  int status = 0;                   ///< of the final response; 0 before its head was complete
  bool connection_reused = false;   ///< the connection had served another exchange before
  bool request_complete = false;    ///< every byte of the request was written
  bool response_complete = false;   ///< the message that was waited for arrived whole
  /// The answer is a JSON-RPC error that carries this request's own id. False where the id is null, absent or
  /// another, as when a server refuses before it reads the request, and where there is no JSON-RPC error.
  bool error_has_own_id = false;
  std::string last_event_id;     ///< of the response's event stream; empty when none was seen
  std::string retry_after;       ///< field value of a response that is no success; may be empty
  std::string www_authenticate;  ///< likewise; several fields joined by ", "

  /// Back to nothing, without giving up the strings' memory.
  void clear() noexcept {
    bytes_written = bytes_read = 0;
    status = 0;
    connection_reused = request_complete = response_complete = error_has_own_id = false;
    last_event_id.clear();
    retry_after.clear();
    www_authenticate.clear();
  }
};

}  // namespace mcp::inline v0
