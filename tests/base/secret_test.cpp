// SPDX-License-Identifier: MIT
#include <mcp/base/secret.hpp>

#include <catch2/catch_test_macros.hpp>

#include <string_view>
#include <support/interposed_allocation.hpp>
#include <utility>
#include <vector>

#include <malloc.h>

namespace {

constexpr std::string_view token = "a token that nobody may find in memory";

int given_back = 0;  // blocks, while they are watched
int found = 0;       // those of them that hold the token

void watch(void* block) {
  const std::string_view bytes(static_cast<const char*>(block), ::malloc_usable_size(block));
  ++given_back;
  if (bytes.find(token.substr(16)) != bytes.npos) ++found;  // its beginning may be overwritten
}

/// Whether memory was given back in `scope()`, and none of it with the token.
template <class Scope>
bool wipes(Scope scope) {
  given_back = found = 0;
  test::on_given_back = watch;
  scope();
  test::on_given_back = nullptr;
  return given_back > 0 && found == 0;
}

}  // namespace

TEST_CASE("memory that held a secret is wiped before it is given back") {
  CHECK_FALSE(
      wipes([] { std::vector<char>(token.begin(), token.end()); }));  // the check finds what is not wiped

  CHECK(wipes([] { mcp::secret{token}; }));
  CHECK(wipes([] {
    mcp::secret grows(token);
    for (int i = 0; i < 100; ++i) grows.append("more");
  }));
  CHECK(wipes([] {
    mcp::secret shrinks(token);
    shrinks.resize(1);
  }));
  CHECK(wipes([] {
    mcp::secret replaced(token);
    replaced = mcp::secret("another");
    const mcp::secret copied(token);
    replaced = copied;
    mcp::secret moved = std::move(replaced);
    std::swap(moved, replaced);
  }));
  CHECK(wipes([] {
    std::vector<mcp::secret> row;
    for (int i = 0; i < 10; ++i) row.emplace_back(token);
  }));
}

TEST_CASE("a secret that is cleared is wiped at once") {
  mcp::secret held(token);
  const std::string_view memory = held.view();
  held.clear();
  held.resize(memory.size());  // the same memory, now to be read again
  CHECK(held.view().data() == memory.data());
  CHECK(held.view().find_first_not_of('\0') == memory.npos);
}

TEST_CASE("a secret holds any bytes") {
  const std::string_view bytes("\0a\r\n\xff\0", 6);
  mcp::secret held(bytes);
  CHECK(held.view() == bytes);
  CHECK(held.size() == 6);
  held.append(bytes);
  CHECK(held.view().substr(6) == bytes);
  held.data()[0] = 'b';
  CHECK(held.view().front() == 'b');
  CHECK(mcp::secret(bytes) == mcp::secret(bytes));
  CHECK_FALSE(mcp::secret(bytes) == held);
  CHECK(mcp::secret().empty());
  CHECK(mcp::secret("").view().empty());
}
