// SPDX-License-Identifier: MIT
// Any text can be read; case makes no difference, nor does what stands in front as a sentence of its own.
#include <mcp/base/ascii.hpp>
#include <mcp/policy/session_loss.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bool lost = mcp::says_session_lost(text);
  std::string lower = text;
  for (char& c : lower) c = mcp::ascii::to_lower(c);
  require(mcp::says_session_lost(lower) == lost);
  // A text that begins with "not initialized" has no subject; the sentence would become one.
  if (lost && size < 400 && lower.find("initiali") == std::string::npos)
    require(mcp::says_session_lost("Bad Request. " + text));
  return 0;
}
