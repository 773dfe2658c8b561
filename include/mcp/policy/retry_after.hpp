// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mcp::inline v0 {

namespace detail {

/// Reads an HTTP-date (RFC 9110 §5.6.7) from the left; remembers whether all has matched so far.
class http_date_reader {
 public:
  explicit http_date_reader(std::string_view text) : rest_(text) {}

  bool ok() const noexcept { return ok_; }
  bool at_end() const noexcept { return ok_ && rest_.empty(); }

  void literal(std::string_view expected) {
    ok_ = ok_ && rest_.starts_with(expected);
    if (ok_) rest_.remove_prefix(expected.size());
  }

  /// Exactly so many digits.
  int number(std::size_t digits) {
    const auto value = ascii::parse_decimal(rest_.substr(0, digits));
    ok_ = ok_ && rest_.size() >= digits && value;
    if (!ok_) return 0;
    rest_.remove_prefix(digits);
    return static_cast<int>(*value);
  }

  /// The day of the month in the old C form: two columns, a space in place of a leading zero.
  int padded_day() {
    if (!rest_.starts_with(' ')) return number(2);
    rest_.remove_prefix(1);
    return number(1);
  }

  /// Which of the names stands here.
  template <std::size_t N>
  unsigned name(const std::array<std::string_view, N>& names) {
    const auto found = std::ranges::find_if(names, [&](auto each) { return rest_.starts_with(each); });
    ok_ = ok_ && found != names.end();
    if (!ok_) return 0;
    rest_.remove_prefix(found->size());
    return static_cast<unsigned>(found - names.begin());
  }

  unsigned month() {
    constexpr std::array<std::string_view, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return name(names) + 1;
  }

  std::chrono::seconds time_of_day() {
    const int hour = number(2);
    literal(":");
    const int minute = number(2);
    literal(":");
    const int second = number(2);
    ok_ = ok_ && hour < 24 && minute < 60 && second <= 60;  // 60: a leap second
    return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

/// All three forms of an HTTP-date. `now` gives a two-digit year its century.
inline std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                               std::chrono::sys_seconds now) {
  using namespace std::chrono;
  constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                         "Thursday", "Friday", "Saturday"};
  http_date_reader read(text);
  unsigned weekday_read = 0;
  int year_read = 0;
  unsigned month_read = 0;
  int day_read = 0;
  seconds time{};
  const auto assemble = [&](int in_year) {
    return year_month_day(year(in_year), month(month_read), day(static_cast<unsigned>(day_read)));
  };

  const auto comma = text.find(',');
  if (comma == text.npos) {  // asctime-date: Sun Nov  6 08:49:37 1994
    weekday_read = read.name(days);
    read.literal(" ");
    month_read = read.month();
    read.literal(" ");
    day_read = read.padded_day();
    read.literal(" ");
    time = read.time_of_day();
    read.literal(" ");
    year_read = read.number(4);
  } else if (comma == 3) {  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
    weekday_read = read.name(days);
    read.literal(", ");
    day_read = read.number(2);
    read.literal(" ");
    month_read = read.month();
    read.literal(" ");
    year_read = read.number(4);
    read.literal(" ");
    time = read.time_of_day();
    read.literal(" GMT");
  } else {  // rfc850-date: Sunday, 06-Nov-94 08:49:37 GMT
    weekday_read = read.name(long_days);
    read.literal(", ");
    day_read = read.number(2);
    read.literal("-");
    month_read = read.month();
    read.literal("-");
    const int two_digits = read.number(2);
    read.literal(" ");
    time = read.time_of_day();
    read.literal(" GMT");
    // The latest year with these digits that is not "more than 50 years in the future".
    const year_month_day today(floor<std::chrono::days>(now));
    const int this_year = static_cast<int>(today.year());
    year_read = this_year - this_year % 100 + 100 + two_digits;
    const auto too_late = [&] {
      return year_read > this_year + 50 ||
             (year_read == this_year + 50 && sys_days(assemble(this_year)) + time > now);
    };
    while (too_late()) year_read -= 100;
  }

  const auto date = assemble(year_read);
  if (!read.at_end() || !date.ok() || weekday(sys_days(date)) != weekday(weekday_read)) return std::nullopt;
  return sys_days(date) + time;
}

}  // namespace detail

/// How long a `Retry-After` field value asks to wait (RFC 9110 §10.2.3): a number of seconds, or a date in
/// any of its three forms, seen from `now`. A date that has passed means not at all; what exceeds `most`
/// becomes `most`. Nothing for any other text, also for a date whose day of the week is wrong.
inline std::optional<std::chrono::seconds> parse_retry_after(std::string_view value,
                                                             std::chrono::system_clock::time_point now,
                                                             std::chrono::seconds most) {
  using std::chrono::seconds;
  if (const auto delta = ascii::parse_decimal(value)) {
    const auto limit = static_cast<std::uint64_t>(std::max(most, seconds(0)).count());
    return seconds(static_cast<seconds::rep>(std::min(*delta, limit)));
  }
  // Seconds, since the clock's own unit cannot hold every date; rounded so that the wait is never too short.
  const auto present = std::chrono::floor<seconds>(now);
  const auto date = detail::parse_http_date(value, present);
  if (!date) return std::nullopt;
  return std::clamp(*date - present, seconds(0), std::max(most, seconds(0)));
}

/// The reconnection time of an event stream, and whether it is the server's own.
struct reconnection_time {
  std::chrono::milliseconds delay{};
  bool clamped = false;
};

/// The field `retry:` of an event stream (HTML §9.2.6), in milliseconds, brought into [least, most]: a
/// server can ask neither for a busy loop nor for silence without end.
inline reconnection_time clamp_retry(std::uint64_t milliseconds, std::chrono::milliseconds least,
                                     std::chrono::milliseconds most) noexcept {
  if (milliseconds < static_cast<std::uint64_t>(least.count())) return {least, true};
  if (milliseconds > static_cast<std::uint64_t>(most.count())) return {most, true};
  return {std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(milliseconds)), false};
}

}  // namespace mcp::inline v0
