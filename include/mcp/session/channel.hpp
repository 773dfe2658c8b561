// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/base/url.hpp>
#include <mcp/http/pool.hpp>
#include <mcp/session/era.hpp>
#include <mcp/session/options.hpp>

#include <asio/any_io_executor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

class call;

/// What all calls of one session share: where they go, what every request carries, and whether the
/// session is open. Everything happens on `executor`.
class channel {
 public:
  enum class phase { idle, opening, ready, closed };

  channel(asio::any_io_executor on, url to, client_options how, std::shared_ptr<http::pool> connections)
      : executor(std::move(on)),
        endpoint(std::move(to)),
        options(std::move(how)),
        pool(std::move(connections)),
        deadlines(&pool->deadlines()) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Starts to open the session, unless that is under way. However it ends, perhaps at once, the calls that
  /// wait are woken.
  virtual void open_soon() = 0;
  /// Sends a notification, or a response to the server (`method` is empty then), without anybody who waits.
  virtual void post(std::string_view method, std::string_view message) = 0;

  const asio::any_io_executor executor;
  const url endpoint;
  const client_options options;
  const std::shared_ptr<http::pool> pool;
  deadline_list* const deadlines;

  phase state = phase::idle;
  bool opens_itself = false;   ///< a call opens the session where it is not open
  std::uint64_t attempts = 0;  ///< to open it, ended so far
  failure last_failure;        ///< of the last of them

  protocol_era era = protocol_era::modern;
  std::string version;
  std::string session_id;
  std::string header_block;  ///< fields of every request
  std::string meta_members;  ///< modern: members of every request's `_meta`

  std::uint64_t next_id = 1;
  std::vector<call*> active;

 protected:
  ~channel() = default;
};

}  // namespace mcp::inline v0::detail
