// SPDX-License-Identifier: MIT
// A wait is never negative and never more than was allowed, and what is no number of seconds means less the
// later one asks. The input is a field value and the present time in seconds since 1970, one a line.
#include <mcp/base/ascii.hpp>
#include <mcp/policy/retry_after.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using std::chrono::seconds;
  constexpr seconds most(3600);
  constexpr std::uint64_t latest = 9'000'000'000;  // in the year 2255, near the end of the clock's range
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  const auto value = input.substr(0, end);
  const auto present =
      std::min(mcp::ascii::parse_decimal(input.substr(std::min(end + 1, input.size()))).value_or(0), latest);
  const std::chrono::system_clock::time_point now{seconds(static_cast<seconds::rep>(present))};

  const auto wait = mcp::parse_retry_after(value, now, most);
  const auto later = mcp::parse_retry_after(value, now + seconds(1), most);
  if (!wait) return 0;
  require(*wait >= seconds(0) && *wait <= most);
  // A year of two digits may change its century, and with it the day of the week, from one second to the
  // next.
  if (later) require(*later == *wait || *later + seconds(1) == *wait || *later == seconds(0));
  if (mcp::ascii::parse_decimal(value)) require(later == wait);
  return 0;
}
