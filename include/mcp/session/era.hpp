// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/protocol_era.hpp>
#include <mcp/base/result.hpp>
#include <mcp/rpc/code.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mcp::inline v0 {

/// What this library speaks, newest first.
inline constexpr std::array<std::string_view, 1> modern_versions = {"2026-07-28"};
inline constexpr std::array<std::string_view, 4> legacy_versions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                                    "2024-11-05"};

namespace detail {

template <std::size_t N>
constexpr bool speaks(const std::array<std::string_view, N>& ours, std::string_view version) noexcept {
  return std::ranges::find(ours, version) != ours.end();
}

/// The newest of ours that is among theirs; empty if none is.
template <std::size_t N>
std::string_view newest_common(const std::array<std::string_view, N>& ours,
                               std::span<const std::string> theirs) {
  const auto found = std::ranges::find_if(
      ours, [&](std::string_view version) { return std::ranges::find(theirs, version) != theirs.end(); });
  return found == ours.end() ? std::string_view() : *found;
}

/// What a server was found to speak, and when.
struct era_verdict {
  std::string version;
  std::chrono::system_clock::time_point learned{};

  /// A legacy verdict is good for a day: an upgraded server still answers `initialize`.
  bool holds_at(std::chrono::system_clock::time_point now) const {
    return !speaks(legacy_versions, version) || now < learned + std::chrono::hours(24);
  }
};

/// Which era and version a server speaks: decides what to ask and what the answers mean, and does no I/O.
///
/// An unknown server is asked `server/discover`, never the caller's own request, which a legacy server might
/// run. What counts as an answer is "Backward Compatibility" of 2026-07-28 (Streamable HTTP, Versioning).
class negotiation {
 public:
  enum class step { discover, initialize, acknowledge, done, failed };

  /// With a `known` version there is nothing to find out, except what a legacy server makes of it.
  explicit negotiation(std::string_view known = {}) {
    if (known.empty()) {
      version_ = modern_versions.front();
    } else if (speaks(modern_versions, known)) {
      version_ = known;
      step_ = step::done;
    } else if (speaks(legacy_versions, known)) {
      fall_back(known);
    } else {
      fail(failure(errc::unsupported_protocol_version, "this library does not speak " + std::string(known)));
    }
  }

  step next() const noexcept { return step_; }
  protocol_era era() const noexcept { return era_; }
  /// To ask with, and, when done, the one agreed on.
  std::string_view version() const noexcept { return version_; }
  const failure& why() const noexcept { return why_; }

  /// `server/discover` was answered with a result; `supported` is empty if that is no DiscoverResult.
  void discovered(std::span<const std::string> supported) {
    if (supported.empty()) return fall_back(legacy_versions.front());
    if (!choose(supported)) return;
    step_ = step::done;
  }

  /// `server/discover` failed; `supported` is what an UnsupportedProtocolVersionError listed.
  void discover_failed(const failure& why, std::span<const std::string> supported) {
    const auto code = why.rpc_code();
    if (code == rpc::code::unsupported_protocol_version && !supported.empty()) {
      // Asked again even with the same version: some servers refuse the first request only.
      if (!choose(supported)) return;
      if (std::exchange(asked_again_, true)) fail(why);
    } else if (code == rpc::code::header_mismatch || code == rpc::code::missing_required_client_capability) {
      step_ = step::done;
    } else if (is_verdict(why)) {
      fall_back(legacy_versions.front());
    } else {
      fail(why);
    }
  }

  /// `initialize` was answered with this version.
  void initialized(std::string_view version) {
    if (!speaks(legacy_versions, version))
      return fail(failure(errc::unsupported_protocol_version,
                          "the server chose one that this library does not speak"));
    version_ = version;
    step_ = step::acknowledge;
  }

  /// `notifications/initialized` was sent.
  void acknowledged(const std::optional<failure>& why) {
    step_ = step::done;
    if (why) fail(*why);
  }

  void fail(failure why) {
    why_ = std::move(why);
    step_ = step::failed;
  }

 private:
  // 401, 403, 429, 5xx and a broken connection prove nothing about the era. Whatever else a server says
  // in place of a modern answer is what a legacy server says.
  static bool is_verdict(const failure& why) noexcept {
    const int status = why.http_status();
    const bool refused = status >= 400 && status < 500 && status != 401 && status != 403 && status != 429;
    const bool answered = status == 200 && why.code() != errc::connection_lost &&
                          why.code() != errc::deadline_exceeded && why.code() != errc::cancelled &&
                          why.code() != errc::client_closed && why.code() != errc::http_truncated;
    return refused || answered;
  }

  // Whether the server speaks a modern version of ours; otherwise goes on to a legacy one or fails.
  bool choose(std::span<const std::string> supported) {
    version_ = newest_common(modern_versions, supported);
    if (!version_.empty()) return true;
    const auto legacy = newest_common(legacy_versions, supported);
    if (legacy.empty()) {
      fail(failure(errc::unsupported_protocol_version, "the server lists none that this library speaks"));
    } else {
      fall_back(legacy);
    }
    return false;
  }

  void fall_back(std::string_view version) {
    era_ = protocol_era::legacy;
    version_ = version;
    step_ = step::initialize;
  }

  step step_ = step::discover;
  protocol_era era_ = protocol_era::modern;
  std::string version_;
  bool asked_again_ = false;
  failure why_;
};

}  // namespace detail
}  // namespace mcp::inline v0
