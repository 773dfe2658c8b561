// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace soak {

/// What comes behind `mark`, up to one of `ends`; empty if there is none.
inline std::string_view behind(std::string_view text, std::string_view mark, std::string_view ends) {
  const auto found = text.find(mark);
  if (found == text.npos) return {};
  text.remove_prefix(found + mark.size());
  return text.substr(0, text.find_first_of(ends));
}

inline std::uint64_t number_behind(std::string_view text, std::string_view mark) {
  const auto digits = behind(text, mark, ",}\r/ ");
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

/// Where in a call its connection ends.
enum class moment {
  never,
  unseen,   ///< the server has the request, but does not run it
  silent,   ///< it has run it, and says nothing
  in_head,  ///< within the head of the response
  in_body,  ///< from the end of the head to before the last byte of the answer
  at_end,   ///< behind the answer, but before or at the end of the response
  lost,     ///< the connection lives; but the session is gone
};
inline constexpr std::array<std::string_view, 7> moments = {"never",   "unseen", "silent", "in_head",
                                                            "in_body", "at_end", "lost"};

/// What happens to a call when it first comes to the server. It tells the server itself, in its arguments.
struct misfortune {
  moment when = moment::never;
  unsigned share = 0;  ///< of the bytes in question, in thousandths
  bool reset = false;  ///< RST in place of FIN
  bool later = false;  ///< what was sent has time to be read first

  template <class Random>
  static misfortune any(Random& random) {
    const auto below = [&](std::uint64_t limit) { return static_cast<unsigned>(random.next() % limit); };
    const auto when = static_cast<moment>(1 + below(5));  // each but `lost`
    return {when, below(1000), below(2) != 0, below(2) != 0};
  }

  static misfortune read(std::string_view arguments) {
    const auto found = std::ranges::find(moments, behind(arguments, R"("when":")", "\""));
    const auto when = static_cast<moment>(found - moments.begin());
    return {found == moments.end() ? moment::never : when,
            static_cast<unsigned>(number_behind(arguments, R"("share":)")),
            behind(arguments, R"("reset":)", ",}") == "true",
            behind(arguments, R"("later":)", ",}") == "true"};
  }
};

/// The arguments of a call; `key` tells it from all others.
inline std::string arguments(std::uint64_t key, const misfortune& what) {
  const auto text = [](bool flag) { return flag ? "true" : "false"; };
  return R"({"key":)" + std::to_string(key) + R"(,"when":")" +
         std::string(moments[static_cast<std::size_t>(what.when)]) + R"(","share":)" +
         std::to_string(what.share) + R"(,"reset":)" + text(what.reset) + R"(,"later":)" + text(what.later) +
         "}";
}

/// What the server answers to it; of varying length.
inline std::string answer_text(std::uint64_t key) {
  return "done " + std::to_string(key) + std::string(key % 7 * 300, '.');
}

/// Arguments of this tool can be run twice without harm; the other tool says nothing of itself.
inline constexpr std::string_view harmless_tool = "look", plain_tool = "act";

}  // namespace soak
