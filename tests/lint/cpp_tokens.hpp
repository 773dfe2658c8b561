// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lint {

struct token {
  std::string_view text;
  std::size_t line;
};

/// Splits C++ code into tokens. Comments and preprocessor lines are left out; every literal becomes "0".
class lexer {
 public:
  explicit lexer(std::string_view code) : rest_(code) {}

  std::vector<token> tokens() {
    while (!rest_.empty()) {
      if (skip_ignored()) continue;
      line_start_ = false;
      if (is_word(rest_[0]) && !is_digit(rest_[0])) {
        word();
      } else if (is_digit(rest_[0])) {
        literal(length_while([](char c) { return is_word(c) || c == '\'' || c == '.'; }));
      } else if (rest_[0] == '"' || rest_[0] == '\'') {
        quoted(rest_[0]);
      } else {
        punctuation();
      }
    }
    return std::move(tokens_);
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

  std::size_t length_while(auto condition) const {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), condition);
    return static_cast<std::size_t>(end - rest_.begin());
  }

  std::string_view take(std::size_t length) {
    const auto taken = rest_.substr(0, length);
    line_ += static_cast<std::size_t>(std::count(taken.begin(), taken.end(), '\n'));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  void literal(std::size_t length) {
    tokens_.push_back({"0", line_});
    take(length);
  }

  /// The length up to and with the next `end` after `from`; all, if there is none.
  std::size_t length_past(std::string_view end, std::size_t from) const {
    const auto found = rest_.find(end, from);
    return found == rest_.npos ? rest_.size() : found + end.size();
  }

  bool skip_ignored() {
    if (std::isspace(static_cast<unsigned char>(rest_[0]))) {
      if (take(1) == "\n") line_start_ = true;
      return true;
    }
    if (rest_.starts_with("/*")) return take(length_past("*/", 2)), true;
    if (rest_.starts_with("//")) return take(rest_.find('\n')), true;
    if (rest_[0] != '#' || !line_start_) return false;
    std::size_t end = length_past("\n", 0);
    while (end < rest_.size() && rest_[end - 2] == '\\') end = length_past("\n", end);
    take(end);
    return true;
  }

  void word() {
    const auto length = length_while(is_word);
    const auto text = rest_.substr(0, length);
    if (rest_.substr(length, 1) == "\"" && text.ends_with('R')) {
      const auto open = rest_.find('(', length);
      const auto delimiter = rest_.substr(length + 1, open - length - 1);
      return literal(length_past(")" + std::string(delimiter) + "\"", open));
    }
    tokens_.push_back({text, line_});
    take(length);
  }

  void quoted(char quote) {
    std::size_t length = 1;
    while (length < rest_.size() && rest_[length] != quote) length += rest_[length] == '\\' ? 2 : 1;
    literal(length + 1);
  }

  void punctuation() {
    std::size_t length = 1;
    for (std::string_view two : {"::", "->", "&&", "||", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/="}) {
      if (rest_.starts_with(two)) length = 2;
    }
    tokens_.push_back({rest_.substr(0, length), line_});
    take(length);
  }

  std::string_view rest_;
  std::size_t line_ = 1;
  bool line_start_ = true;
  std::vector<token> tokens_;
};

}  // namespace lint
