// SPDX-License-Identifier: MIT
#include "co_await_shapes.hpp"

#include "source_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::vector<std::string> complaints(std::string_view code) { return lint::co_await_check(code).complaints(); }

TEST_CASE("no co_await has a shape that GCC 12 miscompiles") {
  std::vector<std::string> found;
  for (const auto& path : lint::cpp_files({"include", "examples", "tests", "benchmarks"})) {
    for (const auto& complaint : complaints(lint::read_file(path)))
      found.push_back(path.string() + ":" + complaint);
  }
  for (const auto& complaint : complaints(lint::cpp_blocks(lint::read_file("README.md")))) {
    found.push_back("README.md:" + complaint);
  }
  INFO(lint::lines(found));
  CHECK(found.empty());
}

TEST_CASE("safe shapes of co_await pass") {
  for (std::string_view code : {
           "co_await f();",
           "co_await f(a, 1, \"text\", 'c', 1'000, R\"x({ ? })x\", u8\"{\", nullptr);",
           "auto x = co_await f(std::move(a));",
           "const auto& x = co_await a.b->c(std::string(\"text\"), x[0], *p, -1);",
           "mcp::result<std::pair<int, int>> x = co_await f<std::vector<int>, 3>(a);",
           "x = co_await ::f(a);",
           "x->y[i] = co_await list[i].f(a);",
           "co_return co_await f(a);",
           "auto executor = co_await asio::this_coro::executor;",
           "co_await std::move(operation);",
           "co_await f(asio::redirect_error(asio::use_awaitable, ec));",
           "co_await f(a, {.timeout = t, .retry = false});",
           "co_await f(a, call_options{.timeout = t});",
           "co_await f(a, mcp::call_options{}, mcp::as_result);",
           "co_await x->socket().f(a, x.y().z());",
           "co_await f([&](int x) { g(x ? 1 : 2); return T{x}; }, [](auto) -> int { return 1; }, [this, &a] "
           "{ h(); });",
           "co_await spawn([&]() -> asio::awaitable<void> { co_await f(a); });",
           "if (a) co_await f(); else co_await g();",
           "if (auto x = co_await f(a); !x) co_return x;",
           "if (auto x = co_await f(a)) g(x);",
           "while (co_await f(a)) { co_await g(); }",
           "for (auto x = co_await f(a); x < 3; ++x) co_await g(x);",
           "switch (co_await f(a)) { case 1: co_await g(); default: co_await h(); }",
           "do co_await f(); while (a);",
           "// co_await f({1})\n/* co_await f({1}) */ auto s = \"co_await f({1})\";",
           "#define M(x) \\\n  (co_await f({x}))\nint x;",
           "auto operator co_await() const;",
           "[[maybe_unused]] auto x = co_await f(a);",
       }) {
    INFO(code << lint::lines(complaints(code)));
    CHECK(complaints(code).empty());
  }
}

TEST_CASE("unsafe shapes of co_await are found") {
  struct sample {
    std::string_view code;
    std::string why;
  };
  for (const auto& [code, why] : std::vector<sample>{
           {"co_await f({1, 2});", "braces"},
           {"co_await f(a, std::vector<int>{1, 2});", "braces"},
           {"co_await f(a, {});", "braces"},
           {"co_await f(a, headers{});", "braces"},
           {"co_await f({.headers = {{\"a\", \"b\"}}});", "braces"},
           {"co_await f(g({1}));", "braces"},
           {"co_await timer{1};", "braces"},
           {"co_await f([x] { g(x); });", "lambda that captures by value"},
           {"co_await f([=] { g(x); });", "lambda that captures by value"},
           {"co_await f([&, x = 1](int) mutable { g(x); });", "lambda that captures by value"},
           {"co_await f(a ? b : c);", "?:"},
           {"auto x = co_await f() ? 1 : 2;", "?:"},
           {"co_await f(new int(1));", "new"},
           {"co_await f(throw 1);", "throw"},
           {"co_await f(co_await g());", "a second co_await"},
           {"co_await f(g(1).h());", "use of what a call returns"},
           {"co_await f(a).g();", "use of what a call returns"},
           {"co_await f(a)(b);", "use of what a call returns"},
           {"auto [a, b] = co_await f();", "structured binding"},
           {"const auto& [a, b] = co_await f();", "structured binding"},
           {"auto x = (co_await f()).value();", "co_await inside another expression"},
           {"g(co_await f());", "co_await inside another expression"},
           {"CHECK(co_await f());", "co_await inside another expression"},
           {"auto x = 1 + co_await f();", "co_await inside another expression"},
           {"auto x = co_await f() + 1;", "co_await inside another expression"},
           {"auto x = co_await f() < 1;", "co_await inside another expression"},
           {"auto x = co_await y < 1;", "co_await inside another expression"},
           {"x += co_await f();", "co_await inside another expression"},
           {"auto x{co_await f()};", "co_await inside another expression"},
           {"T x = {1, co_await f()};", "co_await inside another expression"},
           {"if (!co_await f()) g();", "co_await inside another expression"},
           {"for (auto x : co_await f()) g(x);", "co_await inside another expression"},
           {"x[co_await f()] = 1;", "co_await inside another expression"},
           {"co_await (a || b);", "co_await of something else than a call or a name"},
           {"co_await [&]() -> asio::awaitable<void> { co_return; }();",
            "co_await of something else than a call or a name"},
           {"co_yield co_await f();", "co_await inside another expression"},
       }) {
    INFO(code);
    const auto found = complaints(code);
    REQUIRE(!found.empty());
    CHECK(found.front() == "1: " + why);
  }
}

TEST_CASE("complaints name the line, and only C++ blocks of Markdown count") {
  CHECK(complaints("int x;\n/*\n*/ g(\nco_await f());\n") ==
        std::vector<std::string>{"4: co_await inside another expression"});
  CHECK(complaints("co_await spawn([&] {\n  g(co_await f());\n});") ==
        std::vector<std::string>{"2: co_await inside another expression"});
  CHECK(complaints(lint::cpp_blocks(
            "g(co_await f());\n```sh\ng(co_await f());\n```\n```cpp\ng(co_await f());\n```\n")) ==
        std::vector<std::string>{"6: co_await inside another expression"});
}

}  // namespace
