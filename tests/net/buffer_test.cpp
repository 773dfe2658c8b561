// SPDX-License-Identifier: MIT
#include <mcp/net/buffer.hpp>
#include <mcp/net/buffer_pool.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

void append(mcp::net::receive_buffer& buffer, std::string_view text) {
  std::ranges::copy(text, buffer.prepare(text.size()).begin());
  buffer.commit(text.size());
}

}  // namespace

TEST_CASE("a receive buffer grows at its end and is dropped from its front") {
  mcp::net::receive_buffer buffer(8);
  append(buffer, "0123456");
  CHECK(buffer.view() == "0123456");
  CHECK(buffer.prepare(1).size() == 1);
  CHECK(buffer.capacity() == 8);

  append(buffer, "789abcdefghij");
  CHECK(buffer.view() == "0123456789abcdefghij");
  buffer.discard(5);
  CHECK(buffer.view() == "56789abcdefghij");
  buffer.discard(0);
  buffer.discard(15);
  CHECK(buffer.view().empty());
  append(buffer, "again");
  buffer.clear();
  CHECK(buffer.size() == 0);
}

TEST_CASE("a receive buffer gives all the space it has, and grows geometrically") {
  mcp::net::receive_buffer buffer(1024);
  CHECK(buffer.prepare(1).size() == 1024);
  std::size_t moves = 0;
  for (int i = 0; i < 100'000; ++i) {
    const char* const before = buffer.data();
    append(buffer, "x");
    if (buffer.data() != before) ++moves;
  }
  CHECK(buffer.size() == 100'000);
  CHECK(moves <= 7);
  CHECK(std::ranges::count(buffer.view(), 'x') == 100'000);
}

TEST_CASE("padding is readable behind a full receive buffer") {
  mcp::net::receive_buffer buffer(16);
  append(buffer, std::string(16, 'x'));
  char sum = 0;
  for (std::size_t i = 0; i < mcp::net::buffer_padding; ++i)
    sum = static_cast<char>(sum | buffer.data()[16 + i]);
  CHECK(sum == 0);  // readable, and not left uninitialised
}

TEST_CASE("a pool lends a buffer again, empty") {
  const auto pool = mcp::net::buffer_pool::make();
  auto first = pool->acquire();
  auto second = pool->acquire();
  CHECK(first.get() != second.get());
  append(*first, "content");
  const char* const memory = first->data();
  first.reset();
  auto third = pool->acquire();
  CHECK(third->data() == memory);
  CHECK(third->size() == 0);
}

TEST_CASE("a pool does not keep a buffer that has grown large") {
  const auto pool = mcp::net::buffer_pool::make();
  auto large = pool->acquire();
  large->prepare(1024 * 1024);
  large.reset();
  CHECK(pool->acquire()->capacity() < 1024 * 1024);
}

TEST_CASE("lent buffers outlive their pool, and come back on any thread") {
  auto pool = mcp::net::buffer_pool::make();
  std::vector<mcp::net::buffer_lease> lent;
  for (int i = 0; i < 100; ++i) lent.push_back(pool->acquire());  // more than the pool keeps
  auto last = std::move(lent.back());
  lent.pop_back();
  std::thread elsewhere([lent = std::move(lent)]() mutable { lent.clear(); });
  for (int i = 0; i < 100; ++i) pool->acquire();
  elsewhere.join();
  pool.reset();
  append(*last, "still here");
  CHECK(last->view() == "still here");
}
