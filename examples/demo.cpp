// SPDX-License-Identifier: MIT

/// \file
/// What the library does, seen from outside: starts MCP servers on loopback, talks to them in both eras of
/// the protocol, plain and over TLS, and then kills them, makes them forget and cuts them off, between calls
/// and during calls. Run it with `./dev demo`. Fails where anything comes out otherwise than it is promised.

#include "examples/support/mcp_server.hpp"
#include <mcp/mcp.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;
using example::cut;

double milliseconds(steady::duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

void line(steady::duration took, std::string_view what) {
  std::printf("  %8.3f ms  %.*s\n", milliseconds(took), static_cast<int>(what.size()), what.data());
}

/// What the last line tells.
struct tally {
  std::size_t calls = 0;
  std::size_t answered = 0;
  std::size_t unknown = 0;
  std::size_t doubled = 0;     ///< transfers that ran more than once
  std::size_t reconnects = 0;  ///< the program had to make a new client, because the old one did not recover
  std::size_t surprises = 0;   ///< anything that is not as promised
} total;

void surprise(const std::string& what) {
  ++total.surprises;
  std::printf("               UNEXPECTED: %s\n", what.c_str());
}

template <class T>
void count(const mcp::result<T>& outcome) {
  ++total.calls;
  // A server that says no, or a tool that reports an error, has answered.
  if (outcome || outcome.error().code() == mcp::errc::rpc_error) {
    ++total.answered;
  } else if (outcome.error().code() == mcp::errc::outcome_unknown) {
    ++total.unknown;
  } else {
    surprise("a call failed: " + outcome.error().describe());
  }
}

asio::awaitable<void> sleep(steady::duration how_long) {
  auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, how_long);
  co_await timer.async_wait(asio::use_awaitable);
}

void run(asio::io_context& context, asio::awaitable<void> work) {
  asio::co_spawn(context, std::move(work), [](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
  });
  context.run();
}

// --- What it does
// --------------------------------------------------------------------------------------------

asio::awaitable<void> timed_call(mcp::client& client, std::string tool, std::string arguments,
                                 mcp::call_options options = {}) {
  const auto start = steady::now();
  auto answer = co_await client.call_tool(tool, arguments, options, mcp::as_result);
  const auto took = steady::now() - start;
  count(answer);
  line(took, tool + ' ' + arguments + "  ->  " + (answer ? answer->text() : answer.error().describe()));
}

/// Many calls at once, on one thread: the slow ones do not hold up the fast ones.
asio::awaitable<void> many_at_once(mcp::client& client) {
  constexpr std::size_t each = 16;
  auto executor = co_await asio::this_coro::executor;
  const auto start = steady::now();
  mcp::event finished(executor);
  std::size_t fast = 0, slow = 0;
  steady::duration last_fast{};
  for (std::size_t i = 0; i < each; ++i) {
    client.call_tool("slow", R"({"ms":100})", {}, [&](const mcp::result<mcp::tool_result>& answer) {
      count(answer), ++slow, finished.notify();
    });
    client.call_tool("add", R"({"a":1,"b":2})", {}, [&](const mcp::result<mcp::tool_result>& answer) {
      count(answer), ++fast, last_fast = steady::now() - start;
    });
  }
  std::error_code ignored;
  while (fast + slow < 2 * each)
    co_await finished.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  line(last_fast, "16 fast calls answered, beside 16 slow ones of 100 ms");
  line(steady::now() - start, "all 32 answered");
}

asio::awaitable<void> tour(const example::mcp_server& server) {
  auto executor = co_await asio::this_coro::executor;
  mcp::client_options options;
  options.tls.ca_pem = server.ca_pem();
  mcp::client client{executor, server.url(), options};

  auto start = steady::now();
  auto tools = co_await client.list_tools(mcp::call_options{}, mcp::as_result);
  const auto took = steady::now() - start;
  count(tools);
  line(took, "connected, found revision " + client.protocol_version() + ", listed " +
                 std::to_string(tools ? tools->size() : 0) + " tools");
  co_await timed_call(client, "echo", R"({"text":"hello"})");
  co_await timed_call(client, "add", R"({"a":19,"b":23})");

  start = steady::now();
  const auto on_progress = [&](const mcp::progress_update& update) {
    line(steady::now() - start, "    progress " + std::to_string(static_cast<int>(update.progress)) + " of " +
                                    std::to_string(static_cast<int>(update.total.value_or(0))) +
                                    ", while the tool runs");
  };
  const mcp::call_options watched{.on_progress = on_progress};
  co_await timed_call(client, "countdown", R"({"steps":2,"ms":20})", watched);
  co_await timed_call(client, "fail", "{}");
  co_await timed_call(client, "nonsense", "{}");
  co_await many_at_once(client);
  co_await client.close();
}

// --- What it survives
// ----------------------------------------------------------------------------------------

/// Notes what a client says of itself, in words.
class journal final : public mcp::observer {
 public:
  /// Since it was last asked: the states, then what was done.
  std::string take() {
    const std::string states = std::exchange(states_, "ready");
    const std::string deeds = std::exchange(deeds_, {});
    return states + (states == "ready" ? " all the time" : "") + (deeds.empty() ? "" : ": " + deeds);
  }

  void state_changed(const mcp::connection_status& status) override {
    if (status.state == std::exchange(state_, status.state)) return;
    states_.append(" -> ").append(mcp::to_string(status.state));
    if (status.has_reason) states_.append(" (").append(cause(status.reason)).append(")");
  }
  void session_replaced(std::uint64_t) override {
    deeds_.insert(0, deeds_.empty() ? "new session" : "new session, ");
  }
  void attempt_finished(const mcp::attempt_event& event) override {
    if (event.next == "replay") add("sent again");
    if (event.next == "resume") add("stream taken up again");
  }

 private:
  static std::string cause(const mcp::failure& why) {
    return why.http_status() >= 400 ? "HTTP " + std::to_string(why.http_status()) : why.code().message();
  }
  void add(std::string_view deed) {
    if (deeds_.ends_with(deed)) return;
    deeds_.append(deeds_.empty() ? "" : ", ").append(deed);
  }

  std::string states_ = "ready";
  std::string deeds_;
  mcp::connection_state state_ = mcp::connection_state::idle;
};

enum class killed { never, before_call, during_call };

/// What happens to a server, and what becomes of the call that meets it.
struct mishap {
  std::string_view what;
  std::string_view tool;
  killed when = killed::never;
  std::chrono::milliseconds down{0};  ///< until it is started again
  bool forgets = false;               ///< its sessions
  cut breaks = cut::never;
  bool unknown = false;  ///< the call is to end so; else it is to be answered
  std::size_t runs = 1;  ///< how often the tool is to run
};

constexpr auto both_eras = std::to_array<mishap>({
    {.what = "The server is killed and started again between two calls.",
     .tool = "transfer",
     .when = killed::before_call,
     .forgets = true},
    {.what = "It is down when the call comes, and back after 200 ms.",
     .tool = "transfer",
     .when = killed::before_call,
     .down = 200ms,
     .forgets = true},
    {.what = "It is killed while a tool runs that only reads (readOnlyHint), and back after 50 ms.",
     .tool = "covers",
     .when = killed::during_call,
     .down = 50ms,
     .forgets = true,
     .runs = 2},
    {.what = "It is killed while a tool runs that may run twice (idempotentHint).",
     .tool = "set_limit",
     .when = killed::during_call,
     .down = 50ms,
     .forgets = true,
     .runs = 2},
    {.what = "It is killed while a tool runs of which nothing is known.",
     .tool = "transfer",
     .when = killed::during_call,
     .down = 50ms,
     .forgets = true,
     .unknown = true},
    {.what = "It runs such a tool, and the connection breaks before the answer.",
     .tool = "transfer",
     .breaks = cut::after_run,
     .unknown = true},
    {.what = "The connection breaks before it runs the tool, which the client cannot know.",
     .tool = "transfer",
     .breaks = cut::before_run,
     .unknown = true,
     .runs = 0},
});

constexpr auto legacy_only = std::to_array<mishap>({
    {.what = "It forgets its sessions, and lives on.", .tool = "transfer", .forgets = true},
    {.what = "The event stream of an answer breaks halfway.", .tool = "transfer", .breaks = cut::in_stream},
});

constexpr auto modern_only = std::to_array<mishap>({
    {.what = "The event stream of an answer breaks halfway: in this era it cannot be taken up.",
     .tool = "transfer",
     .breaks = cut::in_stream,
     .unknown = true},
    {.what = "So does that of a tool that only reads.",
     .tool = "covers",
     .breaks = cut::in_stream,
     .runs = 2},
});

constexpr auto other_400 = std::to_array<mishap>({
    {.what = "It forgets its sessions, and says so by 400 and a text, as server-everything does.",
     .tool = "transfer",
     .forgets = true},
});

std::string times(std::size_t runs) {
  return runs == 0 ? "did not run" : runs == 1 ? "ran once" : "ran " + std::to_string(runs) + " times";
}

/// A program that uses a server in trouble.
class program {
 public:
  explicit program(const example::server_options& how) : server_(how) {}

  asio::io_context& context() noexcept { return context_; }

  asio::awaitable<void> survive(std::span<const mishap> first, std::span<const mishap> then) {
    co_await begin();
    for (const mishap& each : first) co_await meet(each);
    for (const mishap& each : then) co_await meet(each);
    co_await end();
  }

  /// Kills the server three times during 200 calls, four at a time.
  asio::awaitable<void> survive_storm() {
    constexpr std::size_t lines = 4, kills = 3;
    co_await begin();
    auto executor = co_await asio::this_coro::executor;
    mcp::event progress(executor);
    const auto began = steady::now();
    for (std::size_t i = 0; i < lines; ++i) {
      asio::co_spawn(executor, work(progress), [&](const std::exception_ptr& failed) {
        if (failed) std::rethrow_exception(failed);
        ++lines_done_, progress.notify();
      });
    }
    std::string recoveries;
    std::error_code ignored;
    for (std::size_t i = 1; i <= kills; ++i) {
      while (ended_ < 50 * i)
        co_await progress.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      server_.kill();
      server_.drop_sessions();
      co_await sleep(50ms);
      server_.start();
      const auto back = steady::now();
      last_answer_ = {};
      while (last_answer_ < back && lines_done_ < lines)
        co_await progress.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      std::array<char, 32> text;
      std::snprintf(text.data(), text.size(), "%s%.0f",
                    i == 1       ? ""
                    : i == kills ? " and "
                                 : ", ",
                    milliseconds(last_answer_ - back));
      recoveries.append(text.data());
    }
    while (lines_done_ < lines)
      co_await progress.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    std::printf("  It is killed %zu times during 200 calls, four at a time, and back after 50 ms each.\n",
                kills);
    line(steady::now() - began, "all reads and all calls that may run twice answered; of " +
                                    std::to_string(transfers_) + " transfers " +
                                    std::to_string(transfers_ - unknown_) + " answered, " +
                                    std::to_string(unknown_) + " outcome unknown");
    std::printf("               first answers %s ms after it was back\n", recoveries.c_str());
    co_await end();
  }

 private:
  asio::awaitable<void> begin() {
    auto executor = co_await asio::this_coro::executor;
    options_.tls.ca_pem = server_.ca_pem();
    options_.observer = journal_;
    options_.recovery.replay = mcp::replay_policy::trusted_annotations;
    // Here passes in seconds what would pass in a week: shorter waits, and the retry budget of a week.
    options_.recovery.schedule = {.base = 20ms, .cap = 100ms};
    options_.origins =
        std::make_shared<mcp::origin_registry>(nullptr, mcp::retry_budget::settings{.burst = 1000});
    client_.emplace(executor, server_.url(), options_);
    co_await check_on_client();
    journal_->take();
  }

  /// A plain read, without help. Where it fails, somebody has to step in.
  asio::awaitable<void> check_on_client() {
    auto tools = co_await client_->list_tools(mcp::call_options{}, mcp::as_result);
    count(tools);
    if (tools) co_return;
    ++total.reconnects;
    auto executor = co_await asio::this_coro::executor;
    client_.emplace(executor, server_.url(), options_);
  }

  asio::awaitable<void> meet(const mishap& it) {
    std::printf("  %.*s\n", static_cast<int>(it.what.size()), it.what.data());
    auto executor = co_await asio::this_coro::executor;
    mcp::event finished(executor);
    std::optional<mcp::result<mcp::tool_result>> outcome;
    steady::time_point back{}, ended{};
    const std::string key = new_key(it.tool);
    const std::string arguments = std::string(R"({"amount":5,"ms":)") +
                                  (it.when == killed::during_call ? "20" : "1") + R"(,"key":")" + key + "\"}";
    const auto call = [&] {
      client_->call_tool(it.tool, arguments, {}, [&](mcp::result<mcp::tool_result> answer) {
        ended = steady::now();
        outcome.emplace(std::move(answer));
        finished.notify();
      });
    };

    server_.cut_next_call(it.breaks);
    if (it.when == killed::during_call) {
      call();
      co_await sleep(10ms);
    }
    if (it.when != killed::never) server_.kill();
    if (it.forgets) server_.drop_sessions();
    if (it.when == killed::before_call && it.down == 0ms) server_.start();
    const auto began = steady::now();
    if (it.when != killed::during_call) call();
    if (it.down != 0ms) {
      co_await sleep(it.down);
      server_.start();
      back = steady::now();
    }
    std::error_code ignored;
    while (!outcome) co_await finished.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    count(*outcome);
    co_await check_on_client();
    if (!*outcome) ended = steady::now();

    const bool unknown = !*outcome && outcome->error().code() == mcp::errc::outcome_unknown;
    const std::size_t runs = server_.counts().runs(key);
    line(ended - std::max(began, back), std::string(it.tool) +
                                            (unknown ? " ended as outcome unknown" : " answered") + ", " +
                                            times(runs) + (unknown ? "; the next call answered" : ""));
    std::printf("               %s\n", journal_->take().c_str());
    if (unknown != it.unknown) surprise("that outcome");
    if (runs != it.runs) surprise("it should have run " + std::to_string(it.runs) + " times");
  }

  /// One of the lines of work of the storm.
  asio::awaitable<void> work(mcp::event& progress) {
    constexpr std::array<std::string_view, 3> tools = {"covers", "transfer", "set_limit"};
    for (int i = 0; i < 50; ++i) {
      const std::string tool(tools[static_cast<std::size_t>(i) % tools.size()]);
      const std::string key = new_key(tool);
      const std::string arguments = R"({"amount":5,"ms":2,"key":")" + key + "\"}";
      auto answer = co_await client_->call_tool(tool, arguments, mcp::call_options{}, mcp::as_result);
      count(answer);
      ++ended_;
      if (tool == "transfer") ++transfers_;
      if (answer) {
        last_answer_ = steady::now();
        if (tool == "transfer" && server_.counts().runs(key) != 1) surprise("a transfer that ran not once");
      } else if (tool == "transfer") {
        ++unknown_;
      } else {
        surprise(tool + " not answered");
      }
      progress.notify();
    }
  }

  asio::awaitable<void> end() {
    for (const auto& [key, runs] : server_.counts().runs_of_key) {
      if (runs > 1 && key.starts_with("transfer")) ++total.doubled;
    }
    co_await client_->close();
  }

  std::string new_key(std::string_view tool) { return std::string(tool) + '-' + std::to_string(++keys_); }

  asio::io_context context_{1};  // outlives the client
  example::mcp_server server_;
  std::shared_ptr<journal> journal_ = std::make_shared<journal>();
  mcp::client_options options_;
  std::optional<mcp::client> client_;
  std::size_t keys_ = 0;
  // Of the storm.
  std::size_t ended_ = 0, transfers_ = 0, unknown_ = 0, lines_done_ = 0;
  steady::time_point last_answer_{};
};

void show(std::string_view title, const example::server_options& options) {
  std::cout << '\n' << title << std::endl;
  const example::mcp_server server(options);
  asio::io_context context{1};
  run(context, tour(server));
}

void torture(std::string_view title, const example::server_options& options, std::span<const mishap> first,
             std::span<const mishap> then) {
  std::cout << '\n' << title << std::endl;
  program user(options);
  run(user.context(), user.survive(first, then));
}

}  // namespace

int main() {
  using enum example::eras;
  try {
    std::cout << "\nWhat it does\n";
    show("A modern server (no session, no handshake), plain HTTP", {.speaks = modern});
    show("A modern server, TLS", {.tls = true, .speaks = modern});
    show("A legacy server (a session), plain HTTP", {.speaks = legacy});
    show("A legacy server, TLS", {.tls = true, .speaks = legacy});

    std::cout << "\nWhat it survives, and how long it takes from when the server is there again\n";
    torture("A legacy server, which forgets its sessions when it is killed", {.speaks = legacy}, both_eras,
            legacy_only);
    torture("Another legacy server", {.speaks = legacy, .stale_is_400 = true}, other_400, {});
    torture("A modern server, TLS", {.tls = true, .speaks = modern}, both_eras, modern_only);
    std::cout << "\nA legacy server under load" << std::endl;
    program user({.speaks = legacy});
    run(user.context(), user.survive_storm());
  } catch (const mcp::error& e) {
    std::cerr << "demo: " << e.why().describe() << '\n';
    return 1;
  }
  std::printf(
      "\ndemo: %zu calls, %zu answered, %zu outcome unknown, %zu double executions, %zu manual reconnects\n",
      total.calls, total.answered, total.unknown, total.doubled, total.reconnects);
  const bool good = total.surprises == 0 && total.doubled == 0 && total.reconnects == 0 &&
                    total.answered + total.unknown == total.calls;
  return good ? 0 : 1;
}
