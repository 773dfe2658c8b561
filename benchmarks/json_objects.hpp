// SPDX-License-Identifier: MIT
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

/// An object of objects, one for each case, by its name.
class json_objects {
 public:
  /// What follows belongs to this case.
  void begin(std::string_view name) {
    text_.append(text_.size() == 1 ? "\n" : "\n  },\n");
    text_.append("  \"").append(name).append("\": {\n    \"name\": \"").append(name).append("\"");
  }
  void number(const std::string& name, double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", value);
    text_.append(",\n    \"").append(name).append("\": ").append(digits);
  }
  /// Nothing more follows.
  std::string end() && { return std::move(text_.append("\n  }\n}\n")); }

 private:
  std::string text_ = "{";
};

}  // namespace bench
