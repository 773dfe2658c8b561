// SPDX-License-Identifier: MIT
#include <mcp/async/offload.hpp>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/strand.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <support/interposed_socketpair.hpp>
#include <support/started.hpp>
#include <support/virtual_time.hpp>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

/// Runs jobs. Its destructor destroys the context, then lets the jobs that hang go on, and waits until
/// every thread is through with its job.
struct bench {
  ~bench() {
    context_.reset();
    if (may_go_on_.wait_for(0s) != std::future_status::ready) let_go_on();
    token_.reset();
    gone_.wait();
  }

  void let_go_on() { go_on_.set_value(); }

  asio::io_context& context() { return *context_; }

  template <class Job>
  auto start(Job job) {
    return test::start(context(), mcp::offload(context_->get_executor(), *deadlines, time->now() + 1s,
                                               awaited(std::move(job))));
  }

  /// `job`, such that the destructor waits for its thread.
  template <class Job>
  auto awaited(Job job) const {
    return [job = std::move(job), token = token_]() mutable { return job(); };
  }

  auto start_hanging() {
    return start([may_go_on = may_go_on_]() -> mcp::result<std::string> {
      may_go_on.wait();
      return std::string("too late");
    });
  }

  std::shared_ptr<test::virtual_time> time = std::make_shared<test::virtual_time>();
  std::shared_ptr<mcp::deadline_list> deadlines = std::make_shared<mcp::deadline_list>(time);

 private:
  // Broken when the last job is gone.
  std::shared_ptr<void> make_token() {
    auto promise = std::make_shared<std::promise<void>>();
    gone_ = promise->get_future();
    return promise;
  }

  std::unique_ptr<asio::io_context> context_ = std::make_unique<asio::io_context>();
  std::promise<void> go_on_;
  std::shared_future<void> may_go_on_ = go_on_.get_future().share();
  std::future<void> gone_;
  std::shared_ptr<void> token_ = make_token();
};

}  // namespace

TEST_CASE("offload gives what the job returns") {
  bench b;
  const auto caller = std::this_thread::get_id();
  auto value = b.start([caller]() -> mcp::result<bool> { return std::this_thread::get_id() != caller; });
  auto failing = b.start([]() -> mcp::result<int> { return mcp::failure(mcp::errc::resolve_failed, "why"); });
  auto nothing = b.start([]() -> mcp::result<void> { return {}; });
  auto throwing = b.start([]() -> mcp::result<int> { throw std::runtime_error("thrown"); });
  auto move_only = b.start([held = std::make_unique<int>(7)]() -> mcp::result<int> { return *held; });
  CHECK(*value.wait());
  CHECK(failing.wait().error().code() == mcp::errc::resolve_failed);
  CHECK(failing.wait().error().message() == "why");
  CHECK(nothing.wait().has_value());
  CHECK_THROWS_AS(throwing.wait(), std::runtime_error);
  CHECK(*move_only.wait() == 7);
}

TEST_CASE("run() does not return while a job is awaited") {
  bench b;
  std::promise<void> go_on;
  auto waiting = b.start([gate = go_on.get_future().share()]() -> mcp::result<void> {
    gate.wait();
    return {};
  });
  std::thread releases([&] { go_on.set_value(); });
  b.context().run();
  CHECK(waiting.done());
  releases.join();
}

TEST_CASE("a job that hangs outlives its deadline, its awaiter does not") {
  bench b;
  auto waiting = b.start_hanging();
  b.context().poll();
  b.time->advance(999ms);
  b.context().poll();
  CHECK_FALSE(waiting.done());
  b.time->advance(1ms);
  CHECK(waiting.wait().error().code() == mcp::errc::deadline_exceeded);
}

TEST_CASE("a job whose deadline has passed is not started") {
  bench b;
  bool ran = false;
  auto job = [&ran]() -> mcp::result<void> { return ran = true, mcp::result<void>(); };
  auto late =
      test::start(b.context(), mcp::offload(b.context().get_executor(), *b.deadlines, b.time->now(), job));
  CHECK(late.wait().error().code() == mcp::errc::deadline_exceeded);
  CHECK_FALSE(ran);
}

TEST_CASE("cancellation ends the wait for a job at once") {
  bench b;
  auto waiting = b.start_hanging();
  b.context().poll();
  waiting.cancel();
  CHECK(waiting.wait().error().code() == mcp::errc::cancelled);
}

TEST_CASE("the context may be destroyed while a job hangs") {
  for (const bool cancelled : {false, true}) {
    bench b;
    auto waiting = b.start_hanging();
    b.context().poll();
    if (cancelled) waiting.cancel();
    CHECK_FALSE(waiting.done());
  }
}

TEST_CASE("the context may be destroyed while jobs end") {
  for (int i = 0; i < 50; ++i) {
    bench b;
    std::vector<test::started<mcp::result<int>>> waiting;
    for (int each = 0; each < 4; ++each)
      waiting.push_back(b.start([each]() -> mcp::result<int> { return each; }));
    CHECK(b.context().poll() >= 4);
    if (i % 2 == 0) waiting.front().cancel();
  }
}

TEST_CASE("a strand over several threads awaits jobs too") {
  bench b;
  int sum = 0;
  const auto strand = asio::make_strand(b.context());
  for (int i = 1; i <= 20; ++i) {
    auto awaits = [&, i]() -> asio::awaitable<void> {
      auto job = b.awaited([i]() -> mcp::result<int> { return i; });
      const asio::any_io_executor executor = strand;
      const auto answer = co_await mcp::offload(executor, *b.deadlines, b.time->now() + 1s, job);
      sum += *answer;
    };
    asio::co_spawn(strand, awaits, asio::detached);
  }
  std::thread second([&] { b.context().run(); });
  b.context().run();
  second.join();
  CHECK(sum == 210);
}

TEST_CASE("offload leaves no descriptor open") {
  const auto descriptors_after_jobs = [] {
    {
      bench b;
      CHECK(b.start([]() -> mcp::result<int> { return 1; }).wait().has_value());
      auto waiting = b.start_hanging();
      b.context().restart();
      b.context().poll();
      waiting.cancel();
      CHECK_FALSE(waiting.wait());
    }
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const auto first = descriptors_after_jobs();
  CHECK(descriptors_after_jobs() == first);
}

TEST_CASE("offload says so when no descriptor is left") {
  bench b;
  test::socketpair_error = EMFILE;
  auto refused = b.start([]() -> mcp::result<int> { return 1; });
  CHECK(refused.wait().error().code() == std::errc::too_many_files_open);
  test::socketpair_error = 0;
}

TEST_CASE("a job is awaited no longer when a forked child holds its descriptors") {
  bench b;
  auto waiting = b.start_hanging();
  b.context().poll();
  const int held = ::dup(test::socketpair_ends[1]);
  b.let_go_on();
  CHECK(*waiting.wait() == "too late");
  ::close(held);
}
