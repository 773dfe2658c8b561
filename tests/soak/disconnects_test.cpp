// SPDX-License-Identifier: MIT
// Every call loses its connection once, at a random moment after its request was sent.
#include "loopback.hpp"
#include "misfortune.hpp"
#include "run.hpp"
#include <mcp/mcp.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <support/fake_random.hpp>
#include <support/started.hpp>

using namespace std::chrono_literals;

namespace {

struct totals {
  std::uint64_t calls = 0, answered = 0, unknown = 0, run = 0, run_twice = 0, resumed = 0;
};

/// Calls one tool, in both eras and all forms of answers.
totals disconnect(std::string_view tool) {
  const std::uint64_t calls = soak::either(10'000, 1'000) / 8;
  test::seeded_random random(tool.size());
  const int descriptors = soak::open_descriptors();
  totals sum;
  {
    soak::server_process server;
    std::uint64_t first_key = 0;
    for (const std::string version : {"2025-11-25", "2026-07-28"}) {
      for (const std::string form : {"/json", "/chunked", "/stream", "/events"}) {
        INFO(version << " " << form);
        asio::io_context context{1};
        auto options = soak::tireless(version);
        options.recovery.replay = mcp::replay_policy::trusted_annotations;
        mcp::client client(context.get_executor(), server.url(form), options);
        soak::batch todo;
        todo.tool = tool;
        todo.from = first_key;
        todo.to = first_key += calls;
        todo.at_once = 16;
        todo.fate = [&] { return soak::misfortune::any(random); };
        soak::start(context, client, todo);
        test::run_until(
            context, [&] { return todo.done(); }, 10min);
        const auto counts = server.report(todo.from, todo.to);
        CHECK(todo.complaints() == "");
        CHECK(todo.answered + todo.unknown == calls);
        CHECK(todo.answered <= counts.run);
        sum = {sum.calls + todo.calls, sum.answered + todo.answered,     sum.unknown + todo.unknown,
               sum.run + counts.run,   sum.run_twice + counts.run_twice, counts.resumed};
        CHECK(counts.unexpected == 0);
        const auto closing = test::start(context, client.close(mcp::as_result));
        test::run_until(context, [&] { return closing.done(); });
      }
    }
  }
  CHECK(soak::open_descriptors() == descriptors);
  soak::figures line("disconnects, " + std::string(tool == soak::plain_tool ? "unannotated" : "idempotent"));
  line.add("calls", sum.calls);
  line.add("answered", sum.answered);
  line.add("outcome unknown", sum.unknown);
  line.add("run", sum.run);
  line.add("run twice", sum.run_twice);
  line.add("streams taken up", sum.resumed);
  return sum;
}

}  // namespace

TEST_CASE("a call that loses its connection is never run twice", "[soak]") {
  const auto sum = disconnect(soak::plain_tool);
  CHECK(sum.run_twice == 0);
  CHECK(sum.unknown > sum.calls / 10);
  CHECK(sum.run < sum.calls);
  CHECK(sum.answered > sum.calls / 10);  // what was complete, and streams that could be taken up
  CHECK(sum.resumed > 0);
}

TEST_CASE("a call that may run twice is always answered", "[soak]") {
  const auto sum = disconnect(soak::harmless_tool);
  CHECK(sum.answered == sum.calls);
  CHECK(sum.run == sum.calls);
  CHECK(sum.run_twice > 0);
}
