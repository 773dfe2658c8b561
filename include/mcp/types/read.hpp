// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Reads the members of a JSON object into fields, so that a type's `parse` looks like its schema.

#include <mcp/base/result.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// `errc::unexpected_result`; the message is the path of the member that is missing or mistyped.
inline failure unexpected(std::string_view path) { return {errc::unexpected_result, std::string(path)}; }

/// The same fault, seen from the object in which the faulty one is `name`.
inline failure within(std::string_view name, const failure& inner) {
  std::string path(name);
  if (!inner.message().empty()) path.append(".").append(inner.message());
  return unexpected(path);
}

inline std::string element(std::string_view array, std::size_t index) {
  return std::string(array).append("[").append(std::to_string(index)).append("]");
}

/// Fields that keep JSON text as it came.
struct any_text {
  std::string& out;
};
struct object_text {
  std::string& out;
};

// `assign` puts a value into a field; false if it has another type.

template <class T>
bool assign_read(std::optional<T> value, T& out) {
  if (!value) return false;
  out = *std::move(value);
  return true;
}

inline bool assign(const json::value& from, std::string& out) { return assign_read(from.string(), out); }
inline bool assign(const json::value& from, bool& out) { return assign_read(from.boolean(), out); }
inline bool assign(const json::value& from, double& out) { return assign_read(from.number(), out); }
inline bool assign(const json::value& from, std::int64_t& out) { return assign_read(from.integer(), out); }
inline bool assign(const json::value& from, json::value& out) { return out = from, true; }
inline bool assign(const json::value& from, any_text to) { return to.out = from.text(), true; }
inline bool assign(const json::value& from, object_text to) {
  return from.is_object() && assign(from, any_text{to.out});
}
inline bool assign(const json::value& from, std::vector<std::string>& out) {
  bool good = from.is_array();
  out.clear();
  json::for_each_element(from,
                         [&](const json::value& item) { good = assign(item, out.emplace_back()) && good; });
  return good;
}
template <class T>
bool assign(const json::value& from, std::optional<T>& out) {
  return assign(from, out.emplace());
}

template <class Field>
struct member {
  std::string_view name;
  Field field;
  bool required;
  bool good = !required;

  bool take(const json::value& key, const json::value& item) {
    if (key != name) return false;
    good = (!required && item.is_null()) || assign(item, field);
    return true;
  }
};

template <class Field>
member<Field> required(std::string_view name, Field&& field) {
  return {name, std::forward<Field>(field), true};
}
/// May be absent or null, which leaves the field as it is: many servers write null for "none".
template <class Field>
member<Field> optional(std::string_view name, Field&& field) {
  return {name, std::forward<Field>(field), false};
}

/// Fills fields from the members of `object`; others are ignored.
template <class... Field>
result<void> read_members(const json::value& object, member<Field>... members) {
  if (!object.is_object()) return unexpected("");
  json::for_each_member(object, [&](const json::value& key, const json::value& item) {
    static_cast<void>((members.take(key, item) || ...));
  });
  std::string_view faulty;
  static_cast<void>(((members.good || (faulty = members.name, false)) && ...));
  if (!faulty.empty()) return unexpected(faulty);
  return {};
}

/// `T::parse` for each element of an array.
template <class T>
result<std::vector<T>> read_elements(const json::value& array, std::string_view name) {
  std::vector<T> out;
  result<void> verdict;
  if (!array.is_array()) return unexpected(name);
  json::for_each_element(array, [&](const json::value& item) {
    if (!verdict) return;
    auto parsed = T::parse(item);
    if (parsed) {
      out.push_back(*std::move(parsed));
    } else {
      verdict = within(element(name, out.size()), parsed.error());
    }
  });
  if (!verdict) return std::move(verdict).error();
  return out;
}

}  // namespace mcp::inline v0::detail
