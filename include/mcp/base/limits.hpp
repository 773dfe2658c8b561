// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

namespace mcp::inline v0 {

/// Caps on everything that a server controls. Sizes are bytes.
///
/// Crossing one ends the exchange with the error named beside it, and its connection is dropped; the
/// client stays usable.
struct limits {
  std::size_t header_block = 64 * 1024;      ///< status line and header fields (`http_limit_exceeded`)
  std::size_t header_fields = 100;           ///< number of header or trailer fields (`http_limit_exceeded`)
  std::size_t interim_responses = 8;         ///< 1xx responses before the final one (`http_interim_flood`)
  std::size_t chunk_extensions = 16 * 1024;  ///< all chunk extensions of a body (`http_limit_exceeded`)
  std::uint64_t body =
      64 * 1024 * 1024;  ///< a whole body that is not an event stream (`http_limit_exceeded`)
  std::size_t sse_line = 16 * 1024 * 1024;   ///< one line of an event stream (`sse_limit_exceeded`)
  std::size_t sse_event = 64 * 1024 * 1024;  ///< the data of one event (`sse_limit_exceeded`)
  std::size_t sse_fields = 100'000;          ///< lines in one event (`sse_limit_exceeded`)
  std::size_t event_id = 4096;               ///< an id that is longer does not let its stream be resumed
  std::size_t json_depth = 256;              ///< nesting of a JSON text (`json_invalid`)
  std::size_t redirects = 5;                 ///< same-origin 307/308 in a row (`redirect_blocked`)
  std::size_t pages = 1000;                  ///< pages of one list (`pagination_limit`)
  std::size_t list_items = 100'000;          ///< items of one list (`pagination_limit`)
};

}  // namespace mcp::inline v0
