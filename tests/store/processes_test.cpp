// SPDX-License-Identifier: MIT
// Many processes with one store, and writers and holders of leases that are killed at any moment.
#include "store_files.hpp"
#include <mcp/store/file_store.hpp>

#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <support/child.hpp>
#include <support/fake_random.hpp>
#include <support/temporary_directory.hpp>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

using mcp::file_store;
using mcp::no_record;
using namespace std::chrono_literals;

namespace {

int either(int full, int reduced) { return std::getenv("MCP_TEST_FULL") != nullptr ? full : reduced; }

/// Does not sleep: what is to be met lasts microseconds.
void spin(std::chrono::microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

/// The number in the record; -1 where it cannot be read, or there is none.
int number_in(file_store& store) {
  const auto found = store.load("k");
  return found && *found ? std::stoi(std::string((*found)->bytes.view())) : -1;
}

}  // namespace

TEST_CASE("a writer is killed at any moment: what it said is saved is there, and the record is whole") {
  const int kills = either(10'000, 1'000);
  test::seeded_random random(1);
  const test::temporary_directory top;
  const std::string padding(10'000, ' ');
  int saved = 0;
  for (const bool encrypted : {false, true}) {
    mcp::file_store_options options;
    if (encrypted) options.key = test::some_key;
    const std::string path = top / (encrypted ? "encrypted" : "plain");
    file_store store(path, options);
    REQUIRE(store.save("k", "0", no_record));
    int told = 0;
    for (int i = 0; i < kills / 2; ++i) {
      test::child writer([&](const test::child::pipes& to) {
        file_store own(path, options);
        for (auto record = *own.load("k");; record = *own.load("k")) {
          const std::string next = std::to_string(std::stoi(std::string(record->bytes.view())) + 1);
          if (!own.save("k", next + padding, record->version)->has_value()) to.tell("refused");
          to.tell(next);
        }
      });
      for (auto rounds = random.next() % 3 + 1; rounds != 0; --rounds) told = std::stoi(writer.hear());
      spin(std::chrono::microseconds(random.next() % 300));
      writer.kill(SIGKILL);
      writer.wait();
      for (std::string line = writer.hear(); !line.empty(); line = writer.hear()) told = std::stoi(line);
      const int found = number_in(store);
      // It may have been killed before it said so.
      REQUIRE((found == told || found == told + 1));
      told = found;
    }
    saved += told;
    for (const auto& name : test::names_in(path))
      CHECK((name == "new" || name == "encryption" || name.ends_with(".record")));
  }
  std::printf("%d saves, %d kills\n", saved, kills);
}

TEST_CASE("sixteen processes count in one record") {
  constexpr int processes = 16, each = 625;
  const test::temporary_directory top;
  REQUIRE(file_store(top / "store").save("k", "0", no_record));
  std::vector<test::child> counting;
  for (int i = 0; i < processes; ++i) {
    counting.emplace_back([&](const test::child::pipes&) {
      file_store store(top / "store", {.lock_timeout = 2min});
      for (int done = 0; done < each;) {
        const auto found = *store.load("k");
        const int next = std::stoi(std::string(found->bytes.view())) + 1;
        if (store.save("k", std::to_string(next), found->version).value()) ++done;
      }
    });
  }
  for (auto& process : counting) {
    CHECK(process.hear() == "");
    CHECK(process.wait());
  }
  file_store store(top / "store");
  CHECK(number_in(store) == processes * each);
  CHECK(test::names_in(top / "store").size() == 1);
}

TEST_CASE("holders of a lease are killed at any moment: one holds it at a time, and the next one gets it") {
  const int kills = either(1'000, 50);
  constexpr int processes = 4;
  const test::temporary_directory top;
  test::seeded_random random(1);
  // Who holds the lease takes this lock as well, and must get it at once. A process that dies closes its
  // descriptors in the order of their numbers: this lock is free before the lease is.
  test::write(top / "witness", "");
  const auto work = [&](const test::child::pipes& to) {
    const int witness = ::open((top / "witness").c_str(), O_RDWR | O_CLOEXEC);
    file_store store(top / "store", {.lock_timeout = 2min});
    const std::string owner = std::to_string(::getpid());
    for (;;) {
      if (!store.lease("k", owner, 1h).value()) continue;
      const bool alone = ::flock(witness, LOCK_EX | LOCK_NB) == 0;
      ::flock(witness, LOCK_UN);
      store.release("k", owner).value();
      to.tell(alone ? "held" : "two hold it");
    }
  };
  std::vector<std::optional<test::child>> holders(processes);
  for (auto& holder : holders) holder.emplace(work);
  for (int i = 0; i < kills; ++i) {
    for (auto& holder : holders) REQUIRE(holder->hear() == "held");
    spin(std::chrono::microseconds(random.next() % 200));
    holders[random.next() % processes].emplace(work);  // which kills the one before
  }
  for (auto& holder : holders) REQUIRE(holder->hear() == "held");
}
