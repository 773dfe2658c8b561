// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/crypto/sha256.hpp>
#include <mcp/json/value.hpp>
#include <mcp/session/handshake.hpp>
#include <mcp/session/record.hpp>
#include <mcp/session/session_store.hpp>
#include <mcp/types/tool.hpp>

#include <asio/awaitable.hpp>

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
/// and a record becomes the session again.
class kept_session : public handshake {
 public:
  using time_point = deadline_list::time_point;

  using handshake::handshake;

  void keep_soon() noexcept override {
    if (keeping_ && has_session()) keeping_->keep_soon(shared());
  }
  void hold_lease(time_point now) noexcept override try {
    if (now >= lease_due || keeping_->is_late()) {
      keeping_->renew_lease_soon(shared());
    } else if (!active.empty() && !lease_watch.armed()) {
      deadlines->set(lease_watch, lease_due);
    }
  } catch (...) {  // memory is short: the next call sees to it
    lease_watch.clear();
  }

  result<void> restore(const session_state& saved) {
    acts_for_ = owner();
    return handshake::restore(saved);
  }

  // For `keeping`.

  /// The session as it is. Where it is `left`, with what was not finished.
  session_record describe(bool left = false) const {
    session_record out;
    out.open = has_session();
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

  /// What the server was found to speak, if that was found out since this was last asked.
  std::optional<era_verdict> take_found_out() {
    return std::exchange(found_out_, false) ? std::optional(known_) : std::nullopt;
  }
  void assume(era_verdict known) { known_ = std::move(known); }

  /// Whom the server takes the client for: whoever has other credentials is somebody else.
  std::string principal() const {
    std::string name = own_fields_.empty() ? "" : crypto::sha256(own_fields_).value().substr(0, 16);
    if (options.credentials) name.append(name.empty() ? "" : " ").append(options.credentials.principal());
    return name.empty() ? "anonymous" : name;
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
    hints.reset();
    kept_tools = {};
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

  /// Sees to the lease again then.
  void hold_until(time_point when) {
    lease_due = when;
    if (when == time_point::max()) return lease_watch.clear();
    if (!active.empty()) deadlines->set(lease_watch, when);
  }

  /// The lease has run out, as after a long sleep: others may use the session by now. While credentials are
  /// asked for, that is seen to afterwards.
  void look_again() {
    if (state == phase::authorizing) return;
    lease_due = time_point::max();
    if (state != phase::ready || session_id.empty()) return;
    looked_ = false;
    state = phase::idle;
    show(connection_state::reconnecting);
  }

  bool is_kept_by(const keeping& one) const noexcept { return keeping_.get() == &one; }

 protected:
  ~kept_session() = default;

  /// Whether nobody has looked yet at what is in the store.
  bool to_be_looked_at() const noexcept { return heals && options.store && !looked_; }

  /// Goes on with the session that is in the store for the owner of the credentials; false if there is none.
  /// Looks once for each.
  static asio::awaitable<bool> take_over(std::shared_ptr<kept_session> self) {
    for (;;) {
      self->act_for(self->owner());
      self->state = phase::opening;
      if (!self->to_be_looked_at()) co_return false;
      if (!self->keeping_) self->keeping_ = self->options.store.keep(*self);
      const auto keeper = self->keeping_;
      const bool found = co_await keeper->take_over(self);
      if (self->state == phase::closed) co_return false;
      self->looked_ = true;
      if (!self->acts_for(self->owner())) continue;  // they were replaced meanwhile
      if (found) co_return true;
      self->forget_session();
      self->state = phase::opening;
      co_return false;
    }
  }

  /// Whom the credentials of now stand for.
  std::string owner() const { return options.credentials ? options.credentials.principal() : std::string(); }
  bool acts_for(std::string_view whom) const noexcept { return acts_for_ == whom; }
  /// What was another owner's is left to them.
  void act_for(std::string whom) {
    if (acts_for(whom)) return;
    if (std::exchange(acts_for_, std::move(whom))) {
      leave_soon();
      keeping_.reset();
      looked_ = false;
      hold_until(time_point::max());
      forget_session();
      standing.restore({});
    }
  }

  /// Writes down how the session was left, if there is one, and lets others have it.
  template <class Form>
  static asio::awaitable<void> put_away(std::shared_ptr<kept_session> self,
                                        std::optional<session_record> left) {
    const auto keeper = self->keeping_;
    if (keeper) co_await keeper->put_away(self, std::move(left));
  }

  /// Lets others have the session, as it was last written down. Does not wait.
  void leave_soon() noexcept {
    if (keeping_) keeping_->leave_soon(shared());
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

  std::shared_ptr<keeping> keeping_;  // null: nobody has looked yet
  bool looked_ = false;
  std::optional<std::string> acts_for_;  // whose credentials; nothing before the first opening
};

}  // namespace mcp::inline v0::detail
