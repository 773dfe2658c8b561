// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/base/limits.hpp>
#include <mcp/http/response_parser.hpp>
#include <mcp/net/buffer_pool.hpp>
#include <mcp/net/stream.hpp>

#include <cstddef>
#include <utility>

namespace mcp::inline v0::http {

/// One connection to an origin, with the response that is being read from it.
struct connection {
  connection(net::stream connected, net::buffer_lease buffer, const limits& caps)
      : stream(std::move(connected)), in(std::move(buffer)), parser(caps) {}

  /// Whether an idle connection can carry a request.
  enum class idle_state { usable, awaiting_tail, dead };

  /// Looks at what has arrived while the connection was idle. Anything but silence, TLS housekeeping or the
  /// awaited end of the last response means that it cannot be used.
  idle_state check_idle() {
    const auto io = stream.try_read(*in);
    if (io.bytes != 0) return awaiting_tail ? digest_tail() : idle_state::dead;
    if (io.status != net::io_status::would_block) return idle_state::dead;
    return awaiting_tail ? idle_state::awaiting_tail : idle_state::usable;
  }

  /// Reads on in a response whose message has been delivered already: the end of an event stream, which
  /// servers send after the last event.
  idle_state digest_tail() {
    for (;;) {
      switch (parser.parse(in->data(), in->size(), false)) {
        case parse_status::body:
          in->discard(parser.body_end());
          parser.discard(parser.body_end());
          break;
        case parse_status::need_more: return idle_state::awaiting_tail;
        case parse_status::complete:
          if (!parser.keep_alive() || parser.raw_end() != in->size()) return idle_state::dead;
          awaiting_tail = false;
          in->clear();
          return idle_state::usable;
        case parse_status::head:
        case parse_status::failed: return idle_state::dead;
      }
    }
  }

  net::stream stream;
  net::buffer_lease in;
  response_parser parser;
  deadline_list::time_point idle_since{};  ///< while idle
  deadline_list::duration idle_for{};      ///< how long it may be idle
  std::size_t served = 0;                  ///< exchanges that it has carried
  bool awaiting_tail = false;              ///< idle, but the end of the last response has not arrived
};

}  // namespace mcp::inline v0::http
