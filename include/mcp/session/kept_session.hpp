// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/crypto/sha256.hpp>
#include <mcp/json/value.hpp>
#include <mcp/session/handshake.hpp>
#include <mcp/session/keeper.hpp>
#include <mcp/session/record.hpp>
#include <mcp/types/tool.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// A handshake whose session is kept in a store, if there is one: what is in the session becomes a record,
/// and a record becomes the session again. All that touches the store runs beside the calls, but for the look
/// at it before the first one.
class kept_session : public handshake {
 public:
  using time_point = deadline_list::time_point;

  using handshake::handshake;

  void keep_soon() noexcept override {
    if (!keeper_ || state != phase::ready) return;
    keep_again_ = true;
    if (keeping_) return;
    keeping_ = true;
    try {
      asio::co_spawn(executor, keep(shared()), asio::detached);
    } catch (...) {  // memory is short
      keeping_ = false;
    }
  }

  void renew_lease_soon(time_point now) override {
    lease_due = time_point::max();
    if (now >= keeper_->lease_until()) return look_again();
    asio::co_spawn(executor, renew_lease(shared()), asio::detached);
  }

 protected:
  ~kept_session() = default;

  /// Whether nobody has looked yet at what is in the store.
  bool to_be_looked_at() const noexcept { return heals && options.store && !looked_; }

  /// Goes on with the session that is in the store; false if there is none. Looks once.
  static asio::awaitable<bool> take_over(std::shared_ptr<kept_session> self) {
    if (!self->to_be_looked_at()) co_return false;
    if (!self->keeper_) self->keeper_ = self->make_keeper();
    auto found = co_await session_keeper::take_over(self->keeper_);
    self->looked_ = true;
    if (found.fault) self->tell(*found.fault);
    if (self->state == phase::closed) co_return false;
    if (self->keeper_->owns()) self->lease_due = self->keeper_->renew_at();
    if (found.verdict) self->known_ = std::move(*found.verdict);
    co_return found.session && self->go_on_with(std::move(*found.session));
  }

  /// Writes down how the session was left, and lets others have it.
  template <class Form>
  static asio::awaitable<void> put_away(std::shared_ptr<kept_session> self, session_record left) {
    if (!self->keeper_) co_return;
    const auto kept = co_await session_keeper::keep(self->keeper_, std::move(left));
    if (!kept) self->tell(kept.error());
    co_await release(self);
  }

  /// Lets others have the session, as it was last written down. Does not wait.
  void leave_soon() noexcept try {
    if (!keeper_ || !keeper_->owns()) return;
    departure_.emplace(keeper_->about_to_leave());
    if (!keeping_) asio::co_spawn(executor, release(shared()), asio::detached);
  } catch (...) {  // memory is short: the lease runs out
    departure_.reset();
  }

  /// The session as it is. Where it is `left`, with what was not finished.
  session_record describe(bool left = false) const {
    session_record out;
    out.open = state == phase::ready;
    out.protocol_version = version;
    out.session_id = session_id;
    out.server = save().server;
    out.learned = known_.learned;
    out.standing = standing.all();
    out.unfinished = unfinished;
    out.listening_from = listening_from;
    for (const call* each : active) {
      if (!left) break;
      if (auto request = each->unfinished()) out.unfinished.push_back(std::move(*request));
      if (!each->listening_from().empty()) out.listening_from = each->listening_from();
    }
    if (kept_tools.tools.empty()) return out;
    for (const tool& each : kept_tools.tools)
      out.tools.append(out.tools.empty() ? "[" : ",").append(each.raw);
    out.tools += ']';
    out.tools_until = kept_tools.until;
    return out;
  }

  void keep_tools(kept_list list) {
    kept_tools = std::move(list);
    keep_soon();
  }

  void learned(const std::vector<tool>& tools) {
    hints.emplace();
    for (const tool& each : tools) {
      const auto said = each.annotations.value_or(tool_annotations());
      hints->insert_or_assign(each.name, tool_hints{.read_only = said.read_only_hint,
                                                    .destructive = said.destructive_hint,
                                                    .idempotent = said.idempotent_hint});
    }
  }

 private:
  std::shared_ptr<kept_session> shared() {
    return std::static_pointer_cast<kept_session>(shared_from_this());
  }

  /// Whom the server takes the client for: whoever has other credentials is somebody else.
  std::string principal() const {
    std::string name = own_fields_.empty() ? "" : crypto::sha256(own_fields_).value().substr(0, 16);
    if (options.credentials) name.append(name.empty() ? "" : " ").append(options.credentials.principal());
    return name.empty() ? "anonymous" : name;
  }

  std::shared_ptr<session_keeper> make_keeper() const {
    return std::make_shared<session_keeper>(executor, pool->deadlines().shared_from_this(), options.store,
                                            options.profile, endpoint.str(), principal());
  }

  void tell(const failure& why) const {
    if (options.observer) options.observer->store_failed(why);
  }

  bool go_on_with(session_record found) {
    const auto& fixed = options.protocol_version;
    if (!fixed.empty() && fixed != found.protocol_version) return false;
    if (const auto resumed = resume({found.protocol_version, found.session_id, found.server}); !resumed)
      return tell(resumed.error()), false;
    known_ = {found.protocol_version, found.learned};
    standing.restore(std::move(found.standing));
    unfinished = std::move(found.unfinished);
    listening_from = std::move(found.listening_from);
    taken_over = generation + 1;
    const auto tools = read_elements<tool>(json::value(found.tools), "tools");
    if (tools && deadlines->wall_clock() < found.tools_until) {
      learned(*tools);
      kept_tools = {*tools, found.tools_until};
    }
    return true;
  }

  /// The lease has run out, as after a long sleep: others may use the session by now.
  void look_again() {
    if (state != phase::ready || session_id.empty()) return;
    looked_ = false;
    state = phase::idle;
    show(connection_state::reconnecting);
  }

  static asio::awaitable<void> renew_lease(std::shared_ptr<kept_session> self) {
    const auto renewed = co_await session_keeper::renew(self->keeper_);
    if (!renewed) {
      self->tell(renewed.error());
      self->lease_due = self->keeper_->lease_until();
    } else if (*renewed) {
      self->lease_due = self->keeper_->renew_at();
    } else {
      self->look_again();
    }
  }

  static asio::awaitable<void> keep(std::shared_ptr<kept_session> self) {
    while (std::exchange(self->keep_again_, false) && self->state == phase::ready) {
      auto record = self->describe();  // before the client may be gone
      if (std::exchange(self->found_out_, false)) {
        const auto kept = co_await session_keeper::keep_era(self->keeper_, self->known_);
        if (!kept) self->tell(kept.error());
      }
      const auto kept = co_await session_keeper::keep(self->keeper_, std::move(record));
      if (!kept) self->tell(kept.error());
    }
    self->keeping_ = false;
    if (self->state == phase::closed) co_await release(self);
  }

  static asio::awaitable<void> release(std::shared_ptr<kept_session> self) {
    const auto left = co_await session_keeper::leave(self->keeper_);
    self->departure_.reset();
    if (!left) self->tell(left.error());
  }

  std::shared_ptr<session_keeper> keeper_;  // null: the session is not kept
  std::optional<departures::departure> departure_;
  bool looked_ = false;
  bool keeping_ = false;
  bool keep_again_ = false;
};

}  // namespace mcp::inline v0::detail
