// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/event.hpp>
#include <mcp/base/evidence.hpp>
#include <mcp/base/result.hpp>
#include <mcp/http/connection.hpp>
#include <mcp/http/fields.hpp>
#include <mcp/http/pool.hpp>

#include <asio/buffer.hpp>
#include <asio/ip/tcp.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace mcp::inline v0::http {

/// What a machine wants its driver to await next.
enum class action {
  wait,   ///< the machine's `signal()`
  read,   ///< bytes of the machine's `socket()`, into its `read_target()`
  write,  ///< room to write in the machine's `socket()`
  done,   ///< nothing: the machine has its outcome
};

/// What the owner of an exchange does with the response.
class response_handler {
 public:
  /// How much of the offered body was taken, and whether that is all the owner wants.
  struct taken {
    std::size_t bytes = 0;
    bool finished = false;  ///< the owner has its message; what follows is only the end of the body
    errc error{};           ///< other than zero: the exchange fails
  };

  /// The head of the final response is complete. An error ends the exchange.
  virtual errc on_head(const response_head& head, const char* bytes) = 0;
  /// The decoded body bytes that the owner has not taken yet; `last` when no more follow. Views into them
  /// live until the owner returns, or, if it then finishes, as long as the buffer it takes away.
  virtual taken on_body(char* body, std::size_t size, bool last) = 0;
  /// Whether the body is taken as it comes. Otherwise it is bounded by `limits::body` and offered whole.
  virtual bool streams_body() const noexcept = 0;

 protected:
  ~response_handler() = default;
};

/// One request and its response over a pooled connection, as a plain state machine: all it does itself
/// are synchronous, non-blocking tries. The driver coroutine awaits what `advance()` names and reports it.
///
/// Writes are tried at once, since they nearly always succeed; reads are awaited at once, since they nearly
/// never do.
class exchange final : private connection_waiter, private deadline {
 public:
  exchange(event& signal, response_handler& handler) : signal_(&signal), handler_(&handler) {}
  ~exchange() { abandon(); }

  /// Begins. `request` must stay where it is until the exchange is done.
  void start(pool& from, std::string_view request, bool head_request = false) {
    pool_ = &from;
    request_ = request;
    head_request_ = head_request;
    seen_.clear();
    why_.reset();
    stage_ = stage::acquiring;
  }

  action advance() {
    for (;;) {
      switch (stage_) {
        case stage::acquiring:
          stage_ = stage::queued;
          if (auto idle = pool_->acquire(*this)) take(std::move(idle));
          if (stage_ == stage::queued) return action::wait;
          break;
        case stage::queued: return action::wait;
        case stage::settling: return action::read;
        case stage::writing:
          if (!write()) return action::write;
          break;
        case stage::reading: return action::read;
        case stage::done: return action::done;
      }
    }
  }

  asio::ip::tcp::socket& socket() noexcept { return connection_->stream.socket(); }
  asio::mutable_buffer read_target() {
    connection_->in->prepare(wanted_);
    return connection_->stream.read_target(*connection_->in);
  }

  /// The outcome of an awaited read.
  void received(std::size_t bytes, const std::error_code& ec) {
    if (stage_ != stage::reading && stage_ != stage::settling) return;
    const auto io = connection_->stream.received(bytes, ec, *connection_->in);
    if (stage_ == stage::settling) return settle(io);
    seen_.bytes_read += io.bytes;
    if (io.bytes != 0) digest(false);
    if (stage_ == stage::done) return;
    switch (io.status) {
      case net::io_status::ok:
      case net::io_status::would_block: return;
      case net::io_status::end_of_stream:
        return seen_.bytes_read == 0 ? fail(errc::connection_lost) : digest(true);
      case net::io_status::truncated:
        return fail(seen_.bytes_read == 0 ? errc::connection_lost : errc::http_truncated);
      case net::io_status::failed: return fail(connection_->stream.why());
    }
  }

  /// Ends the exchange with `why`; its connection is closed. Does nothing to one that is done.
  void fail(failure why) {
    if (stage_ == stage::done) return;
    why_ = std::move(why);
    abandon();
  }

  /// Ends the exchange without an outcome.
  void abandon() noexcept {
    deadline::clear();
    if (stage_ == stage::queued) pool_->cancel(*this);
    stage_ = stage::done;
    // While the owner looks at bytes in the connection's buffer, they stay; `offer()` sees to it then.
    if (connection_ && !offering_) pool_->drop(std::move(connection_));
    buffer_.reset();
  }

  /// Whether a response is under way whose body is taken as it comes.
  bool is_streaming() const noexcept {
    return stage_ == stage::reading && seen_.status != 0 && handler_->streams_body();
  }

  /// Why there is no response, if there is none.
  const std::optional<failure>& why() const noexcept { return why_; }
  const evidence& seen() const noexcept { return seen_; }
  evidence& seen() noexcept { return seen_; }

  /// The buffer in which the body was offered last, for an owner that keeps a view into it.
  net::buffer_lease take_buffer() noexcept { return std::move(buffer_); }

 private:
  enum class stage { acquiring, queued, settling, writing, reading, done };

  // The owner is looking at the body. Its callbacks may throw.
  struct offer_scope {
    explicit offer_scope(bool& flag) noexcept : offering(flag) { offering = true; }
    ~offer_scope() { offering = false; }
    bool& offering;
  };

  /// How long to wait for the end of an event stream whose last event was delivered already.
  static constexpr auto longest_tail = std::chrono::milliseconds(20);

  void granted(result<std::unique_ptr<connection>> outcome) noexcept override {
    if (outcome) {
      take(std::move(*outcome));
    } else {
      why_ = std::move(outcome).error();
      stage_ = stage::done;
    }
    signal_->notify();
  }

  void take(std::unique_ptr<connection> granted) {
    connection_ = std::move(granted);
    if (connection_->awaiting_tail) {
      stage_ = stage::settling;
      pool_->deadlines().set(*this, pool_->deadlines().now() + longest_tail);
    } else {
      begin();
    }
  }

  void begin() {
    seen_.connection_reused = connection_->served != 0;
    connection_->parser.start(head_request_);
    body_taken_ = 0;
    wanted_ = least_read;
    stage_ = stage::writing;
  }

  // Goes on when the connection's previous response has ended, or takes another connection.
  void settle(const net::io_result& io) {
    auto state = io.status == net::io_status::ok || io.status == net::io_status::would_block
                     ? connection::idle_state::awaiting_tail
                     : connection::idle_state::dead;
    if (io.bytes != 0) state = connection_->digest_tail();
    if (state == connection::idle_state::awaiting_tail) return;
    deadline::clear();
    if (state == connection::idle_state::usable) return begin();
    pool_->drop(std::move(connection_));
    stage_ = stage::acquiring;
  }

  void expired() noexcept override { connection_->stream.cancel(); }

  // Whether it is over, for good or ill.
  bool write() {
    const auto io = connection_->stream.try_write(request_);
    seen_.bytes_written += io.bytes;
    request_.remove_prefix(io.bytes);
    if (io.status == net::io_status::would_block) return false;
    // After an error too: the server may have answered, and closed, before it read everything.
    seen_.request_complete = request_.empty();
    stage_ = stage::reading;
    return true;
  }

  void digest(bool end_of_stream) {
    for (;;) {
      auto& parser = connection_->parser;
      const auto& in = *connection_->in;
      switch (parser.parse(connection_->in->data(), in.size(), end_of_stream)) {
        case parse_status::need_more: return make_room();
        case parse_status::head:
          note_head(parser.head(), in.data());
          if (const errc refused = handler_->on_head(parser.head(), in.data()); refused != errc{})
            return fail(refused);
          if (handler_->streams_body()) parser.stream_body();
          break;
        case parse_status::body:
          if (offer(false)) make_room();
          return;
        case parse_status::complete:
          if (offer(true)) finish();
          return;
        case parse_status::failed:
          // What came before the fault counts: it may hold the message that is waited for.
          if (!handler_->streams_body() || offer(false)) fail(parser.error());
          return;
      }
    }
  }

  void note_head(const response_head& head, const char* bytes) {
    seen_.status = head.status();
    if (seen_.status < 400) return;
    seen_.retry_after = head.find(bytes, "retry-after").value_or("");
    for (std::size_t i = 0; i < head.field_count(); ++i) {
      const auto [name, value] = head.field(bytes, i);
      if (!ascii::equals_lower(name, "www-authenticate")) continue;
      seen_.www_authenticate.append(seen_.www_authenticate.empty() ? "" : ", ").append(value);
    }
  }

  // Whether the exchange goes on.
  bool offer(bool last) {
    const auto& parser = connection_->parser;
    const std::size_t begin = parser.body_begin() + body_taken_;
    const auto taken = [&] {
      const offer_scope scope(offering_);
      return handler_->on_body(connection_->in->data() + begin, parser.body_end() - begin, last);
    }();
    if (stage_ == stage::done) return abandon(), false;
    if (taken.error != errc{}) return fail(taken.error), false;
    body_taken_ += taken.bytes;
    if (taken.finished && !last) return finish(), false;
    return true;
  }

  // Before more is read: drops what was taken, and asks for all that is known to come.
  void make_room() {
    auto& in = *connection_->in;
    auto& parser = connection_->parser;
    const std::size_t taken = parser.body_begin() + body_taken_;
    if (body_taken_ != 0 && 2 * taken >= in.size()) {
      in.discard(taken);
      parser.discard(taken);
      in.truncate(parser.compact(in.data(), in.size()));
      body_taken_ = 0;
    }
    wanted_ = least_read;
    const auto length = parser.head().content_length();
    if (parser.head_size() == 0 || !length) return;
    const std::uint64_t whole = parser.head_size() + *length;
    if (whole <= in.size()) return;
    // A length is only a claim: memory grows with what has really come.
    const std::uint64_t trusted = std::max<std::uint64_t>(in.size(), most_unproven);
    wanted_ = std::max(wanted_, static_cast<std::size_t>(std::min(whole - in.size(), trusted)));
  }

  // The owner has its message. What is still to come of the response is left to the next exchange.
  void finish() {
    stage_ = stage::done;
    seen_.response_complete = true;
    auto& parser = connection_->parser;
    const bool surplus = parser.complete() && parser.raw_end() != connection_->in->size();
    const bool reusable = parser.complete() ? parser.keep_alive() && !surplus : true;
    buffer_ = std::move(connection_->in);
    if (!reusable || !seen_.request_complete) return pool_->drop(std::move(connection_));
    if (!parser.complete()) {
      const std::string_view rest = buffer_->view().substr(parser.body_end());
      connection_->in = pool_->buffers().acquire();
      std::ranges::copy(rest, connection_->in->prepare(rest.size()).begin());
      connection_->in->commit(rest.size());
      parser.discard(parser.body_end());
      connection_->awaiting_tail = true;
    }
    ++connection_->served;
    pool_->release(std::move(connection_));
  }

  // What a read should have room for.
  static constexpr std::size_t least_read = 4096;
  static constexpr std::size_t most_unproven = 64 * 1024;

  event* signal_;
  response_handler* handler_;
  pool* pool_ = nullptr;
  std::unique_ptr<connection> connection_;
  net::buffer_lease buffer_;
  std::string_view request_;
  std::size_t body_taken_ = 0;
  std::size_t wanted_ = least_read;
  stage stage_ = stage::done;
  bool head_request_ = false;
  bool offering_ = false;
  std::optional<failure> why_;
  evidence seen_;
};

}  // namespace mcp::inline v0::http
