// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/http/driver.hpp>
#include <mcp/http/fetch.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/rpc/write.hpp>
#include <mcp/session/call.hpp>
#include <mcp/session/channel.hpp>
#include <mcp/session/era.hpp>
#include <mcp/session/headers.hpp>
#include <mcp/types/server.hpp>
#include <mcp/types/tool.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

struct return_call {
  void operator()(call* used) const noexcept;
};

/// A call on loan; goes back to its session when it is destroyed.
using call_lease = std::unique_ptr<call, return_call>;

/// What came of a call, as it is.
struct call_outcome {
  using type = result<json_text>;
  static type from(call& done) { return done.take_outcome(); }
};

/// An answer of the handshake, and the session id that came with it.
struct handshake_answer {
  result<json_text> outcome;
  std::string session_id;
};

struct handshake_outcome {
  using type = handshake_answer;
  static type from(call& done) { return {done.take_outcome(), done.session_id()}; }
};

/// A part of a list, and the session that it is of.
struct page_answer {
  result<json_text> outcome;
  std::uint64_t generation;
};

struct page_outcome {
  using type = page_answer;
  static type from(call& done) { return {done.take_outcome(), done.generation()}; }
};

/// One session with one server: opens it, lends calls, closes it. Shared by the handles that users hold and
/// by the calls under way.
class session_core final : public channel, public std::enable_shared_from_this<session_core> {
 public:
  using time_point = deadline_list::time_point;

  /// Fails where the options or the URL cannot be used.
  static result<std::shared_ptr<session_core>> create(const asio::any_io_executor& executor,
                                                      std::string_view where, client_options how) {
    auto endpoint = url::parse(where);
    if (!endpoint) return std::move(endpoint).error();
    std::string client_info;
    json::writer write(client_info);
    implementation{how.name, how.version, {}}.write(write);
    if (!write.ok()) return failure(errc::invalid_argument, "client_options: name or version is not UTF-8");
    const auto capabilities = json::validate(how.capabilities);
    if (!capabilities || !capabilities->is_object())
      return failure(errc::invalid_argument, "client_options::capabilities is not a JSON object");
    if (how.max_connections == 0)
      return failure(errc::invalid_argument, "client_options::max_connections is 0");
    http::pool_options connections{.max_connections = how.max_connections,
                                   .connect_timeout = how.connect_timeout,
                                   .idle_timeout = how.idle_timeout,
                                   .tls = {},
                                   .policy = how.policy,
                                   .caps = how.limits};
    if (endpoint->is_tls()) {
      auto context = net::tls_context::create(how.tls);
      if (!context) return std::move(context).error();
      connections.tls = std::move(*context);
    }
    std::string own_fields;
    for (const auto& [name, value] : how.headers) {
      const header field{name, value};
      if (auto added = append_fields(own_fields, {&field, 1}); !added) return std::move(added).error();
    }
    auto pool =
        std::make_shared<http::pool>(executor, *endpoint, std::move(connections),
                                     deadline_list::make(executor, how.time), net::buffer_pool::make());
    auto core =
        std::make_shared<session_core>(executor, std::move(*endpoint), std::move(how), std::move(pool));
    core->client_info_ = std::move(client_info);
    core->own_fields_ = std::move(own_fields);
    return core;
  }

  using channel::channel;

  call_lease lease() {
    if (spare_.empty()) spare_.push_back(std::make_unique<call>(*this));
    call_lease leased(spare_.back().release());
    spare_.pop_back();
    leased->lend(shared_from_this());
    return leased;
  }

  // Where memory is too short to keep it, it goes.
  void take_back(std::unique_ptr<call> used) noexcept try {
    spare_.push_back(std::move(used));
  } catch (const std::bad_alloc&) {
  }

  /// Goes on with a session of an earlier process instead of opening one.
  result<void> restore(const session_state& saved) {
    const bool modern = speaks(modern_versions, saved.protocol_version);
    if (!modern && !speaks(legacy_versions, saved.protocol_version))
      return failure(errc::unsupported_protocol_version, "session_state::protocol_version");
    if (!is_session_id(saved.session_id))
      return failure(errc::invalid_header_value, "session_state::session_id");
    session_id = saved.session_id;
    speak(modern ? protocol_era::modern : protocol_era::legacy, saved.protocol_version);
    describe(saved.server);
    state = phase::ready;
    generation = 1;
    known_version_ = version;
    show(connection_state::suspect);
    return {};
  }

  session_state save() const { return {version, session_id, described_as_}; }
  const server_description& server() const noexcept { return server_; }

  void open_soon() override {
    if (state != phase::idle) return;
    state = phase::opening;
    show(generation == 0 ? connection_state::connecting : connection_state::reconnecting);
    try {
      asio::co_spawn(executor, open_now(shared_from_this()), asio::detached);
    } catch (...) {
      if (state == phase::opening) state = phase::idle;
      throw;
    }
  }

  void repair_soon(repair what, std::uint64_t broken, const failure& why) override {
    const bool mends = what == repair::version || what == repair::session;
    if (!heals || !mends || state != phase::ready || broken != generation) return;
    if (what == repair::version) known_version_.clear();
    session_id.clear();
    hints.reset();
    state = phase::idle;
    if (options.recovery.on_session_loss == session_loss::fail) return show(connection_state::failed, why);
    show(connection_state::reconnecting, why);
    open_soon();
  }

  void learn_tools_soon() override {
    if (std::exchange(learning_, true)) return;
    try {
      asio::co_spawn(executor, learn_tools(shared_from_this()), asio::detached);
    } catch (...) {
      learning_ = false;
      throw;
    }
  }

  void post(std::string_view method, std::string_view message) override {
    if (state == phase::closed) return;
    auto leased = lease();
    leased->begin_message(method, message, call::admission::at_once);
    asio::co_spawn(executor, http::drive<call_outcome>(std::move(leased)), asio::detached);
  }

  /// All tools, from all pages.
  static asio::awaitable<result<std::vector<tool>>> collect_tools(std::shared_ptr<session_core> self,
                                                                  call_options how) {
    std::vector<tool> tools;
    std::string cursor;
    std::optional<std::uint64_t> of;  // the session that all pages so far are of; 0: of more than one
    for (std::size_t page = 0; page < self->options.limits.pages; ++page) {
      auto asked = self->lease();
      json::writer write(asked->begin_request("tools/list", {}, how));
      if (!cursor.empty()) write.key("cursor").string(cursor);
      auto answer = co_await http::drive<page_outcome>(std::move(asked));
      if (!answer.outcome) co_return std::move(answer.outcome).error();
      if (of.value_or(answer.generation) != answer.generation) answer.generation = 0;
      of = answer.generation;
      auto parsed = list_tools_result::parse(json::value(answer.outcome->text()));
      if (!parsed) co_return std::move(parsed).error();
      std::ranges::move(parsed->tools, std::back_inserter(tools));
      if (tools.size() > self->options.limits.list_items) break;
      if (!parsed->next_cursor) {
        if (of == self->generation) self->learned(tools);
        co_return std::move(tools);
      }
      if (*parsed->next_cursor == cursor) break;
      cursor = std::move(*parsed->next_cursor);
    }
    co_return failure(errc::pagination_limit);
  }

  /// Opens the session, or waits until an attempt that is under way has ended.
  static asio::awaitable<result<void>> open(std::shared_ptr<session_core> self) {
    if (self->state == phase::closed) co_return errc::client_closed;
    const auto before = self->attempts;
    self->open_soon();
    std::error_code ignored;
    if (self->state == phase::opening)
      co_await self->settled_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (self->state == phase::ready) co_return result<void>();
    if (self->state == phase::closed) co_return errc::client_closed;
    if (self->attempts == before) co_return errc::cancelled;
    co_return self->last_failure;
  }

  /// Ends every call with `client_closed` and refuses new ones. Sends nothing.
  void shut() {
    if (state == phase::closed) return;
    end_calls();
    pool->close();
  }

  /// `shut()`, and says goodbye to a server that keeps a session (2025-11-25, "Session Management").
  static asio::awaitable<result<void>> close(std::shared_ptr<session_core> self) {
    if (self->state == phase::closed) co_return result<void>();
    const bool goodbye = self->state == phase::ready && !self->session_id.empty();
    self->end_calls();
    try {
      if (goodbye) co_await say_goodbye(self);
    } catch (...) {  // a courtesy: out of memory, or cancelled already
    }
    self->pool->close();
    co_return result<void>();
  }

 private:
  static constexpr auto longest_goodbye = std::chrono::seconds(5);

  static asio::awaitable<void> say_goodbye(std::shared_ptr<session_core> self) {
    http::fetch_request farewell;
    farewell.method = "DELETE";
    farewell.target = self->endpoint.target();
    farewell.fields = self->header_block;
    const auto until = self->deadlines->now() + longest_goodbye;
    // Whatever comes back: many servers do not let clients end sessions (405).
    const auto ignored = co_await http::fetch(self->executor, self->pool, farewell, until);
    static_cast<void>(ignored);
  }

  void end_calls() {
    state = phase::closed;
    show(connection_state::closed);
    for (call* each : active) each->fail(errc::client_closed);  // which leaves them where they are
    settled_.notify();
  }

  void opened(result<void> outcome) {
    if (state == phase::closed) return;
    ++attempts;
    state = outcome ? phase::ready : phase::idle;
    if (outcome) {
      ++generation;
      ++counters.sessions;
      show_ready();
      if (generation > 1 && options.observer) options.observer->session_replaced(generation);
    } else {
      last_failure = std::move(outcome).error();
      const bool refused = last_failure.http_status() == 401;
      show(refused ? connection_state::needs_authorization : connection_state::failed, last_failure);
    }
    for (call* each : active) each->wake();
    settled_.notify();
  }

  // Tells the outcome itself: a completion handler is lost where memory is too short to call it.
  static asio::awaitable<void> open_now(std::shared_ptr<session_core> self) {
    result<void> outcome = errc::connection_lost;
    try {
      outcome = co_await open_with_patience(self);
    } catch (...) {  // out of memory, or an observer threw
    }
    self->opened(std::move(outcome));
  }

  /// Opens the session for calls that wait, and tries again while it is worth it.
  static asio::awaitable<result<void>> open_with_patience(std::shared_ptr<session_core> self) {
    recovery_plan plan;
    for (;;) {
      if (const auto probe = self->health->breaker.next_probe_at(); probe && self->heals)
        co_await pause(self, *probe);
      self->health->breaker.allow(self->deadlines->now());
      auto outcome = co_await negotiate(self);
      if (outcome) self->known_version_ = self->version;
      if (outcome || !self->heals || self->state == phase::closed) co_return outcome;
      const auto next = self->after_failed_opening(plan, outcome.error());
      if (!next) co_return outcome;
      co_await pause(self, *next);
      if (self->state == phase::closed || self->active.empty()) co_return outcome;
    }
  }

  /// When to try again, if at all. What was refused was not run: to try again is always safe.
  std::optional<time_point> after_failed_opening(recovery_plan& plan, const failure& why) {
    const auto now = deadlines->now();
    const evidence none;
    const auto made = why.attempts();
    const recovery_step step = plan.next({.why = why,
                                          .seen = made.empty() ? none : made.back().seen,
                                          .era = era,
                                          .named_session = !session_id.empty(),
                                          .repeatable = true},
                                         {.options = options.recovery,
                                          .health = *health,
                                          .now = now,
                                          .deadline = time_point::max(),
                                          .wall_clock = deadlines->wall_clock()});
    session_id.clear();
    if (step.call != next_step::replay) {
      // The server may speak another revision since it was last asked.
      const bool refused = why.http_status() == 401 || why.http_status() == 403;
      if (refused || std::exchange(known_version_, std::string()).empty()) return std::nullopt;
      return now;
    }
    if (step.first == repair::version) known_version_.clear();
    show(board.state(), why);
    return now + step.delay;
  }

  static asio::awaitable<void> pause(std::shared_ptr<session_core> self, time_point until) {
    std::error_code ignored;
    const auto wake = [&self] { self->settled_.notify(); };
    deadline_action alarm(*self->deadlines, until, wake);
    while (!alarm.passed() && self->state != phase::closed)
      co_await self->settled_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  static asio::awaitable<void> learn_tools(std::shared_ptr<session_core> self) {
    try {
      const call_options defaults;
      const auto ignored = co_await collect_tools(self, defaults);
      static_cast<void>(ignored);
    } catch (...) {  // out of memory, or an observer threw
    }
    self->learning_ = false;
    ++self->lists_tried;
    for (call* each : self->active) each->wake();
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

  static asio::awaitable<result<void>> negotiate(std::shared_ptr<session_core> self) {
    const auto& fixed = self->options.protocol_version;
    negotiation plan(fixed.empty() ? self->known_version_ : fixed);
    // Of the session before, or of an attempt that failed half-way.
    self->version.clear();
    self->session_id.clear();
    for (;;) {
      switch (plan.next()) {
        case negotiation::step::discover: {
          self->speak(protocol_era::modern, plan.version());
          auto asked = self->ask("server/discover", {});
          auto answer = co_await http::drive<handshake_outcome>(std::move(asked));
          self->discovered(plan, answer);
          break;
        }
        case negotiation::step::initialize: {
          self->speak(protocol_era::legacy, {});
          auto asked = self->ask("initialize", plan.version());
          auto answer = co_await http::drive<handshake_outcome>(std::move(asked));
          self->initialized(plan, answer);
          break;
        }
        case negotiation::step::acknowledge: {
          auto asked = self->lease();
          std::string message;
          rpc::write_notification(message, "notifications/initialized");
          asked->begin_message("notifications/initialized", message, call::admission::at_once);
          auto answer = co_await http::drive<handshake_outcome>(std::move(asked));
          plan.acknowledged(answer.outcome ? std::nullopt : std::optional(answer.outcome.error()));
          break;
        }
        case negotiation::step::done:
          if (self->version.empty()) self->speak(plan.era(), plan.version());
          for (const auto& each : std::vector(self->standing.all())) {
            auto asked = self->lease();
            asked->begin_request(each.method, {}, {}, call::admission::at_once)
                .append(std::string_view(each.params).substr(1, each.params.size() - 2));
            auto ignored = co_await http::drive<handshake_outcome>(std::move(asked));
            static_cast<void>(ignored);
          }
          co_return result<void>();
        case negotiation::step::failed: co_return plan.why();
      }
    }
  }

  /// A request of the handshake.
  call_lease ask(std::string_view method, std::string_view initialize_version) {
    auto leased = lease();
    auto& params = leased->begin_request(method, {}, {}, call::admission::at_once);
    if (!initialize_version.empty()) {
      params.append(R"("protocolVersion":")");
      params.append(initialize_version);
      params.append(R"(","capabilities":)");
      params.append(options.capabilities);
      params.append(R"(,"clientInfo":)");
      params.append(client_info_);
    }
    return leased;
  }

  void discovered(negotiation& plan, const handshake_answer& answer) {
    if (answer.outcome) {
      describe(answer.outcome->text());
      const auto parsed = discover_result::parse(json::value(answer.outcome->text()));
      plan.discovered(parsed ? parsed->supported_versions : std::vector<std::string>());
    } else {
      const auto& why = answer.outcome.error();
      const auto parsed = unsupported_version::parse(json::value(why.server_data()));
      plan.discover_failed(why, parsed ? parsed->supported : std::vector<std::string>());
    }
  }

  void initialized(negotiation& plan, const handshake_answer& answer) {
    if (!answer.outcome) return plan.fail(answer.outcome.error());
    const auto parsed = initialize_result::parse(json::value(answer.outcome->text()));
    if (!parsed) return plan.fail(parsed.error());
    if (!is_session_id(answer.session_id))
      return plan.fail(failure(errc::invalid_header_value, "session id of the server"));
    plan.initialized(parsed->protocol_version);
    if (plan.next() == negotiation::step::failed) return;
    describe(answer.outcome->text());
    session_id = answer.session_id;
    speak(protocol_era::legacy, plan.version());
  }

  /// Keeps what the server says of itself, as far as it can be understood.
  void describe(std::string_view json_object) {
    described_as_ = json_object;
    server_ = {};
    const json::value object(described_as_);
    if (auto modern = discover_result::parse(object)) {
      server_ = {modern->server_info.value_or(implementation()), std::move(modern->capabilities),
                 std::move(modern->instructions)};
    } else if (auto legacy = initialize_result::parse(object)) {
      server_ = {std::move(legacy->server_info), std::move(legacy->capabilities),
                 std::move(legacy->instructions)};
    }
  }

  /// What every request says from now on. A legacy version is empty until `initialize` has settled it.
  void speak(protocol_era spoken, std::string_view agreed) {
    era = spoken;
    version = agreed;
    std::string either;
    append_field(either, "Accept-Encoding", "identity");
    append_field(either, "User-Agent", "asio-mcp/" + std::string(library_version));
    either.append(own_fields_);
    if (!version.empty()) append_field(either, "MCP-Protocol-Version", version);
    if (spoken == protocol_era::legacy && !session_id.empty())
      append_field(either, "Mcp-Session-Id", session_id);
    stream_block.clear();
    append_field(stream_block, "Host", endpoint.authority());
    append_field(stream_block, "Accept", "text/event-stream");
    stream_block.append(either);
    header_block.clear();
    append_field(header_block, "Host", endpoint.authority());
    append_field(header_block, "Accept", "application/json, text/event-stream");
    append_field(header_block, "Content-Type", "application/json");
    header_block.append(either);
    meta_members.clear();
    if (spoken == protocol_era::legacy) return;
    meta_members.append(R"("io.modelcontextprotocol/protocolVersion":")").append(version);
    meta_members.append(R"(","io.modelcontextprotocol/clientInfo":)").append(client_info_);
    meta_members.append(R"(,"io.modelcontextprotocol/clientCapabilities":)").append(options.capabilities);
  }

  /// Visible ASCII only (2025-11-25, "Session Management"); empty where the server assigns none.
  static bool is_session_id(std::string_view id) noexcept {
    return std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7f; });
  }

  std::string client_info_;  // JSON text
  std::string own_fields_;   // of every request, from the options
  bool learning_ = false;
  event settled_{executor};  // an attempt to open the session has ended, or the session is closed
  server_description server_;
  std::string described_as_;
  std::string known_version_;  // that the server spoke when it was last asked
  std::vector<std::unique_ptr<call>> spare_;
};

// Out of line, so that to move a lease costs no more than a test for null.
[[gnu::noinline]] inline void return_call::operator()(call* used) const noexcept {
  std::unique_ptr<call> owned(used);
  const auto owner = owned->release();
  if (owner) static_cast<session_core&>(*owner).take_back(std::move(owned));
}

}  // namespace mcp::inline v0::detail
