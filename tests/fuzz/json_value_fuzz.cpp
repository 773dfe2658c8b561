// SPDX-License-Identifier: MIT
// The walk, the values it leaves and the writer against simdjson's DOM, which is a strict parser.
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

using mcp::json::value;
namespace dom = simdjson::dom;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// Whether a number may be out of range: the DOM refuses those with the code of malformed ones.
bool holds_extreme_number(std::string_view text) {
  std::size_t digits = 0;
  bool exponent = false;
  for (const char c : text) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(exponent && digits == 0 && (c == '+' || c == '-'))) exponent = c == 'e' || c == 'E';
    digits = digit ? digits + 1 : 0;
    if (digits >= (exponent ? 3 : 18)) return true;
  }
  return false;
}

void compare(const value& ours, const dom::element& theirs) {
  switch (theirs.type()) {
    case dom::element_type::NULL_VALUE: return require(ours.is_null());
    case dom::element_type::BOOL: return require(ours.boolean() == bool(theirs));
    case dom::element_type::INT64: return require(ours.integer() == std::int64_t(theirs));
    case dom::element_type::UINT64:
      return require(!ours.integer() && ours.number() == double(std::uint64_t(theirs)));
    case dom::element_type::DOUBLE: {
      // from_chars calls an underflow out of range, where the DOM makes 0 of it.
      const auto number = ours.number();
      return require(number ? *number == double(theirs) : double(theirs) == 0);
    }
    case dom::element_type::STRING: {
      const std::string_view text(theirs);
      require(ours.string() == text && ours == text);
      std::string written;
      mcp::json::writer out(written);
      out.string(text);
      return require(out.ok() && value(written).string() == text);
    }
    case dom::element_type::ARRAY: {
      const dom::array array(theirs);
      auto element = array.begin();
      mcp::json::for_each_element(ours, [&](const value& item) {
        require(element != array.end());
        compare(item, *element);
        ++element;
      });
      return require(!(element != array.end()));
    }
    default: {
      const dom::object object(theirs);
      auto member = object.begin();
      mcp::json::for_each_member(ours, [&](const value& key, const value& item) {
        require(member != object.end() && key == member.key());
        compare(item, member.value());
        ++member;
      });
      return require(!(member != object.end()));
    }
  }
}

void write(std::string_view text) {
  std::string written;
  mcp::json::writer out(written);
  out.begin_object().key(text).string(text).end_object();
  require(out.ok() == simdjson::validate_utf8(text));
  if (!out.ok()) return;
  const auto checked = mcp::json::validate(written);
  require(checked && checked->text() == written);
  require(mcp::json::find_member(*checked, text) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  write(text);
  if (text.starts_with("\xEF\xBB\xBF")) return 0;  // newer simdjson skips it

  // One level less than the DOM's own limit, at which it already stops. The DOM takes a single scalar for a
  // text, too.
  constexpr auto depth = mcp::json::max_nesting - 1;
  const bool balanced = mcp::json::walk(text, depth);
  const auto checked = mcp::json::validate(text, depth);
  dom::parser parser;
  dom::element theirs;
  const auto error = parser.parse(data, size).get(theirs);
  if (checked) require(balanced && (!error || holds_extreme_number(text)));
  if (error) return 0;
  require(balanced == (theirs.is_object() || theirs.is_array()));
  require(checked.has_value() == balanced || holds_extreme_number(text));
  if (checked) compare(*checked, theirs);
  return 0;
}
