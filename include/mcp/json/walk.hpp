// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Reading with simdjson On-Demand: one pass over a text that goes through all of its structure and shows its
/// outer members. A message is walked once when it arrives; what lies deeper is walked when it is read.

#include <mcp/base/function_ref.hpp>
#include <mcp/base/limits.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/json/text.hpp>
#include <mcp/json/value.hpp>

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mcp::inline v0::json {

/// Nesting beyond which no limit reaches.
inline constexpr std::size_t max_nesting = 1024;

/// Bytes that must be readable behind a padded text. simdjson reads over the end of what it parses.
inline constexpr std::size_t padding = 64;
static_assert(padding >= simdjson::SIMDJSON_PADDING);

/// A text in memory that goes on for `padding` bytes behind it, such as a receive buffer: it is read where it
/// lies. A text that is no such one is copied first.
struct padded_text {
  std::string_view text;
};

namespace detail {

namespace ondemand = simdjson::ondemand;

/// A simdjson parser and room for a text that has no padding of its own, on loan from this thread. Every
/// reading within a reading takes one more; in the steady state nothing is allocated.
class workspace {
 public:
  workspace() : tools_(take()) {}
  workspace(const workspace&) = delete;
  workspace& operator=(const workspace&) = delete;
  ~workspace() {
    if (tools_->parser.capacity() > largest_kept) return;  // what a large text took is given back
    auto& spare = first_spare();
    tools_->next = std::move(spare);
    spare = std::move(tools_);
  }

  /// Begins to read. `out` and what is read from it show the text where it lies when it is padded, else a
  /// copy.
  simdjson::error_code open(padded_text in, ondemand::document& out) {
    const std::size_t size = in.text.size();
    auto& parser = tools_->parser;
    if (parser.capacity() < size) {
      const auto fault = parser.allocate(std::max(least_capacity, std::bit_ceil(size)), max_nesting + 1);
      if (fault) return fault;
    }
    return parser.iterate(in.text.data(), size, size + padding).get(out);
  }
  padded_text pad(std::string_view text) {
    if (tools_->copy.size() < text.size() + padding)
      tools_->copy.resize(std::max(least_capacity, std::bit_ceil(text.size() + padding)));
    text.copy(tools_->copy.data(), text.size());
    return {{tools_->copy.data(), text.size()}};
  }

 private:
  struct tools {
    ondemand::parser parser;
    secret copy;                  // of a text that may hold anything
    std::unique_ptr<tools> next;  // while they are spare
  };

  static constexpr std::size_t least_capacity = 4096;
  static constexpr std::size_t largest_kept = 1024 * 1024;

  static std::unique_ptr<tools>& first_spare() {
    static thread_local std::unique_ptr<tools> first;
    return first;
  }

  static std::unique_ptr<tools> take() {
    auto& spare = first_spare();
    if (!spare) return std::make_unique<tools>();
    auto taken = std::move(spare);
    spare = std::move(taken->next);
    return taken;
  }

  std::unique_ptr<tools> tools_;
};

/// How much a walk looks at what is neither object nor array.
enum class scalars {
  unread,   ///< its first byte and, in strings, that it is UTF-8 without control characters
  checked,  ///< all of it, and the escapes of keys as well
};

/// One pass over one text.
class walker {
 public:
  using error_code = simdjson::error_code;

  /// `shown` is the text of which views are given: `read` itself, or what it is a copy of.
  walker(padded_text read, std::string_view shown, std::size_t max_depth, scalars how)
      : shift_(shown.data() - read.text.data()),
        max_depth_(std::min(max_depth, max_nesting)),
        escapes_(how == scalars::checked && shown.find('\\') != std::string_view::npos) {}

  template <scalars Scalars, class Visit>
  error_code walk(workspace& with, padded_text text, Visit& visit) {
    if (const auto fault = with.open(text, document_)) return fault;
    // Started as the root: simdjson then makes sure that the text ends in the bracket that closes it. Only so
    // does it never read on into what lies behind.
    ondemand::json_type type{};
    if (const auto fault = document_.type().get(type)) return fault;
    if (max_depth_ == 0) return simdjson::DEPTH_ERROR;
    error_code fault = simdjson::SCALAR_DOCUMENT_AS_VALUE;
    if (type == ondemand::json_type::object) fault = enter_members<Scalars>(document_.get_object(), 1, visit);
    if (type == ondemand::json_type::array) fault = enter_elements<Scalars>(document_.get_array(), 1, visit);
    const char* surplus = nullptr;
    if (!fault && document_.current_location().get(surplus) != simdjson::OUT_OF_BOUNDS)
      return simdjson::TRAILING_CONTENT;
    return fault;
  }

  /// All of `from`, which begins with the byte `first` and lies `depth` levels deep.
  template <scalars Scalars, class Visit>
  [[gnu::always_inline]] error_code enter(const ondemand::value& from, char first, std::size_t depth,
                                          Visit& visit) {
    if (first == '{' || first == '[') {
      if (depth == max_depth_) return simdjson::DEPTH_ERROR;
      return first == '{' ? enter_members<Scalars>(ondemand::value(from).get_object(), depth + 1, visit)
                          : enter_elements<Scalars>(ondemand::value(from).get_array(), depth + 1, visit);
    }
    if (first == '"') return pass_string<Scalars>(from);
    if (Scalars == scalars::checked) return check_scalar(from, first);
    return may_begin_scalar(first) ? simdjson::SUCCESS : simdjson::TAPE_ERROR;
  }

  static char first_byte(ondemand::value of) { return *of.raw_json_token().data(); }

  /// The text from `begin` up to where the pass is now.
  error_code passed(std::string_view& text) {
    const char* end = nullptr;
    const auto fault = document_.current_location().get(end);
    if (!fault) text = {text.data(), end};
    return fault;
  }

  /// `text` of the pass, without white space behind it, as it is shown.
  value shown(std::string_view text) const noexcept {
    return value({text.data() + shift_, without_space_behind(text).size()});
  }

 private:
  template <scalars Scalars, class Visit>
  error_code enter_members(simdjson::simdjson_result<ondemand::object> from, std::size_t depth,
                           Visit& visit) {
    ondemand::object members;
    if (const auto fault = std::move(from).get(members)) return fault;
    for (auto each : members) {
      ondemand::field member;
      if (const auto fault = std::move(each).get(member)) return fault;
      const char* const key = member.key().raw();
      if (Scalars == scalars::checked && escapes_ && member.unescaped_key().error())
        return simdjson::STRING_ERROR;
      if (const auto fault = pass<Scalars>(member.value(), key, depth, visit)) return fault;
    }
    return simdjson::SUCCESS;
  }

  template <scalars Scalars, class Visit>
  error_code enter_elements(simdjson::simdjson_result<ondemand::array> from, std::size_t depth,
                            Visit& visit) {
    ondemand::array elements;
    if (const auto fault = std::move(from).get(elements)) return fault;
    for (auto each : elements) {
      ondemand::value element;
      if (const auto fault = std::move(each).get(element)) return fault;
      if (const auto fault = pass<Scalars>(element, nullptr, depth, visit)) return fault;
    }
    return simdjson::SUCCESS;
  }

  template <scalars Scalars, class Visit>
  error_code pass(const ondemand::value& each, const char* key, std::size_t depth, Visit& visit);

  static bool may_begin_scalar(char first) noexcept {
    static constexpr auto beginnings = [] {
      std::array<bool, 256> table{};
      for (const char c : std::string_view("-0123456789tfn")) table[static_cast<unsigned char>(c)] = true;
      return table;
    }();
    return beginnings[static_cast<unsigned char>(first)];
  }

  /// A string must be taken: simdjson takes one that is left for a key if a colon is behind it.
  template <scalars Scalars>
  error_code pass_string(ondemand::value from) const {
    if (Scalars == scalars::checked && escapes_) return from.get_string().error();
    return from.get_raw_json_string().error();
  }

  static error_code check_scalar(ondemand::value from, char first) {
    switch (first) {
      case 't':
      case 'f': return from.get_bool().error();
      case 'n':
        return without_space_behind(from.raw_json_token()) == "null" ? simdjson::SUCCESS
                                                                     : simdjson::N_ATOM_ERROR;
      default: return from.get_double().error();
    }
  }

  ondemand::document document_;
  std::ptrdiff_t shift_;
  std::size_t max_depth_;
  bool escapes_;  // whether there is a backslash, and it matters
};

struct no_visit {};

}  // namespace detail

/// A member or an element, while a walk is at it.
class item {
 public:
  item(detail::walker& walker, detail::ondemand::value from, const char* key, std::size_t depth) noexcept
      : walker_(walker), from_(from), key_(key), depth_(depth) {}

  /// Which of `names` is the key of this member, after unescaping; their number if it is none of them.
  template <std::size_t... Sizes>
  [[gnu::always_inline]] std::size_t key_among(const char (&... names)[Sizes]) const {
    std::size_t index = 0;
    if (key_ == nullptr) return sizeof...(names);
    const auto is_raw = [&]<std::size_t Size>(const char(&name)[Size]) {
      return key_[Size - 1] == '"' && std::memcmp(key_, name, Size - 1) == 0;
    };
    if (((is_raw(names) || (++index, false)) || ...)) return index;
    if (key_[0] != '\\' && ((key_[0] != names[0]) && ...)) return index;
    // An escape is longer than what it stands for.
    const value own = key();
    if (own.text().size() <= std::min({Sizes...}) + 1) return index;
    index = 0;
    static_cast<void>(((own == std::string_view(names, Sizes - 1) || (++index, false)) || ...));
    return index;
  }

  /// The key of this member, with its quotes; absent for an element.
  value key() const {
    if (key_ == nullptr) return {};
    // It ends before the value, with a colon and perhaps white space between.
    const char* end = token().data();
    while (*--end != '"') continue;
    return walker_.shown({key_ - 1, end + 1});
  }

  /// Goes through all of it and gives its text; absent, and the walk fails, if it is malformed.
  [[gnu::always_inline]] value take() {
    detail::no_visit nothing;
    return take(nothing);
  }

  /// The same, and calls `visit(item&)` for its own members or elements.
  template <class Visit>
  [[gnu::always_inline]] value take(Visit&& visit) {
    std::string_view text = token();
    taken_ = true;
    if (text.empty()) return fault_ = simdjson::INCOMPLETE_ARRAY_OR_OBJECT, value();
    fault_ = walker_.enter<detail::scalars::unread>(from_, text[0], depth_, visit);
    if (!fault_ && (text[0] == '{' || text[0] == '[')) fault_ = walker_.passed(text);
    return fault_ ? value() : walker_.shown(text);
  }

 private:
  friend class detail::walker;

  std::string_view token() const { return detail::ondemand::value(from_).raw_json_token(); }

  detail::walker& walker_;
  detail::ondemand::value from_;
  const char* key_;  // inside its quotes; null for an element
  std::size_t depth_;
  simdjson::error_code fault_ = simdjson::SUCCESS;
  bool taken_ = false;
};

namespace detail {

template <scalars Scalars, class Visit>
[[gnu::always_inline]] inline simdjson::error_code walker::pass(const ondemand::value& each, const char* key,
                                                                std::size_t depth, Visit& visit) {
  if constexpr (std::is_same_v<Visit, no_visit>) {
    return enter<Scalars>(each, first_byte(each), depth, visit);
  } else {
    item here(*this, each, key, depth);
    visit(here);
    if (here.taken_) return here.fault_;
    no_visit nothing;
    return enter<Scalars>(each, first_byte(each), depth, nothing);
  }
}

template <scalars Scalars, class Visit>
bool walk(padded_text read, std::string_view shown, workspace& with, std::size_t max_depth, Visit& visit) {
  walker pass(read, shown, max_depth, Scalars);
  return !pass.walk<Scalars>(with, read, visit);
}

}  // namespace detail

/// Goes through one object or array and calls `visit(item&)` for each of its members or elements, in order;
/// what a visit does not take is passed over. Whether it is one (RFC 8259): in UTF-8, brackets, commas and
/// colons where they belong, at most `max_depth` levels deep, and nothing behind it. Numbers, literals and
/// escapes are not looked at: a malformed one reads as no value. Duplicate keys pass; they concern whoever
/// reads the values.
///
/// Visits happen before the verdict is known: forget them if it is `false`. All values are views into `text`.
template <class Visit = detail::no_visit>
bool walk(padded_text text, std::size_t max_depth, Visit visit = {}) {
  detail::workspace with;
  return detail::walk<detail::scalars::unread>(text, text.text, with, max_depth, visit);
}

/// The same for a text without padding. (One form for visits of all kinds: each takes long to compile.)
inline bool walk(std::string_view text, std::size_t max_depth, function_ref<void(item&)> visit) {
  detail::workspace with;
  return detail::walk<detail::scalars::unread>(with.pad(text), text, with, max_depth, visit);
}
inline bool walk(std::string_view text, std::size_t max_depth) {
  detail::workspace with;
  detail::no_visit visit;
  return detail::walk<detail::scalars::unread>(with.pad(text), text, with, max_depth, visit);
}

/// The one object or array that a caller's text holds, without the white space around it. Refuses with
/// `errc::invalid_argument` what a server might refuse, down to numbers that no double holds and halves of
/// surrogate pairs.
inline result<value> validate(std::string_view text, std::size_t max_depth = limits{}.json_depth) {
  detail::workspace with;
  detail::no_visit visit;
  if (!detail::walk<detail::scalars::checked>(with.pad(text), text, with, max_depth, visit))
    return failure(errc::invalid_argument, "not valid JSON");
  return value(without_space_behind(without_space_before(text)));
}

/// Calls `visit(key, value)` for the members of a checked object, in order.
template <class Visit>
void for_each_member(const value& object, Visit&& visit) {
  if (!object.is_object()) return;
  const auto visit_member = [&](item& member) {
    const value key = member.key();
    visit(key, member.take());
  };
  walk(object.text(), max_nesting, visit_member);
}

/// Calls `visit(value)` for the elements of a checked array, in order.
template <class Visit>
void for_each_element(const value& array, Visit&& visit) {
  if (!array.is_array()) return;
  const auto visit_element = [&](item& element) { visit(element.take()); };
  walk(array.text(), max_nesting, visit_element);
}

/// The member `name` of a checked object; absent if there is none. Of duplicates the last one counts,
/// as in most languages.
inline value find_member(const value& object, std::string_view name) {
  value found;
  if (!object.is_object()) return found;
  const auto look_at = [&](item& member) {
    if (member.key() == name) found = member.take();
  };
  walk(object.text(), max_nesting, look_at);
  return found;
}

}  // namespace mcp::inline v0::json
