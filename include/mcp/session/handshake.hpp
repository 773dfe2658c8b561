// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/secret.hpp>
#include <mcp/http/driver.hpp>
#include <mcp/http/header.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/writer.hpp>
#include <mcp/rpc/write.hpp>
#include <mcp/session/call.hpp>
#include <mcp/session/channel.hpp>
#include <mcp/session/era.hpp>
#include <mcp/types/server.hpp>

#include <asio/awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
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

/// What came of a call that the library itself makes, in one form: each takes long to compile.
struct own_answer {
  using type = own_answer;
  static own_answer from(call& done) { return {done.take_outcome(), done.session_id(), done.generation()}; }

  result<json_text> outcome;
  std::string session_id;    ///< that came with it
  std::uint64_t generation;  ///< of the session that it came on
};

/// A channel that can open a session: lends calls, negotiates the protocol revision with them, and says what
/// every request carries from then on. Opens once; when and how often is for others to say.
class handshake : public channel, public std::enable_shared_from_this<handshake> {
 public:
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
    if (auto resumed = resume(saved); !resumed) return resumed;
    state = phase::ready;
    taken_over = generation = 1;
    known_ = {version, deadlines->wall_clock()};
    show(connection_state::suspect);
    return {};
  }

  session_state save() const { return {version, session_id, described_as_}; }
  const server_description& server() const noexcept { return server_; }

  /// Speaks as in that session from now on. What cannot be used changes nothing.
  result<void> resume(const session_state& saved) {
    const bool modern = speaks(modern_versions, saved.protocol_version);
    if (!modern && !speaks(legacy_versions, saved.protocol_version))
      return failure(errc::unsupported_protocol_version, "session_state::protocol_version");
    if (!is_session_id(saved.session_id))
      return failure(errc::invalid_header_value, "session_state::session_id");
    session_id = saved.session_id;
    speak(modern ? protocol_era::modern : protocol_era::legacy, saved.protocol_version);
    describe(saved.server);
    // Ids of earlier clients are not used again (2025-11-25, "Requests"): from the clock, in microseconds,
    // they are below 2^53 and faster than any client.
    const auto since = deadlines->wall_clock().time_since_epoch();
    next_id = std::max(next_id, static_cast<std::uint64_t>(
                                    std::chrono::duration_cast<std::chrono::microseconds>(since).count()));
    return {};
  }

  /// Finds out what the server speaks and, in the legacy era, opens a session.
  static asio::awaitable<result<void>> negotiate(std::shared_ptr<handshake> self) {
    const auto& fixed = self->options.protocol_version;
    if (!self->known_.holds_at(self->deadlines->wall_clock())) self->known_ = {};
    negotiation plan(fixed.empty() ? self->known_.version : fixed);
    self->found_out_ = plan.next() == negotiation::step::discover;
    // Of the session before, or of an attempt that failed half-way.
    self->version.clear();
    self->session_id.clear();
    for (;;) {
      switch (plan.next()) {
        case negotiation::step::discover: {
          self->speak(protocol_era::modern, std::string(plan.version()));
          auto asked = self->ask("server/discover", {});
          auto answer = co_await http::drive<own_answer>(std::move(asked));
          self->heard_ = self->heard_ || answer.outcome.has_value();
          self->discovered(plan, answer);
          break;
        }
        case negotiation::step::initialize: {
          self->speak(protocol_era::legacy, {});
          auto asked = self->ask("initialize", plan.version());
          auto answer = co_await http::drive<own_answer>(std::move(asked));
          self->heard_ = self->heard_ || answer.outcome.has_value();
          self->initialized(plan, answer);
          break;
        }
        case negotiation::step::acknowledge: {
          auto asked = self->lease();
          std::string message;
          rpc::write_notification(message, "notifications/initialized");
          asked->begin_message("notifications/initialized", message, call::admission::at_once);
          auto answer = co_await http::drive<own_answer>(std::move(asked));
          plan.acknowledged(answer.outcome ? std::nullopt : std::optional(answer.outcome.error()));
          break;
        }
        case negotiation::step::done:
          if (self->version.empty()) self->speak(plan.era(), std::string(plan.version()));
          self->known_.version = self->version;
          if (self->found_out_) self->known_.learned = self->deadlines->wall_clock();
          co_return result<void>();
        case negotiation::step::failed: co_return plan.why();
      }
    }
  }

 protected:
  ~handshake() = default;

  /// Whether an answer came since this was last asked.
  bool take_heard() noexcept { return std::exchange(heard_, false); }

  /// What every request says from now on. A legacy version is empty until `initialize` has settled it.
  void speak(protocol_era spoken, std::string agreed) {
    secret_text credentials(options.credentials ? options.credentials.fields() : "");
    secret_text either;
    append_field(either, "Accept-Encoding", "identity");
    append_field(either, "User-Agent", "asio-mcp/" + std::string(library_version));
    either.append(own_fields_);
    either.append(credentials);
    if (!agreed.empty()) append_field(either, "MCP-Protocol-Version", agreed);
    if (spoken == protocol_era::legacy && !session_id.empty())
      append_field(either, "Mcp-Session-Id", session_id);
    secret_text get("GET ");
    get.append(endpoint.target()).append(" HTTP/1.1\r\n");
    append_field(get, "Host", endpoint.authority());
    append_field(get, "Accept", "text/event-stream");
    get.append(either);
    secret_text post("POST ");
    post.append(endpoint.target()).append(" HTTP/1.1\r\n");
    append_field(post, "Host", endpoint.authority());
    append_field(post, "Accept", "application/json, text/event-stream");
    append_field(post, "Content-Type", "application/json");
    post.append(either);
    std::string meta;
    if (spoken == protocol_era::modern) {
      meta.append(R"("io.modelcontextprotocol/protocolVersion":")").append(agreed);
      meta.append(R"(","io.modelcontextprotocol/clientInfo":)").append(client_info_);
      meta.append(R"(,"io.modelcontextprotocol/clientCapabilities":)").append(options.capabilities);
    }
    // All of it or, where memory was too short for it, nothing.
    era = spoken;
    version = std::move(agreed);
    if (credentials != credentials_) ++renewals;
    credentials_ = std::move(credentials);
    get_head = std::move(get);
    post_head = std::move(post);
    meta_members = std::move(meta);
  }

  /// Whether there are other credentials now than those that requests carry.
  bool credentials_changed() const { return credentials_ != options.credentials.fields(); }

  std::string client_info_;  // JSON text
  secret_text own_fields_;   // of every request, from the options
  secret_text credentials_;  // of every request, from the authorizer
  era_verdict known_;        // what the server spoke when it was last asked
  bool found_out_ = false;   // in the last negotiation

 private:
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

  void discovered(negotiation& plan, const own_answer& answer) {
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

  void initialized(negotiation& plan, const own_answer& answer) {
    if (!answer.outcome) return plan.fail(answer.outcome.error());
    const auto parsed = initialize_result::parse(json::value(answer.outcome->text()));
    if (!parsed) return plan.fail(parsed.error());
    if (!is_session_id(answer.session_id))
      return plan.fail(failure(errc::invalid_header_value, "session id of the server"));
    plan.initialized(parsed->protocol_version);
    if (plan.next() == negotiation::step::failed) return;
    describe(answer.outcome->text());
    session_id = answer.session_id;
    speak(protocol_era::legacy, std::string(plan.version()));
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

  /// Visible ASCII only (2025-11-25, "Session Management"); empty where the server assigns none.
  static bool is_session_id(std::string_view id) noexcept {
    return std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7f; });
  }

  bool heard_ = false;
  server_description server_;
  std::string described_as_;
  std::vector<std::unique_ptr<call>> spare_;
};

// Out of line, so that to move a lease costs no more than a test for null.
[[gnu::noinline]] inline void return_call::operator()(call* used) const noexcept {
  std::unique_ptr<call> owned(used);
  const auto owner = owned->release();
  if (owner) static_cast<handshake&>(*owner).take_back(std::move(owned));
}

}  // namespace mcp::inline v0::detail
