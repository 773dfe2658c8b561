// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What processes that use a store at the same time are promised.

#include <mcp/async/descriptor.hpp>
#include <mcp/store/test_kit/at_once.hpp>
#include <mcp/store/test_kit/bench.hpp>
#include <mcp/store/test_kit/leases.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mcp::inline v0::detail::store_tests {

/// A forked process that waits for `go()`, then works, and says lines. Killed with its handle.
class child {
 public:
  /// How the child speaks.
  using say = std::function<void(std::string)>;

  child(const asio::any_io_executor& executor, const std::function<void(const say&)>& work)
      : channel_(executor) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail();
    channel_.assign(ends[0]);
    const unique_descriptor other(ends[1]);
    process_ = ::fork();
    if (process_ < 0) fail();
    if (process_ == 0) {
      ::close(ends[0]);  // so that it hears when the parent has died
      be_child(ends[1], work);
    }
  }
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child() { kill(); }

  void go() { ::send(channel_.native_handle(), "", 1, MSG_NOSIGNAL); }

  /// The next line that it says; empty when it has ended.
  asio::awaitable<std::string> line() {
    std::error_code ec;
    const std::size_t size = co_await asio::async_read_until(channel_, asio::dynamic_buffer(heard_), '\n',
                                                             asio::redirect_error(asio::use_awaitable, ec));
    std::string text = heard_.substr(0, size);
    heard_.erase(0, size);
    if (!text.empty()) text.pop_back();
    co_return text;
  }

  void kill() noexcept {
    if (process_ <= 0) return;
    ::kill(process_, SIGKILL);
    while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) continue;
    process_ = 0;
  }

 private:
  /// Nothing of the parent's may be destroyed here, or go on by an exception.
  [[noreturn]] static void be_child(int channel, const std::function<void(const say&)>& work) noexcept {
    char go = 0;
    if (::read(channel, &go, 1) == 1) {
      work([&](std::string line) {
        line += '\n';
        ::send(channel, line.data(), line.size(), MSG_NOSIGNAL);
      });
    }
    ::_exit(0);
  }

  [[noreturn]] static void fail() { throw std::system_error(errno, std::system_category()); }

  asio::posix::stream_descriptor channel_;
  std::string heard_;
  ::pid_t process_ = 0;
};

inline asio::awaitable<void> save_for_ever(any_credential_store store, std::string key,
                                           const child::say& say) {
  record_version version = no_record;
  for (int number = 1;; ++number) {
    const std::string text = std::to_string(number);
    const auto saved = co_await store.save(key, text, version);
    expect(saved && *saved, "saved, as the version is the current one", shown(saved));
    version = **saved;
    say("saved " + text);
  }
}

inline asio::awaitable<void> hold_for_ever(const run& all, any_credential_store store,
                                           const child::say& say) {
  const std::string key = all.key("lease-killed");
  const auto taken = co_await store.lease(key, "a", all.options.lease_time, all.begin);
  expect(taken && *taken, "true, as nobody has it", shown(taken));
  say("held");
  for (;;) ::pause();
}

/// The other processes. They are forked before the test opens its first handle, and open their own when it is
/// their turn: many stores, SQLite among them, must not be carried over a fork.
struct processes {
  explicit processes(const run& all) {
    // A child runs this with a handle of its own, and says what came of it.
    const auto fork =
        [&](std::function<asio::awaitable<void>(any_credential_store, const child::say&)> work) {
          return std::make_unique<child>(all.executor, [&](const child::say& say) {
            const auto complaint =
                run_alone(all.open, [&](any_credential_store store) { return work(std::move(store), say); });
            say(complaint.empty() ? "done" : complaint);
          });
        };
    for (int each = 0; each < crowd; ++each)
      adders.push_back(fork([&](any_credential_store store, const child::say&) {
        return add_ones(std::move(store), all.key("processes"), all.options.updates,
                        (crowd - 1) * all.options.updates);
      }));
    saver = fork([&](any_credential_store store, const child::say& say) {
      return save_for_ever(std::move(store), all.key("killed"), say);
    });
    holder = fork([&](any_credential_store store, const child::say& say) {
      return hold_for_ever(all, std::move(store), say);
    });
  }

  std::vector<std::unique_ptr<child>> adders;
  std::unique_ptr<child> saver;
  std::unique_ptr<child> holder;
};

inline asio::awaitable<void> update_in_processes(bench& b, processes& others) {
  const std::string key = co_await b.fresh_key("processes");
  co_await b.create(key, "0");
  for (const auto& each : others.adders) each->go();
  for (const auto& each : others.adders) {
    const std::string outcome = co_await each->line();
    expect(outcome == "done", "a process to end well", outcome.empty() ? "it crashed" : outcome);
  }
  co_await expect_sum(b, key, crowd * b.options.updates);
}

inline asio::awaitable<void> killed_while_saving(bench& b, processes& others) {
  const std::string key = co_await b.fresh_key("killed");
  others.saver->go();
  std::string last;
  for (int saves = 0; saves < b.options.updates; ++saves) {
    last = co_await others.saver->line();
    expect(last.starts_with("saved "), "a process to save", last.empty() ? "it crashed" : last);
  }
  others.saver->kill();
  for (std::string line = last; !line.empty();) {
    last = line;
    line = co_await others.saver->line();
  }
  const int acknowledged = std::stoi(last.substr(6));
  const auto found = co_await b.store.load(key);
  const int number = number_in(found);
  expect(number == acknowledged || number == acknowledged + 1,
         "the number " + std::to_string(acknowledged) + ", or the next one", std::to_string(number));
  const record_version version = (*found)->version;
  const auto saved = co_await b.store.save(key, "0", version);
  expect(saved && *saved, "saved, as the version is the current one", shown(saved));
}

inline asio::awaitable<void> killed_with_lease(bench& b, processes& others) {
  const std::string key = co_await b.fresh_lease("lease-killed");
  const auto began = steady::now();
  others.holder->go();
  const std::string said = co_await others.holder->line();
  expect(said == "held", "a process to take a lease", said.empty() ? "it crashed" : said);
  const auto early = co_await b.lease(key, "b", 60s);
  const bool over = steady::now() - began >= b.options.lease_time;  // the machine is slow
  expect(early && (!*early || over), "false, as another process has it", shown(early));
  others.holder->kill();
  co_await take_when_over(b, key, "b", "true, as its holder was killed");
}

}  // namespace mcp::inline v0::detail::store_tests
