// SPDX-License-Identifier: MIT
#include <mcp/policy/retry_after.hpp>

#include <catch2/catch_test_macros.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace std::chrono_literals;
using mcp::parse_retry_after;
using std::chrono::sys_days;
using std::chrono::sys_seconds;
using clock_point = std::chrono::system_clock::time_point;

constexpr sys_seconds example = sys_days(std::chrono::year(1994) / 11 / 6) + 8h + 49min + 37s;

TEST_CASE("Retry-After: values") {
  struct row {
    std::string_view value;
    std::optional<std::chrono::seconds> want;
  };
  const row rows[] = {
      {"0", 0s},
      {"120", 120s},
      {"007", 7s},
      {"3600", 3600s},
      {"3601", 3600s},
      {"18446744073709551616", 3600s},
      {"99999999999999999999999999999999999999999999", 3600s},
      // The example of RFC 9110 §5.6.7, seen from a minute before.
      {"Sun, 06 Nov 1994 08:49:37 GMT", 60s},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 60s},
      {"Sun Nov  6 08:49:37 1994", 60s},
      {"Sun, 06 Nov 1994 08:48:37 GMT", 0s},
      {"Sun, 06 Nov 1994 08:48:36 GMT", 0s},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0s},
      {"Mon, 01 Jan 0001 00:00:00 GMT", 0s},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 3600s},
      {"Sun, 06 Nov 1994 08:49:60 GMT", 83s},  // a leap second

      {"", {}},
      {" 1", {}},
      {"1 ", {}},
      {"-1", {}},
      {"+1", {}},
      {"1.5", {}},
      {"1s", {}},
      {"0x10", {}},
      {"1, 2", {}},
      {"soon", {}},
      {"Sun, 06 Nov 1994 08:49:37", {}},
      {"Sun, 06 Nov 1994 08:49:37 UTC", {}},
      {"Sun, 06 Nov 1994 08:49:37 gmt", {}},
      {"Sun, 06 Nov 1994 08:49:37 GMT ", {}},
      {"sun, 06 Nov 1994 08:49:37 GMT", {}},
      {"Sun, 6 Nov 1994 08:49:37 GMT", {}},
      {"Sun, 06 nov 1994 08:49:37 GMT", {}},
      {"Sun,06 Nov 1994 08:49:37 GMT", {}},
      {"Sun, 06 Nov 94 08:49:37 GMT", {}},
      {"Mon, 06 Nov 1994 08:49:37 GMT", {}},  // it was a Sunday
      {"Sun, 06 Nov 1994 24:00:00 GMT", {}},
      {"Sun, 06 Nov 1994 08:60:00 GMT", {}},
      {"Sun, 06 Nov 1994 08:49:61 GMT", {}},
      {"Sun, 06 Nov 1994 8:49:37 GMT", {}},
      {"Sun, 06 Nov 1994 08:49:+7 GMT", {}},
      {"Thu, 31 Nov 1994 08:49:37 GMT", {}},
      {"Tue, 29 Feb 1994 08:49:37 GMT", {}},
      {"Sun, 00 Nov 1994 08:49:37 GMT", {}},
      {"Sunday, 06 Nov 1994 08:49:37 GMT", {}},
      {"Sunday, 06-Nov-1994 08:49:37 GMT", {}},
      {"Sun, 06-Nov-94 08:49:37 GMT", {}},
      {"Sun Nov 06 08:49:37 1994", 60s},
      {"Sun Nov 6 08:49:37 1994", {}},
      {"Sun Nov   6 08:49:37 1994", {}},
      {"Sun Nov  6 08:49:37 1994 GMT", {}},
      {"Sun Nov  6 08:49:37 94", {}},
      {"1994-11-06T08:49:37Z", {}},
  };
  const clock_point now = example - 60s;
  for (const auto& [value, want] : rows) {
    INFO(value);
    CHECK(parse_retry_after(value, now, 3600s) == want);
  }
}

TEST_CASE("Retry-After: no wait is too short by a part of a second, and none is negative") {
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", clock_point(example) - 1ms, 60s) == 1s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", clock_point(example) + 1ms, 60s) == 0s);
  CHECK(parse_retry_after("5", clock_point(), -1s) == 0s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", clock_point(example) - 9s, -1s) == 0s);
}

constexpr std::array short_days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                  "Thursday", "Friday", "Saturday"};
constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct three_forms {
  std::string fixdate, rfc850, asctime;
};

three_forms write(sys_seconds when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(when - day);
  const auto weekday = std::chrono::weekday(day).c_encoding();
  const char* month = months.at(static_cast<unsigned>(date.month()) - 1);
  const auto day_number = static_cast<unsigned>(date.day());
  const int year = static_cast<int>(date.year());
  std::array<char, 9> clock{};
  std::snprintf(clock.data(), clock.size(), "%02u:%02u:%02u",
                static_cast<unsigned>(time.hours().count()) % 100,
                static_cast<unsigned>(time.minutes().count()) % 100,
                static_cast<unsigned>(time.seconds().count()) % 100);
  std::array<char, 64> fixdate{}, rfc850{}, asctime{};
  std::snprintf(fixdate.data(), fixdate.size(), "%s, %02u %s %04d %s GMT", short_days.at(weekday), day_number,
                month, year, clock.data());
  std::snprintf(rfc850.data(), rfc850.size(), "%s, %02u-%s-%02d %s GMT", long_days.at(weekday), day_number,
                month, year % 100, clock.data());
  std::snprintf(asctime.data(), asctime.size(), "%s %s %2u %s %04d", short_days.at(weekday), month,
                day_number, clock.data(), year);
  return {fixdate.data(), rfc850.data(), asctime.data()};
}

TEST_CASE("Retry-After: every day of four centuries, in all forms") {
  constexpr std::chrono::seconds most = 24h * 366 * 500;
  const sys_seconds first = sys_days(std::chrono::year(1800) / 1 / 1) + 23h + 59min + 58s;
  const sys_seconds last = sys_days(std::chrono::year(2200) / 12 / 31) + 23h;
  int leap_days = 0;
  for (sys_seconds when = first; when < last; when += 24h - 7s) {
    const auto text = write(when);
    leap_days += text.fixdate.find("29 Feb") != text.fixdate.npos ? 1 : 0;
    // Asked a little before, so that the century of the short form is known.
    for (const auto& value : {text.fixdate, text.rfc850, text.asctime}) {
      const auto wait = parse_retry_after(value, when - 12345s, most);
      if (wait != 12345s) FAIL(value);
    }
  }
  CHECK(leap_days >= 97);
}

TEST_CASE("Retry-After: a two-digit year is at most 50 years ahead") {
  constexpr std::chrono::seconds most = 24h * 366 * 500;
  struct row {
    sys_seconds now;
    sys_seconds then;
    bool ahead;
  };
  const auto at = [](int year, unsigned month, unsigned day) {
    return sys_seconds(sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day)));
  };
  const row rows[] = {
      {at(2026, 7, 28), at(2076, 7, 28), true},   // 50 years to the second
      {at(2026, 7, 28), at(2076, 7, 29), false},  // more: it was 1976
      {at(2026, 7, 28), at(2077, 1, 1), false},
      {at(2026, 7, 28), at(2075, 12, 31), true},
      {at(2026, 7, 28), at(2027, 1, 1), true},
      {at(1999, 12, 31), at(2000, 1, 1), true},
      {at(2099, 12, 31), at(2100, 3, 1), true},
      {at(2095, 1, 1), at(2005, 1, 1) + 24h * 36524, true},  // 2104-12-31
      {at(2046, 2, 28), at(2096, 2, 29), false},             // a leap day, fifty years and a day ahead
  };
  for (const auto& [now, then, ahead] : rows) {
    // The name of the day depends on the century that is meant.
    const auto meant = ahead ? then : [&] {
      const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(then));
      return sys_seconds(sys_days((date.year() - std::chrono::years(100)) / date.month() / date.day()));
    }();
    const auto text = write(meant).rfc850;
    INFO(text);
    CHECK(parse_retry_after(text, now, most) == (ahead ? then - now : 0s));
  }
}

TEST_CASE("the reconnection time of a stream is clamped, and says so") {
  struct row {
    std::uint64_t milliseconds;
    std::chrono::milliseconds want;
    bool clamped;
  };
  for (const auto& [milliseconds, want, clamped] :
       {row{0, 100ms, true}, row{99, 100ms, true}, row{100, 100ms, false}, row{3000, 3s, false},
        row{30'000, 30s, false}, row{30'001, 30s, true},
        row{std::numeric_limits<std::uint64_t>::max(), 30s, true}}) {
    INFO(milliseconds);
    const auto got = mcp::clamp_retry(milliseconds, 100ms, 30s);
    CHECK(got.delay == want);
    CHECK(got.clamped == clamped);
  }
}

}  // namespace
