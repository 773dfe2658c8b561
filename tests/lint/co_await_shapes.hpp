// SPDX-License-Identifier: MIT
#pragma once

#include "cpp_tokens.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace lint {

// GCC 12 miscompiles or refuses many expressions with co_await. This check lets pass only
//
//     co_await f(args);    x = co_await f(args);    auto x = co_await f(args);    co_return co_await f(args);
//
// with a name in place of the call too, and each also as the condition or the first statement of if, while,
// switch and for. In the arguments there is no brace but that of an options struct (a type so named, or
// designated initialisers), no lambda that captures by value, no ?:, new or throw, no second co_await. No
// member is called on what another call returns, unless that is an accessor without arguments, as in
// x.socket().read(y).

class co_await_check {
 public:
  explicit co_await_check(std::string_view code) : tokens_(lexer(code).tokens()) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) partner_.push_back(i);
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (is(i, {"(", "[", "{"})) open.push_back(i);
      if (is(i, {")", "]", "}"}) && !open.empty()) {
        partner_[i] = open.back();
        partner_[open.back()] = i;
        open.pop_back();
      }
    }
  }

  /// "LINE: what is wrong" for each `co_await` whose expression has another shape.
  std::vector<std::string> complaints() const {
    std::vector<std::string> found;
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!is(i, {"co_await"}) || is(i - 1, {"operator"})) continue;
      std::string_view why = before(i);
      if (why.empty()) why = after(i + 1);
      if (!why.empty()) found.push_back(std::to_string(tokens_[i].line) + ": " + std::string(why));
    }
    return found;
  }

 private:
  bool is(std::size_t i, std::initializer_list<std::string_view> texts) const {
    return i < tokens_.size() && std::find(texts.begin(), texts.end(), tokens_[i].text) != texts.end();
  }
  bool is_name(std::size_t i) const {
    return i < tokens_.size() &&
           (std::isalnum(static_cast<unsigned char>(tokens_[i].text[0])) || tokens_[i].text[0] == '_');
  }

  /// What is wrong with the part of the statement before the `co_await` at `i`.
  std::string_view before(std::size_t i) const {
    std::size_t begin = i;
    while (begin > 0 && !is(begin - 1, {";", "{", "}", "(", "["})) {
      --begin;
      if (is(begin, {")", "]"})) begin = partner_[begin];
    }
    if (begin > 0 && is(begin - 1, {"(", "["})) {
      std::size_t keyword = begin - 2;
      if (is(keyword, {"constexpr"})) --keyword;
      if (!is(begin - 1, {"("}) || !is(keyword, {"if", "while", "switch", "for"})) {
        return "co_await inside another expression";
      }
    }
    begin = skip_control(begin, i);
    if (begin == i || (begin + 1 == i && is(begin, {"co_return"}))) return "";
    if (!is(i - 1, {"="})) return "co_await inside another expression";
    int angles = 0;
    for (std::size_t k = begin; k + 1 < i; ++k) {
      if (is(k, {"["}) && is(k - 1, {"auto", "&", "&&"})) return "structured binding";
      if (is(k, {"<"})) ++angles;
      if (is(k, {">"})) --angles;
      const bool plain = is_name(k) || is(k, {"::", ".", "->", "*", "&", "&&", "<", ">", "[", "]"});
      if (!plain && !(angles > 0 && is(k, {","}))) return "co_await inside another expression";
    }
    return "";
  }

  /// Past what may stand before a statement: else, do, case, if (...) and so on.
  std::size_t skip_control(std::size_t at, std::size_t end) const {
    while (at < end) {
      if (is(at, {"else", "do"})) {
        ++at;
      } else if (is(at, {"case", "default"})) {
        while (at < end && !is(at, {":"})) ++at;
        ++at;
      } else if (is(at, {"if", "while", "for", "switch"})) {
        if (is(at + 1, {"constexpr"})) ++at;
        if (!is(at + 1, {"("}) || partner_[at + 1] >= end) return at;
        at = partner_[at + 1] + 1;
      } else if (is(at, {"["}) && is(at + 1, {"["})) {
        at = partner_[at] + 1;
      } else {
        break;
      }
    }
    return std::min(at, end);
  }

  /// What is wrong with the operand that begins at `at`.
  std::string_view after(std::size_t at) const {
    while (is(at, {"*", "::"})) ++at;
    if (!is_name(at)) return "co_await of something else than a call or a name";
    while (past_part(at) != at) at = past_part(at);
    if (is(at, {"("})) {
      const auto why = in_arguments(at + 1, partner_[at]);
      if (!why.empty()) return why;
      at = partner_[at] + 1;
    }
    if (is(at, {".", "->", "(", "["})) return "use of what a call returns";
    if (is(at, {"{"})) return "braces";
    if (is(at, {"?"})) return "?:";
    if (is(at, {";", ")"})) return "";
    return "co_await inside another expression";
  }

  /// Past one token of a name, a template argument list, a subscript or the () of an accessor; `at` itself if
  /// there is none of these.
  std::size_t past_part(std::size_t at) const {
    if (is_name(at) || is(at, {"::", ".", "->"})) return at + 1;
    if (is(at, {"["})) return partner_[at] + 1;
    if (is(at, {"("}) && is(at + 1, {")"}) && is(at + 2, {".", "->"})) return at + 2;
    int depth = 0;
    for (std::size_t k = at; k < tokens_.size() && !is(k, {";", "{", "}", "&&", "||"}); ++k) {
      if (is(k, {"<"})) ++depth;
      if (is(k, {">"})) --depth;
      if (depth == 0) return k == at ? at : k + 1;
    }
    return at;
  }

  std::string_view in_arguments(std::size_t begin, std::size_t end) const {
    for (std::size_t k = begin; k < end; ++k) {
      if (is(k, {"co_await", "co_yield"})) return "a second co_await";
      if (is(k, {"?"})) return "?:";
      if (is(k, {"new"})) return "new";
      if (is(k, {"throw"})) return "throw";
      if (is(k, {")"}) && !is(k - 1, {"("}) && is(k + 1, {".", "->"})) return "use of what a call returns";
      if (is(k, {"["}) && !is_name(k - 1) && !is(k - 1, {")", "]"})) {
        for (std::size_t c = k + 1; c < partner_[k]; ++c) {
          const bool starts = is(c - 1, {"[", ","});
          if (starts && !is(c, {"&", "this"})) return "lambda that captures by value";
        }
        while (k < end && !is(k, {"{"})) k = is(k, {"(", "["}) ? partner_[k] + 1 : k + 1;
        k = std::min(end, partner_[k]);  // its body holds statements of their own
      } else if (is(k, {"{"})) {
        const bool argument = is(k - 1, {"(", ","}) || is_name(k - 1);
        bool nested = false;
        for (std::size_t c = k + 1; c < partner_[k]; ++c) nested = nested || is(c, {"{"});
        const bool options = is(k + 1, {"."}) || tokens_[k - 1].text.ends_with("options");
        if (!argument || nested || !options) return "braces";
      }
    }
    return "";
  }

  std::vector<token> tokens_;
  std::vector<std::size_t> partner_;  ///< of each bracket the other one; of any other token, itself
};

/// The C++ blocks of a Markdown text; the other lines are empty, so that line numbers stay.
inline std::string cpp_blocks(std::string_view markdown) {
  std::string code;
  bool inside = false;
  while (!markdown.empty()) {
    const auto line = markdown.substr(0, markdown.find('\n'));
    const bool fence = line.starts_with("```");
    if (inside && !fence) code.append(line);
    if (fence) inside = !inside && line == "```cpp";
    code.append("\n");
    markdown.remove_prefix(std::min(line.size() + 1, markdown.size()));
  }
  return code;
}

}  // namespace lint
