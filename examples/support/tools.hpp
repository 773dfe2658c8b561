// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/json/walk.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace example {

/// What a tool does: it waits so many times so long, and then has its result.
struct tool_run {
  std::string result;  ///< members of a CallToolResult, without the braces around them
  std::chrono::milliseconds wait{0};
  std::int64_t waits = 0;
  bool reports_progress = false;  ///< after each wait
};

struct tool {
  std::string_view name;
  std::string_view definition;  ///< members of a Tool behind its name
  tool_run (*run)(const mcp::json::value& arguments);
};

namespace detail {

// `text` is a JSON string, quotes included: mostly the caller's own, passed through as it came.
inline std::string text_result(std::string_view text, bool is_error = false) {
  return std::string(R"("content":[{"type":"text","text":)")
      .append(text)
      .append(is_error ? R"(}],"isError":true)" : R"(}],"isError":false)");
}

inline tool_run refuse(std::string_view text) { return {.result = text_result(text, true)}; }

inline tool_run echo(const mcp::json::value& arguments) {
  const auto text = mcp::json::find_member(arguments, "text");
  if (!text.is_string()) return refuse(R"("echo needs a string 'text'")");
  return {.result = text_result(text.text())};
}

inline tool_run add(const mcp::json::value& arguments) {
  const auto a = mcp::json::find_member(arguments, "a").number();
  const auto b = mcp::json::find_member(arguments, "b").number();
  if (!a || !b) return refuse(R"("add needs numbers 'a' and 'b'")");
  std::array<char, 32> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), *a + *b);
  const std::string sum(digits.data(), written.ptr);
  return {.result = text_result('"' + sum + '"') + R"(,"structuredContent":{"sum":)" + sum + '}'};
}

inline tool_run slow(const mcp::json::value& arguments) {
  const auto ms = mcp::json::find_member(arguments, "ms").integer();
  if (!ms || *ms < 0) return refuse(R"("slow needs an integer 'ms' of 0 or more")");
  return {.result = text_result("\"waited " + std::to_string(*ms) + " ms\""),
          .wait = std::chrono::milliseconds(*ms),
          .waits = 1};
}

inline tool_run countdown(const mcp::json::value& arguments) {
  const auto steps = mcp::json::find_member(arguments, "steps").integer();
  const auto ms = mcp::json::find_member(arguments, "ms").integer();
  if (!steps || *steps < 0) return refuse(R"("countdown needs an integer 'steps' of 0 or more")");
  return {.result = text_result(R"("lift-off")"),
          .wait = std::chrono::milliseconds(ms.value_or(10)),
          .waits = *steps,
          .reports_progress = true};
}

// Three of an account, each with a little work to do.

inline tool_run account(const mcp::json::value& arguments, std::string_view done) {
  const auto amount = mcp::json::find_member(arguments, "amount").integer();
  if (!amount) return refuse(R"("an integer 'amount' is missing")");
  const auto ms = mcp::json::find_member(arguments, "ms").integer();
  return {.result = text_result('"' + std::string(done) + ' ' + std::to_string(*amount) + '"'),
          .wait = std::chrono::milliseconds(ms.value_or(1)),
          .waits = 1};
}

inline tool_run covers(const mcp::json::value& arguments) { return account(arguments, "the balance covers"); }
inline tool_run set_limit(const mcp::json::value& arguments) { return account(arguments, "limit set to"); }
inline tool_run transfer(const mcp::json::value& arguments) { return account(arguments, "transferred"); }

inline tool_run fail(const mcp::json::value&) { return refuse(R"("this tool always fails")"); }

inline tool_run picture(const mcp::json::value&) {
  return {.result =
              R"("content":[)"
              R"({"type":"text","text":"one red pixel, and where it comes from"},)"
              R"({"type":"image","mimeType":"image/png","data":"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1Pe)"
              R"(AAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"},)"
              R"({"type":"resource_link","uri":"example://pixels/red","name":"red","mimeType":"image/png"},)"
              R"({"type":"resource","resource":{"uri":"example://pixels/readme","mimeType":"text/plain",)"
              R"("text":"Pixels are free to use."}}],"isError":false)"};
}

}  // namespace detail

inline constexpr std::array<tool, 9> tools = {{
    {"echo",
     R"("description":"Answers with its text","annotations":{"readOnlyHint":true},"inputSchema":{"type":"object",)"
     R"("properties":{"text":{"type":"string"}},"required":["text"]})",
     detail::echo},
    {"add",
     R"("description":"Adds two numbers","annotations":{"readOnlyHint":true},"inputSchema":{"type":"object",)"
     R"("properties":{"a":{"type":"number"},"b":{"type":"number"}},"required":["a","b"]},)"
     R"("outputSchema":{"type":"object","properties":{"sum":{"type":"number"}},"required":["sum"]})",
     detail::add},
    {"slow",
     R"("description":"Answers after a while","inputSchema":{"type":"object",)"
     R"("properties":{"ms":{"type":"integer","minimum":0}},"required":["ms"]})",
     detail::slow},
    {"countdown",
     R"("description":"Counts down, with a progress notification each step","inputSchema":{"type":"object",)"
     R"("properties":{"steps":{"type":"integer","minimum":0},"ms":{"type":"integer","minimum":0,"default":10}},)"
     R"("required":["steps"]})",
     detail::countdown},
    {"covers",
     R"("description":"Whether the balance covers an amount","annotations":{"readOnlyHint":true},)"
     R"("inputSchema":{"type":"object",)"
     R"("properties":{"amount":{"type":"integer"},"ms":{"type":"integer"},"key":{"type":"string"}},)"
     R"("required":["amount"]})",
     detail::covers},
    {"set_limit",
     R"("description":"Sets the limit of the account","annotations":{"idempotentHint":true},)"
     R"("inputSchema":{"type":"object",)"
     R"("properties":{"amount":{"type":"integer"},"ms":{"type":"integer"},"key":{"type":"string"}},)"
     R"("required":["amount"]})",
     detail::set_limit},
    {"transfer",
     R"("description":"Transfers money; twice, if it runs twice",)"
     R"("inputSchema":{"type":"object",)"
     R"("properties":{"amount":{"type":"integer"},"ms":{"type":"integer"},"key":{"type":"string"}},)"
     R"("required":["amount"]})",
     detail::transfer},
    {"fail", R"("description":"Always fails","inputSchema":{"type":"object","additionalProperties":false})",
     detail::fail},
    {"picture",
     R"("description":"Answers with an image and resources","inputSchema":{"type":"object","additionalProperties":false})",
     detail::picture},
}};

/// Null if there is no such tool.
inline const tool* find_tool(const mcp::json::value& name) {
  const auto found =
      std::find_if(tools.begin(), tools.end(), [&](const tool& each) { return name == each.name; });
  return found == tools.end() ? nullptr : found;
}

}  // namespace example
