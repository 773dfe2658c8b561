// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/json/value.hpp>
#include <mcp/json/walk.hpp>
#include <mcp/json/writer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::detail {

/// What is in a record of this library: a JSON object of a stated schema. Whoever changes members of it
/// leaves the others as they are, also those that a later version of the library has put there. No I/O.
class record_fields {
 public:
  /// Of another schema, a record means something else; what is merely added does not change it.
  static constexpr std::int64_t schema = 1;

  record_fields() { set_integer("v", schema); }

  /// Errors: `store_corrupt`.
  static result<record_fields> parse(std::string_view bytes) {
    const auto object = json::validate(bytes);
    if (!object || !object->is_object()) return failure(errc::store_corrupt, "not a JSON object");
    record_fields out;
    out.members_.clear();
    json::for_each_member(*object, [&](const json::value& key, const json::value& item) {
      out.put(key.string().value_or(""), secret(item.text()));
    });
    if (out.get("v").integer() != schema) return failure(errc::store_corrupt, "a record of another schema");
    return out;
  }

  secret bytes() const {
    secret out;
    json::writer write(out);
    write.begin_object();
    for (const auto& [name, json] : members_) write.key(name).raw(json.view());
    write.end_object();
    return out;
  }

  /// A view; absent if there is no such member.
  json::value get(std::string_view name) const {
    const auto found = std::ranges::find(members_, name, &member::first);
    return found == members_.end() ? json::value() : json::value(found->second.view());
  }
  std::string text(std::string_view name) const { return get(name).string().value_or(""); }
  std::optional<std::chrono::system_clock::time_point> time(std::string_view name) const {
    const auto since = get(name).integer();
    if (!since || *since < 0 || *since > latest) return std::nullopt;
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(*since));
  }

  void set_integer(std::string_view name, std::int64_t number) {
    render(name, [&](auto& write) { write.integer(number); });
  }
  /// Text that is not UTF-8 has no place in JSON, and is left out.
  void set_text(std::string_view name, std::string_view text) {
    render(name, [&](auto& write) { write.string(text); });
  }
  void set_flag(std::string_view name, bool truth) {
    render(name, [&](auto& write) { write.boolean(truth); });
  }
  /// To the millisecond, since 1970 (UTC).
  void set_time(std::string_view name, std::chrono::system_clock::time_point when) {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch());
    set_integer(name, static_cast<std::int64_t>(since.count()));
  }
  /// Any JSON text; removes the member if it is empty.
  void set_json(std::string_view name, std::string_view json) { put(std::string(name), secret(json)); }

 private:
  using member = std::pair<std::string, secret>;

  static constexpr std::int64_t latest = std::int64_t{253'402'300'799'000};  // the year 9999

  template <class Write>
  void render(std::string_view name, const Write& write) {
    secret json;
    json::writer out(json);
    write(out);
    if (!out.ok()) json.clear();
    put(std::string(name), std::move(json));
  }

  void put(std::string name, secret json) {
    const auto found = std::ranges::find(members_, name, &member::first);
    if (json.empty()) {
      if (found != members_.end()) members_.erase(found);
    } else if (found != members_.end()) {
      found->second = std::move(json);
    } else {
      members_.emplace_back(std::move(name), std::move(json));
    }
  }

  std::vector<member> members_;
};

}  // namespace mcp::inline v0::detail
