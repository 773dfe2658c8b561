// SPDX-License-Identifier: MIT
#include "canonical_exchanges.hpp"
#include "fault_bench.hpp"
#include "support/allocation_faults.hpp"
#include "support/interposed_allocation.hpp"
#include "support/interposed_network.hpp"
#include <mcp/json/walk.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>

// What cannot be survived, or only so far:
//
// - Asio 1.22 starts what is awaited with `use_awaitable` inside an `await_suspend` that is `noexcept`
//   (asio/impl/awaitable.hpp). Where there is no memory for the operation, that ends the program, and no code
//   of ours is asked. These allocations are found by the call stack (`asio_cannot_throw()`), counted, and
//   left out. They are a few hundred bytes that Asio mostly has left from the operation before.
// - When the last coroutine of a `co_spawn` is done and there is no memory to call its completion handler,
//   `std::bad_alloc` comes out of `run()`. The library leaves nothing to such handlers: `run()` can be called
//   again and all goes on. How often this happened is counted.

using namespace std::chrono_literals;
using test::canonical_exchange;
using test::fault;
using test::fault_bench;
using test::io_fault;
using test::outcome;

namespace {

int escaped = 0;  // how often std::bad_alloc came out of `run()`

// Asio ignores it when what a connecting socket is watched for cannot be changed.
bool hangs(const fault& planned, const test::trial& seen) {
  if (planned.operation == 0) return false;
  return planned.what == io_fault::stall ||
         (planned.what == io_fault::error &&
          seen.operations.at(planned.operation - 1) == test::io_operation::watch);
}

test::trial attempt(const canonical_exchange& exchange, const fault& planned) {
  const int descriptors = test::open_descriptors();
  test::trial seen;
  {
    fault_bench bench(exchange);
    exchange.prepare(bench);
    seen = test::faulty_run(bench, planned).run();
    escaped += bench.world.escaped;

    CHECK(seen.completions == 1);
    CHECK(bench.beside == 0);
    CHECK_FALSE(seen.other_exception);
    CAPTURE(seen.code.message());
    if (seen.code) CHECK(seen.code.category() == mcp::error_category());
    if (planned.allocation == 0) {
      CHECK_FALSE(seen.out_of_memory);
      CHECK(bench.world.escaped == 0);
    }
    const bool harmless = planned.what == io_fault::none || planned.what == io_fault::one_byte;
    if (harmless && planned.allocation == 0) CHECK(seen.code == outcome());
    CHECK(seen.took <= exchange.deadline);
    const auto& runs = bench.peer.executions();
    if (const auto own = runs.find(R"(a{"n":1})"); own != runs.end()) CHECK(own->second == 1);

    if (bench.client && !exchange.ends_client && seen.completions == 1) {
      // A connection that hangs while it is opened may still be hanging; who comes meanwhile shares its fate.
      if (hangs(planned, seen)) bench.run(test::other_call);
      CHECK(bench.run(test::other_call) == outcome());
    }
    bench.client.reset();
    CHECK(bench.world.at_rest());
    CHECK(bench.network->open() == 0);
  }
  CHECK(test::open_descriptors() == descriptors);
  return seen;
}

std::string describe(const fault& planned, const test::trial& without) {
  std::string text;
  if (planned.operation != 0) {
    text = "operation " + std::to_string(planned.operation) + " (" +
           std::string(test::to_text(without.operations.at(planned.operation - 1))) + "), " +
           std::string(test::to_text(planned.what));
  }
  if (planned.allocation != 0) text += " allocation " + std::to_string(planned.allocation);
  return text;
}

}  // namespace

TEST_CASE("whatever fails, an exchange ends with one outcome, in time, and leaves nothing behind") {
  REQUIRE_FALSE(test::program_symbols::get().empty());
  // After a failed operation, every allocation on the way to the outcome fails as well; by default in a part
  // of these cases.
  const std::size_t share = std::getenv("MCP_TEST_FULL") != nullptr ? 1 : 13;
  const bool verbose = std::getenv("MCP_TEST_VERBOSE") != nullptr;
  std::size_t together = 0;
  std::size_t all = 0;
  std::size_t fatal = 0;
  for (const canonical_exchange& exchange : test::canonical_exchanges()) {
    CAPTURE(exchange.name);
    attempt(exchange, {});  // what a thread keeps for later, such as its JSON parser, is there from now on
    const test::trial without = attempt(exchange, {});
    std::size_t cases = 1;
    const auto fail_allocations = [&](const test::trial& counted, fault planned) {
      for (std::size_t i = counted.struck_after + 1; i <= counted.allocations; ++i) {
        if (counted.fatal.at(i - 1)) {
          ++fatal;
          continue;
        }
        if (planned.operation != 0 && ++together % share != 0) continue;
        planned.allocation = i;
        CAPTURE(describe(planned, without));
        attempt(exchange, planned);
        ++cases;
      }
    };
    fail_allocations(without, {});
    for (std::size_t i = 1; i <= without.operations.size(); ++i) {
      for (const io_fault what : test::all_io_faults) {
        if (!applies(what, without.operations[i - 1])) continue;
        const fault planned{.operation = i, .what = what};
        CAPTURE(describe(planned, without));
        const test::trial counted = attempt(exchange, planned);
        if (verbose) {
          std::printf("  %s: %s after %lld ms\n", describe(planned, without).c_str(),
                      counted.code.message().c_str(), static_cast<long long>(counted.took / 1ms));
        }
        ++cases;
        if (what != io_fault::one_byte) fail_allocations(counted, planned);
      }
    }
    all += cases;
    if (verbose) {
      std::printf("%s: %zu allocations, %zu operations, %zu cases\n", exchange.name, without.allocations,
                  without.operations.size(), cases);
    }
  }
  std::printf(
      "%zu cases; in %d of them std::bad_alloc came out of run(); left out: %zu allocations with which Asio "
      "starts an operation\n",
      all, escaped, fatal);
}

TEST_CASE("a parser for which there was no memory reads the next text", "[json]") {
  const std::string text = "[" + std::string(100'000, ' ') + "]";
  std::size_t nth = 0, made = 0;
  do {
    ++nth;
    bool reads = false;
    const auto meet_a_fault = [&] {
      test::allocation_faults::arm(nth);
      try {
        static_cast<void>(mcp::json::validate(text));
      } catch (const std::bad_alloc&) {
      }
      made = test::allocation_faults::disarm();
      reads = mcp::json::validate(text).has_value();
    };
    std::thread(meet_a_fault).join();  // which has no parser yet
    CAPTURE(nth);
    CHECK(reads);
  } while (made >= nth);
  CHECK(nth > 3);
}
