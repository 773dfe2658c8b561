// SPDX-License-Identifier: MIT
#include "store_files.hpp"
#include <mcp/store/file_directory.hpp>
#include <mcp/store/file_lease.hpp>
#include <mcp/store/file_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <support/child.hpp>
#include <support/temporary_directory.hpp>

#include <signal.h>

using mcp::errc;
using mcp::file_store;
using test::names_in;
using namespace std::chrono_literals;

namespace {

/// The leases of one store under a clock that the test sets.
class bench {
 public:
  explicit bench(const std::string& path) : path_(path) {}

  mcp::result<bool> take(const std::string& owner, std::chrono::milliseconds time = 10s) {
    bool durable = true;
    auto directory = mcp::detail::file_directory::make(path_, durable);
    REQUIRE(directory);
    REQUIRE(directory->lock(1min));
    return leases_.take(*directory, "x.lease", owner, now + time, now);
  }
  void release(const std::string& owner) {
    const auto directory = mcp::detail::file_directory::open(path_);
    leases_.release(&**directory, "x.lease", owner);
  }

  mcp::detail::file_leases::time_point now{1000h};

 private:
  std::string path_;
  mcp::detail::file_leases leases_;
};

std::string the_file_in(const std::string& directory) {
  return directory + "/" + *names_in(directory).begin();
}

auto open_descriptors() { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); }

}  // namespace

TEST_CASE("a lease keeps others out until it is released") {
  const test::temporary_directory top;
  const auto descriptors = open_descriptors();
  {
    file_store one(top / "store"), two(top / "store");
    CHECK(*one.lease("k", "a", 1h));
    CHECK(*one.lease("k", "a", 1h));
    CHECK_FALSE(*one.lease("k", "b", 1h));  // another owner in the same store
    CHECK_FALSE(*two.lease("k", "b", 1h));
    CHECK_FALSE(*two.lease("k", "a", 1h));  // it goes by the store too: names may coincide
    CHECK(*two.lease("other", "b", 1h));
    CHECK(test::bytes_of(two.load("k")) == "none");
    CHECK(two.save("k", "x", mcp::no_record)->has_value());

    CHECK(two.release("k", "b"));
    CHECK(one.release("k", "b"));
    CHECK_FALSE(*two.lease("k", "b", 1h));
    CHECK(one.release("k", "a"));
    CHECK(*two.lease("k", "b", 1h));
    CHECK_FALSE(*one.lease("k", "a", 1h));
  }
  CHECK(open_descriptors() == descriptors);
  CHECK(*file_store(top / "store").lease("k", "c", 1h));
}

TEST_CASE("the file of a lease goes when it is released") {
  const test::temporary_directory top;
  file_store store(top / "store");
  CHECK(*store.lease("k", "a", 1h));
  CHECK(names_in(top / "store").size() == 1);
  CHECK(store.release("k", "a"));
  CHECK(names_in(top / "store").empty());
  CHECK(*store.lease("k", "a", 1h));
}

TEST_CASE("a holder whose time has passed is robbed, and notices") {
  const test::temporary_directory top;
  bench one(top.path()), two(top.path());
  CHECK(*one.take("a", 10s));
  two.now = one.now + 10s - 1ms;
  CHECK_FALSE(*two.take("b"));
  two.now += 1ms;
  SECTION("extended in time") {
    one.now += 5s;
    CHECK(*one.take("a", 10s));
    CHECK_FALSE(*two.take("b"));
    two.now += 5s;
    CHECK(*two.take("b"));
    CHECK_FALSE(*one.take("a"));
  }
  SECTION("extended late, but before anybody came") {
    one.now += 1h;
    CHECK(*one.take("a"));
    two.now = one.now;
    CHECK_FALSE(*two.take("b"));
  }
  SECTION("robbed") {
    CHECK(*two.take("b"));
    CHECK_FALSE(*one.take("a"));
    CHECK_FALSE(*one.take("a"));
    two.release("b");
    CHECK(*one.take("a"));
  }
  SECTION("robbed by one that is through with it") {
    CHECK(*two.take("b"));
    two.release("b");
    CHECK_FALSE(*one.take("a"));  // somebody has had it since
    CHECK(*one.take("a"));
  }
  SECTION("robbed within one store") {
    one.now += 10s;
    CHECK(*one.take("b"));
    CHECK_FALSE(*one.take("a"));
    CHECK(*one.take("b"));
  }
  SECTION("what was robbed is not released") {
    CHECK(*two.take("b"));
    one.release("a");
    CHECK_FALSE(*one.take("a"));
  }
}

TEST_CASE("leases of no time, and of more than there is") {
  const test::temporary_directory top;
  file_store one(top / "store"), two(top / "store");
  for (const auto time : {0ms, -1ms, std::chrono::milliseconds::min()}) {
    CHECK(*one.lease("k", "a", time));
    CHECK(*two.lease("k", "b", time));
    CHECK_FALSE(*one.lease("k", "a", time));
    CHECK(two.release("k", "b"));
  }
  CHECK(*one.lease("k", "a", std::chrono::milliseconds::max()));
  CHECK_FALSE(*two.lease("k", "b", 1h));
}

TEST_CASE("a damaged lease is no free one while its holder lives") {
  const test::temporary_directory top;
  file_store one(top / "store"), two(top / "store");
  for (const std::string damage : {"", "asio-mcp\x01\x04", "asio-mcp\x01\x04........x", "something else"}) {
    CHECK(*one.lease("k", "a", 1h));
    test::write(the_file_in(top / "store"), damage);
    CHECK(two.lease("k", "b", 1h).error().code() == errc::store_corrupt);
    CHECK(one.release("k", "a"));
    CHECK(*two.lease("k", "b", 1h));
    test::write(the_file_in(top / "store"), damage);
    CHECK(two.release("k", "b"));
  }
}

TEST_CASE("a lease that ends at any time whatever can be read") {
  const test::temporary_directory top;
  file_store one(top / "store"), two(top / "store");
  for (const char* until : {"........", "\x7f\xff\xff\xff\xff\xff\xff\xff", "\x80\0\0\0\0\0\0\0"}) {
    CHECK(*one.lease("k", "a", 1h));
    test::write(the_file_in(top / "store"), "asio-mcp\x01\x04" + std::string(until, 8));
    CHECK(*two.lease("k", "b", 1h) == (until[0] == '\x80'));
    CHECK(one.release("k", "a"));
    CHECK(two.release("k", "b"));
  }
}

TEST_CASE("a lease that others could read or replace is refused") {
  const test::temporary_directory top;
  CHECK(*file_store(top / "store").lease("k", "a", 1h));
  const std::string file = the_file_in(top / "store");
  file_store store(top / "store");
  std::filesystem::permissions(file, std::filesystem::perms(0640));
  CHECK(store.lease("k", "b", 1h).error().code() == errc::store_insecure);
  std::filesystem::rename(file, file + "-moved");
  std::filesystem::create_symlink(file + "-moved", file);
  CHECK(store.lease("k", "b", 1h).error().code() == errc::store_insecure);
}

TEST_CASE("a lease is free the moment its holder is killed") {
  const test::temporary_directory top;
  file_store store(top / "store");
  for (int i = 0; i < 20; ++i) {
    test::child holder([&](const test::child::pipes& to) {
      to.tell(*file_store(top / "store").lease("k", "child", 1h) ? "held" : "refused");
      file_store other(top / "store");
      to.tell(*other.lease("k", "child", 1h) ? "held" : "refused");
      to.hear();
    });
    // The first store was gone at once, and its lease with it.
    REQUIRE(holder.hear() == "held");
    REQUIRE(holder.hear() == "held");
    CHECK_FALSE(*store.lease("k", "parent", 1h));
    holder.kill(SIGKILL);
    holder.wait();
    CHECK(*store.lease("k", "parent", 1h));
    CHECK(store.release("k", "parent"));
  }
}

TEST_CASE("a holder that was stopped is robbed after its time, and notices when it goes on") {
  const test::temporary_directory top;
  test::child holder([&](const test::child::pipes& to) {
    file_store store(top / "store");
    to.tell(*store.lease("k", "child", 1ms) ? "held" : "refused");
    ::raise(SIGSTOP);
    to.tell(*store.lease("k", "child", 1h) ? "held" : "lost");
  });
  REQUIRE(holder.hear() == "held");
  holder.wait_until_stopped();
  file_store store(top / "store");
  const auto limit = std::chrono::steady_clock::now() + 20s;
  bool held = false;
  while (!held && std::chrono::steady_clock::now() < limit) held = *store.lease("k", "parent", 1h);
  CHECK(held);
  holder.kill(SIGCONT);
  CHECK(holder.hear() == "lost");
  CHECK(*store.lease("k", "parent", 1h));
}

TEST_CASE("a store that goes out of use frees its leases, also when a forked child lives on") {
  const test::temporary_directory top;
  file_store other(top / "store");
  auto store = std::make_unique<file_store>(top / "store");
  CHECK(*store->lease("k", "a", 1h));
  CHECK(*store->lease("l", "a", 1h));
  const test::child lives_on([](const test::child::pipes& to) { to.hear(); });
  CHECK(store->release("l", "a"));
  CHECK(*other.lease("l", "b", 1h));
  CHECK_FALSE(*other.lease("k", "b", 1h));
  store.reset();
  CHECK(*other.lease("k", "b", 1h));
}
