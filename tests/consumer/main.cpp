// SPDX-License-Identifier: MIT
// Two files include everything: a function that is not inline would be defined twice.
#include <mcp/mcp.hpp>

const std::error_category& category_of_other_file();

int main() {
  return &mcp::error_category() == &category_of_other_file() ? 0 : 1;  // one object in both files
}
