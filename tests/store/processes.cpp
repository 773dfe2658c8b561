// SPDX-License-Identifier: MIT
// Many processes with one store, and some that are killed at any moment. A program of its own, which is small
// and without sanitizers, so that it forks fast: processes DIRECTORY WHAT COUNT. Prints "ok" or what was
// wrong.
#include "store_files.hpp"
#include <mcp/base/ascii.hpp>
#include <mcp/store/file_store.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <support/child.hpp>
#include <support/fake_random.hpp>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

namespace {

using mcp::file_store;
using mcp::no_record;
using test::child;
using namespace std::chrono_literals;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

/// Lets the others run for a random time: sleeping, since they may need this processor for it.
void let_run(test::seeded_random& random, std::uint64_t most) {
  std::this_thread::sleep_for(std::chrono::microseconds(random.next() % most));
}

int number_in(const std::string& text) {
  require(!text.empty() && mcp::ascii::is_digit(text.front()), text);
  return std::stoi(text);
}
int number_in(const mcp::stored_record& record) { return number_in(std::string(record.bytes.view())); }

/// Each writer counts in the record, and tells how far it has come. What it told is there after its death,
/// and the record is whole.
void kill_writers(const std::string& path, const mcp::file_store_options& options, int kills) {
  test::seeded_random random(1);
  const std::string padding(200, ' ');
  file_store store(path, options);
  require(store.save("k", "0", no_record).value().has_value(), "no first record");
  int last = 0, in_the_middle = 0;
  for (int i = 0; i < kills; ++i) {
    child writer([&](const child::pipes& to) {
      file_store own(path, options);
      for (auto record = own.load("k").value().value();; record = own.load("k").value().value()) {
        const std::string next = std::to_string(number_in(record) + 1);
        require(own.save("k", next + padding, record.version).value().has_value(), "refused");
        to.tell(next);
      }
    });
    last = number_in(writer.hear());
    let_run(random, 500);
    writer.kill(SIGKILL);
    writer.wait();
    for (std::string line = writer.hear(); !line.empty(); line = writer.hear()) last = number_in(line);
    in_the_middle += test::names_in(path).contains("new") ? 1 : 0;
    const int found = number_in(store.load("k").value().value());
    // It may have been killed before it said so.
    require(found == last || found == last + 1,
            "told " + std::to_string(last) + ", found " + std::to_string(found));
  }
  for (const auto& name : test::names_in(path))
    require(name == "new" || name == "encryption" || name.ends_with(".record"), "left behind: " + name);
  std::fprintf(stderr, "%d writers killed after %d saves, %d of them in the middle of one\n", kills, last,
               in_the_middle);
}

/// Sixteen processes count in one record.
void count(const std::string& path, int up_to) {
  constexpr int processes = 16;
  require(file_store(path).save("k", "0", no_record).value().has_value(), "no first record");
  std::vector<child> counting;
  for (int i = 0; i < processes; ++i) {
    counting.emplace_back([&](const child::pipes&) {
      file_store store(path, {.lock_timeout = 2min});
      for (int done = 0; done < up_to / processes;) {
        const auto found = store.load("k").value().value();
        if (store.save("k", std::to_string(number_in(found) + 1), found.version).value()) ++done;
      }
    });
  }
  for (auto& process : counting) {
    const auto told = process.hear();
    require(process.wait(), told);
  }
  require(number_in(file_store(path).load("k").value().value()) == up_to, "another number");
  require(test::names_in(path).size() == 1, "something is left behind");
}

/// Four processes take a lease in turn. One holds it at a time, and the next one gets it when that dies.
void kill_holders(const std::string& path, int kills) {
  constexpr int processes = 4;
  test::seeded_random random(1);
  // Who holds the lease takes this lock as well, and must get it at once. A process that dies closes its
  // descriptors in the order of their numbers: this lock is free before the lease is.
  const std::string witness_file = path + "-witness";
  test::write(witness_file, "");
  const auto work = [&](const child::pipes& to) {
    const int witness = ::open(witness_file.c_str(), O_RDWR | O_CLOEXEC);
    file_store store(path, {.lock_timeout = 2min});
    const std::string owner = std::to_string(::getpid());
    for (;;) {
      if (!store.lease("k", owner, 1h).value()) continue;
      const bool alone = ::flock(witness, LOCK_EX | LOCK_NB) == 0;
      ::flock(witness, LOCK_UN);
      store.release("k", owner).value();
      to.tell(alone ? "held" : "two hold it");
    }
  };
  std::vector<std::optional<child>> holders(processes);
  for (auto& holder : holders) holder.emplace(work);
  for (int i = 0; i <= kills; ++i) {
    for (auto& holder : holders) {
      const auto told = holder->hear();
      require(told == "held", told);
    }
    let_run(random, 200);
    holders[random.next() % processes].emplace(work);  // which kills the one before
  }
}

}  // namespace

int main(int argument_count, char** arguments) try {
  require(argument_count == 4, "processes DIRECTORY WHAT COUNT");
  const std::string path = arguments[1];
  const std::string_view what = arguments[2];
  const int times = std::stoi(arguments[3]);
  if (what == "writers") kill_writers(path, {}, times);
  if (what == "encrypted-writers") kill_writers(path, {.key = test::some_key}, times);
  if (what == "counters") count(path, times);
  if (what == "holders") kill_holders(path, times);
  std::puts("ok");
} catch (const std::exception& wrong) {
  std::puts(wrong.what());
}
