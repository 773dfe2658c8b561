// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/event.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/base/status.hpp>
#include <mcp/base/url.hpp>
#include <mcp/http/pool.hpp>
#include <mcp/policy/origin_health.hpp>
#include <mcp/policy/outcome.hpp>
#include <mcp/policy/replay.hpp>
#include <mcp/session/era.hpp>
#include <mcp/session/options.hpp>
#include <mcp/session/standing_requests.hpp>
#include <mcp/types/tool.hpp>

#include <asio/any_io_executor.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

class call;  // NOLINT(cppcoreguidelines-virtual-class-destructor): which is final

/// The tools, as the server lets them be kept for a while (2026-07-28, Caching).
struct kept_list {
  std::vector<tool> tools;
  std::chrono::system_clock::time_point until{};
};

/// What all calls of one session share: where they go, what every request carries, and whether the
/// session is open. Everything happens on `executor`.
class channel {
 public:
  enum class phase { idle, opening, ready, authorizing, closed };

  channel(asio::any_io_executor on, url to, client_options how, std::shared_ptr<http::pool> connections)
      : executor(std::move(on)),
        endpoint(std::move(to)),
        options(std::move(how)),
        pool(std::move(connections)),
        deadlines(&pool->deadlines()),
        health(options.origins ? options.origins->at(endpoint.origin())
                               : std::make_shared<origin_health>(options.random)) {}
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;

  /// Starts to open the session, unless that is under way. However it ends, perhaps at once, the calls that
  /// wait are woken.
  virtual void open_soon() = 0;
  /// Repairs what stood in the way of an attempt on the session, or with the credentials, of that generation,
  /// unless that was done since: a late failure never touches what is newer.
  virtual void repair_soon(repair what, std::uint64_t generation, const failure& why,
                           const evidence& seen) = 0;
  /// Reads the server's list of tools, for `hints`. However it ends, the calls that wait are woken.
  virtual void learn_tools_soon() = 0;
  /// Sends a notification, or a response to the server (`method` is empty then), without anybody who waits.
  virtual void post(std::string_view method, std::string_view message) = 0;
  /// The session is kept in a store, and what is there is not what it is any more.
  virtual void keep_soon() noexcept = 0;
  /// Sees to it that nobody else takes the session from the store while calls are under way.
  virtual void hold_lease(deadline_list::time_point now) noexcept = 0;

  /// Whether there is a session that the server may know.
  bool has_session() const noexcept { return state == phase::ready || state == phase::authorizing; }

  /// The session is gone, or another one's: with it goes what was learned from it.
  void forget_session() {
    session_id.clear();
    hints.reset();
    kept_tools = {};
    unfinished.clear();
    listening_from.clear();
    state = phase::idle;
  }

  void forget_tools() noexcept {
    hints.reset();
    ++lists_changed;
    if (!std::exchange(kept_tools, {}).tools.empty()) keep_soon();
  }

  /// An answer came: all is well.
  void show_ready() {
    if (board.state() != connection_state::ready && state == phase::ready &&
        board.set(connection_state::ready))
      status_changed();
  }
  void show(connection_state to, const failure& why) {
    if (board.set(to, why)) status_changed();
  }
  void show(connection_state to) {
    if (board.set(to)) status_changed();
  }

  const asio::any_io_executor executor;
  const url endpoint;
  const client_options options;
  const std::shared_ptr<http::pool> pool;
  deadline_list* const deadlines;
  const std::shared_ptr<origin_health> health;

  phase state = phase::idle;
  bool heals = false;                 ///< calls open the session, and survive its loss
  std::uint64_t openings_failed = 0;  ///< how often it could not be opened
  std::uint64_t generation = 0;       ///< of the session: how many were opened so far
  std::uint64_t renewals = 0;         ///< how often the credentials were replaced
  std::uint64_t renewals_tried = 0;   ///< how often others were asked for
  failure last_failure;               ///< why the last attempt to open it was given up
  status_board board;
  event changed{executor};  ///< the status has changed
  connection_counters counters;

  protocol_era era = protocol_era::modern;
  std::string version;
  std::string session_id;
  secret_text post_head;     ///< request line and fields of every POST
  secret_text get_head;      ///< the same of every GET
  std::string meta_members;  ///< modern: members of every request's `_meta`

  /// What the tools say of themselves; nothing while the list is not known.
  std::optional<std::map<std::string, tool_hints, std::less<>>> hints;
  /// The list itself, where the server lets it be kept.
  kept_list kept_tools;
  std::uint64_t lists_tried = 0;    ///< how often the list was asked for
  std::uint64_t lists_changed = 0;  ///< how often it became stale

  standing_requests standing;  ///< what a new session has to be told again

  /// When the lease on what is in the store is to be renewed; `max()`: there is none.
  deadline_list::time_point lease_due = deadline_list::time_point::max();
  /// Set for then while calls are under way.
  struct lease_alarm final : deadline {
    explicit lease_alarm(channel& of) : owner(of) {}
    void expired() noexcept override { owner.hold_lease(owner.deadlines->now()); }
    channel& owner;
  } lease_watch{*this};

  // Of a session that was taken over: what its earlier client left unfinished.
  std::vector<unfinished_call> unfinished;
  std::string listening_from;
  std::uint64_t taken_over = 0;  ///< its generation

  std::uint64_t next_id = 1;
  std::vector<call*> active;

 protected:
  ~channel() = default;

 private:
  void status_changed() {
    if (options.observer) options.observer->state_changed(board.status());
    changed.notify();
  }
};

}  // namespace mcp::inline v0::detail
