// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/event.hpp>
#include <mcp/session/keeper.hpp>
#include <mcp/session/kept_session.hpp>
#include <mcp/session/record.hpp>
#include <mcp/session/session_store.hpp>
#include <mcp/store/key.hpp>

#include <asio/awaitable.hpp>
#include <asio/cancellation_state.hpp>
#include <asio/cancellation_type.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace mcp::inline v0::detail {

/// When a session is read from its store, and written there. All of it runs beside the calls, but for the
/// look at what is there before the first one. One thing at a time is written: what is newer never meets what
/// is older.
template <class Store>
class kept_in final : public keeping, public std::enable_shared_from_this<kept_in<Store>> {
 public:
  using time_point = deadline_list::time_point;

  kept_in(any_credential_store store, const kept_session& session)
      : keeper_(session.executor, session.pool->deadlines().shared_from_this(), std::move(store),
                session.options.profile, resource_name(session.endpoint).value(), session.principal()),
        ended_(session.executor) {}

  asio::awaitable<bool> take_over(std::shared_ptr<kept_session> session) override {
    std::error_code ignored;
    while (writing_)  // of the session that was lost
      co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    typename session_keeper<Store>::legacy_of found;
    looking_ = true;
    try {
      found = co_await keeper_.take_over();
      if (session->state == channel::phase::closed) co_await release(session);
    } catch (...) {  // memory is short
      looking_ = false;
      ended_.notify();
      throw;
    }
    looking_ = false;
    ended_.notify();
    if (found.fault) session->tell(*found.fault);
    if (session->state == channel::phase::closed) co_return false;
    session->hold_until(keeper_.owns() ? keeper_.renew_at() : time_point::max());
    if (found.verdict) session->assume(std::move(*found.verdict));
    co_return found.session && session->go_on_with(std::move(*found.session));
  }

  void keep_soon(std::shared_ptr<kept_session> session) noexcept override {
    again_ = true;
    if (writing_) return;
    writing_ = true;
    try {
      asio::co_spawn(session->executor, keep(this->shared_from_this(), session), asio::detached);
    } catch (...) {  // memory is short: the next change is written down
      writing_ = false;
    }
  }

  bool is_late() const override { return keeper_.is_late(); }

  void renew_lease_soon(std::shared_ptr<kept_session> session) noexcept override try {
    if (is_late() && !session->session_id.empty()) return session->look_again();
    session->hold_until(is_late() ? keeper_.retry_at() : keeper_.lease_until());
    asio::co_spawn(session->executor, renew_lease(this->shared_from_this(), session), asio::detached);
  } catch (...) {  // memory is short, or an observer threw: it runs out
  }

  asio::awaitable<void> put_away(std::shared_ptr<kept_session> session,
                                 std::optional<session_record> left) override {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    const auto goes_on = [&] { return cancellation.cancelled() == asio::cancellation_type::none; };
    std::error_code ignored;
    while ((writing_ || looking_) && goes_on())
      co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (left && goes_on()) {
      const auto kept = co_await keeper_.keep(std::move(*left));
      if (!kept) session->tell(kept.error());
    }
    if (!goes_on()) co_return leave_soon(session);
    co_await release(session);
  }

  void leave_soon(std::shared_ptr<kept_session> session) noexcept override try {
    if (!keeper_.may_own()) return;
    departure_.emplace(keeper_.about_to_leave());
    if (!writing_ && !looking_)
      asio::co_spawn(session->executor, leave(this->shared_from_this(), session), asio::detached);
  } catch (...) {  // memory is short: the lease runs out
    departure_.reset();
  }

 private:
  // What nobody waits for keeps this alive: the session may have begun anew.

  asio::awaitable<void> keep([[maybe_unused]] std::shared_ptr<kept_in> self,
                             std::shared_ptr<kept_session> session) {
    try {
      while (std::exchange(again_, false) && session->is_kept_by(*this) && session->has_session()) {
        auto record = session->describe();  // before the session may be gone
        if (auto found_out = session->take_found_out()) {
          const auto kept = co_await keeper_.keep_era(std::move(*found_out));
          if (!kept) session->tell(kept.error());
        }
        const auto kept = co_await keeper_.keep(std::move(record));
        if (!kept) session->tell(kept.error());
      }
    } catch (...) {  // memory is short, or an observer threw: the next change is written down
    }
    writing_ = false;
    if (departure_) co_await release(session);
    ended_.notify();
  }

  asio::awaitable<void> renew_lease([[maybe_unused]] std::shared_ptr<kept_in> self,
                                    std::shared_ptr<kept_session> session) {
    const auto renewed = co_await keeper_.renew();
    if (!renewed) session->tell(renewed.error());
    if (session->state == channel::phase::closed || !session->is_kept_by(*this)) {
      co_await release(session);
    } else if (renewed && *renewed) {
      session->hold_until(keeper_.renew_at());
    } else if (renewed) {
      session->look_again();
    }
  }

  asio::awaitable<void> leave([[maybe_unused]] std::shared_ptr<kept_in> self,
                              std::shared_ptr<kept_session> session) {
    co_await release(session);
  }

  asio::awaitable<void> release(std::shared_ptr<kept_session> session) {
    try {
      const auto left = co_await keeper_.leave();
      if (!left) session->tell(left.error());
    } catch (...) {  // memory is short, or an observer threw: the lease runs out
    }
    departure_.reset();
  }

  session_keeper<Store> keeper_;
  std::optional<departures::departure> departure_;
  bool writing_ = false;
  bool again_ = false;
  bool looking_ = false;
  event ended_;  // to write, or to look
};

template <class Store>
std::shared_ptr<keeping> keep_in(any_credential_store store, const kept_session& session) {
  return std::make_shared<kept_in<Store>>(std::move(store), session);
}

}  // namespace mcp::inline v0::detail
