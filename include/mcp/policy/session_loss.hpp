// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/ascii.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mcp::inline v0 {

namespace detail {

/// What a server says, as the words that matter: lower case, without articles, auxiliaries and what looks
/// like an id. "Mcp-Session-Id header" and "sessionId" become "session" "#". Punctuation that ends a phrase
/// is the word ".". A word with '_' stays whole, since it names something else: an argument `session_name`.
class spoken_words {
 public:
  explicit spoken_words(std::string_view text) : text_(text.substr(0, longest)) {
    std::ranges::transform(text_, text_.begin(), ascii::to_lower);
    const std::string_view all = text_;
    for (std::size_t at = 0; at < all.size();) {
      std::size_t end = at;
      while (end < all.size() && in_word(all[end])) ++end;
      if (end != at) {
        add(all.substr(at, end - at));
      } else {
        if (std::string_view(".,;!?()").find(all[at]) != std::string_view::npos) words_.emplace_back(".");
        ++end;
      }
      at = end;
    }
  }

  spoken_words(const spoken_words&) = delete;  // the words point into the text
  spoken_words& operator=(const spoken_words&) = delete;

  std::size_t size() const noexcept { return words_.size(); }
  /// Empty beyond either end: an index below zero is a very large one.
  std::string_view operator[](std::size_t i) const noexcept {
    return i < words_.size() ? words_[i] : std::string_view();
  }

  bool is_one_of(std::size_t i, std::span<const std::string_view> choice) const noexcept {
    return std::ranges::find(choice, (*this)[i]) != choice.end();
  }

  /// Whether the words from `i` on are these, which have one space between them.
  bool reads(std::size_t i, std::string_view phrase) const noexcept {
    for (;; ++i) {
      const auto space = std::min(phrase.find(' '), phrase.size());
      if ((*this)[i] != phrase.substr(0, space)) return false;
      if (space == phrase.size()) return true;
      phrase.remove_prefix(space + 1);
    }
  }

 private:
  // Who has more to say than this does not speak of a lost session.
  static constexpr std::size_t longest = 512;

  static bool in_word(char c) noexcept {
    return ascii::is_alpha(c) || ascii::is_digit(c) || c == '_' || c == '\'';
  }

  static bool is_id(std::string_view word) noexcept {
    return std::ranges::any_of(word, ascii::is_digit) ||
           (word.size() >= 4 && std::ranges::all_of(word, [](char c) { return ascii::hex_value(c) >= 0; }));
  }

  void add(std::string_view word) {
    constexpr std::array<std::string_view, 17> fillers = {"a",    "an",   "the", "this", "your",   "mcp",
                                                          "http", "is",   "was", "has",  "have",   "had",
                                                          "been", "with", "be",  "are",  "already"};
    while (word.starts_with('\'')) word.remove_prefix(1);
    while (word.ends_with('\'')) word.remove_suffix(1);
    if (word.empty() || std::ranges::find(fillers, word) != fillers.end() || is_id(word)) return;
    const bool after_session = !words_.empty() && (words_.back() == "session" || words_.back() == "#");
    if (word == "sessionid") {
      words_.insert(words_.end(), {"session", "#"});
    } else if (after_session && (word == "id" || word == "identifier" || word == "header")) {
      if (words_.back() == "session") words_.emplace_back("#");
    } else {
      words_.push_back(word);
    }
  }

  std::string text_;
  std::vector<std::string_view> words_;
};

/// "invalid session", "no valid session ID provided": the word "session" stands at `at`, `next` is behind it
/// and its "#". Not "invalid session type": what is wrong must be the session itself.
inline bool session_is_refused(const spoken_words& words, std::size_t at, std::size_t next) noexcept {
  constexpr std::array<std::string_view, 9> faults = {
      "invalid", "unknown", "expired", "missing", "stale", "terminated", "unrecognized", "inactive", "no"};
  constexpr std::array<std::string_view, 5> denied = {"valid", "active", "existing", "such", "matching"};
  constexpr std::array<std::string_view, 12> endings = {
      "", ".", "provided", "supplied", "specified", "given", "or", "and", "found", "for", "in", "exists"};
  if (!words.is_one_of(next, endings)) return false;
  return words.is_one_of(at - 1, faults) || (words.is_one_of(at - 1, denied) && words[at - 2] == "no");
}

/// "session not found", "session ID abc-123 has expired": `next` is what stands behind the session.
inline bool session_is_gone(const spoken_words& words, std::size_t next, bool names_id) noexcept {
  constexpr std::array<std::string_view, 24> fates = {
      "not found",      "not initialized", "not initialised", "not exist",
      "not valid",      "not active",      "not recognized",  "not known",
      "does not exist", "doesn't exist",   "could not found", "cannot found",
      "no longer",      "expired",         "terminated",      "closed",
      "invalid",        "unknown",         "unrecognized",    "uninitialized",
      "lost",           "ended",           "timed out",       "gone"};
  // "session is required" and "session missing a title" are about an argument.
  constexpr std::array<std::string_view, 2> fates_of_ids = {"required", "missing"};
  const auto reads = [&](std::string_view fate) { return words.reads(next, fate); };
  return std::ranges::any_of(fates, reads) || (names_id && std::ranges::any_of(fates_of_ids, reads));
}

/// "server not initialized", "received request before initialization was complete".
inline bool server_is_uninitialized(const spoken_words& words, std::size_t at) noexcept {
  constexpr std::array<std::string_view, 3> phrases = {"not initialized", "not initialised", "uninitialized"};
  constexpr std::array<std::string_view, 3> subjects = {"", "server", "client"};  // "": the text begins so
  if (words.reads(at, "request before initialization")) return true;
  return words.is_one_of(at - 1, subjects) &&
         std::ranges::any_of(phrases, [&](auto phrase) { return words.reads(at, phrase); });
}

}  // namespace detail

/// Whether a server's text says that it does not know the session, or no longer: the many ways of servers
/// that do not answer 404 (2025-11-25, Transports, "Session Management"). Untrusted text, so it decides
/// nothing alone: see `classify()`. Text about something else with "session" in its name does not count, as
/// far as words can tell.
inline bool says_session_lost(std::string_view text) {
  const detail::spoken_words words(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (detail::server_is_uninitialized(words, i)) return true;
    if (words[i] != "session") continue;
    const bool names_id = words[i + 1] == "#";
    const std::size_t next = i + (names_id ? 2 : 1);
    if (detail::session_is_refused(words, i, next) || detail::session_is_gone(words, next, names_id))
      return true;
    if (names_id && words.reads(i - 2, "found for")) return true;  // "no transport found for sessionId"
  }
  return false;
}

}  // namespace mcp::inline v0
