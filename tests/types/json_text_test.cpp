// SPDX-License-Identifier: MIT
#include <mcp/types/json_text.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <utility>

using mcp::json_text;

namespace {

/// A lent text; counts how often it is given back.
struct loan {
  std::string memory = R"({"lent":true} and more)";
  int returned = 0;

  json_text take() {
    return json_text(std::string_view(memory).substr(0, 13), this,
                     [](void* self) noexcept { ++static_cast<loan*>(self)->returned; });
  }
};

}  // namespace

TEST_CASE("a loan is given back once, by whoever holds it last", "[types]") {
  loan lent;
  {
    json_text first = lent.take();
    CHECK(first.text().data() == lent.memory.data());
    json_text second = std::move(first);
    CHECK(second.text() == R"({"lent":true})");
    CHECK(second.text().data() == lent.memory.data());
    json_text third;
    CHECK(third.empty());
    third = std::move(second);
    CHECK(lent.returned == 0);
    CHECK(third.text().data() == lent.memory.data());
  }
  CHECK(lent.returned == 1);
}

TEST_CASE("a copy has a text of its own", "[types]") {
  loan lent;
  json_text copy;
  {
    const json_text first = lent.take();
    copy = first;
  }
  CHECK(lent.returned == 1);
  lent.memory.assign(lent.memory.size(), 'x');
  CHECK(copy.text() == R"({"lent":true})");
  const json_text again(copy);
  CHECK(again.text().data() != copy.text().data());
  copy = json_text();
  CHECK(again.text() == R"({"lent":true})");
  CHECK(json_text("").empty());
  CHECK(json_text(json_text()).empty());
}
