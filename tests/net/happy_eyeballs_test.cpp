// SPDX-License-Identifier: MIT
#include <mcp/net/happy_eyeballs.hpp>

#include <asio/ip/address.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using mcp::net::endpoint;
using mcp::net::happy_eyeballs;

TEST_CASE("address families alternate, from the family that sorts first") {
  struct row {
    std::vector<const char*> sorted, expected;
  };
  const row rows[] = {
      {{}, {}},
      {{"192.0.2.1"}, {"192.0.2.1"}},
      {{"2001:db8::1", "2001:db8::2"}, {"2001:db8::1", "2001:db8::2"}},
      {{"2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"},
       {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"}},
      {{"192.0.2.1", "192.0.2.2", "2001:db8::1"}, {"192.0.2.1", "2001:db8::1", "192.0.2.2"}},
      {{"2001:db8::1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::2"},
       {"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "192.0.2.3"}},
  };
  const auto endpoints = [](const std::vector<const char*>& texts) {
    std::vector<endpoint> made;
    for (const char* text : texts) made.emplace_back(asio::ip::make_address(text), 80);
    return made;
  };
  for (const row& each : rows)
    CHECK(mcp::net::interleave_families(endpoints(each.sorted)) == endpoints(each.expected));
}

TEST_CASE("attempts start 250 ms apart, or when one fails") {
  // What happens, and when; then which candidates start, and when the next one would.
  struct step {
    std::chrono::milliseconds at;
    int failures;
    std::vector<std::size_t> starts;
    std::optional<std::chrono::milliseconds> next_at;  // nothing: no candidate is left
    bool exhausted;
  };
  struct row {
    const char* name;
    std::size_t candidates;
    std::vector<step> steps;
  };
  const row rows[] = {
      {"one", 1, {{0ms, 0, {0}, {}, false}, {900ms, 0, {}, {}, false}, {901ms, 1, {}, {}, true}}},
      {"none answers",
       3,
       {{0ms, 0, {0}, 250ms, false},
        {249ms, 0, {}, 250ms, false},
        {250ms, 0, {1}, 500ms, false},
        {620ms, 0, {2}, {}, false},
        {9000ms, 2, {}, {}, false},
        {9001ms, 1, {}, {}, true}}},
      {"all refuse at once",
       3,
       {{0ms, 0, {0}, 250ms, false},
        {1ms, 1, {1}, 251ms, false},
        {2ms, 1, {2}, {}, false},
        {3ms, 1, {}, {}, true}}},
      {"the first hangs, the second refuses",
       3,
       {{0ms, 0, {0}, 250ms, false}, {250ms, 0, {1}, 500ms, false}, {260ms, 1, {2}, {}, false}}},
      {"two fail in one look: one more starts, not two",
       4,
       {{0ms, 0, {0}, 250ms, false}, {250ms, 0, {1}, 500ms, false}, {300ms, 2, {2}, 550ms, false}}},
      {"no candidate", 0, {{0ms, 0, {}, {}, true}}},
  };
  const happy_eyeballs::time_point begin{1h};
  for (const row& each : rows) {
    CAPTURE(each.name);
    happy_eyeballs schedule(each.candidates);
    for (const step& now : each.steps) {
      CAPTURE(now.at.count());
      for (int i = 0; i < now.failures; ++i) schedule.failed();
      std::vector<std::size_t> started;
      while (const auto next = schedule.start(begin + now.at)) started.push_back(*next);
      CHECK(started == now.starts);
      CHECK(schedule.next_at() == (now.next_at ? begin + *now.next_at : happy_eyeballs::time_point::max()));
      CHECK(schedule.exhausted() == now.exhausted);
    }
  }
}
