// SPDX-License-Identifier: MIT
#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/on_thread.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <support/interposed_socketpair.hpp>
#include <support/started.hpp>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

/// What a test and the store that it wraps share. Its destructor lets operations go on, and waits for the
/// store, which the thread of the last operation may destroy, to be gone.
class probe {
 public:
  ~probe() {
    if (!let_go_) let_go_on();
    gone.wait();
  }

  void let_go_on() {
    let_go_ = true;
    go_on_.set_value();
  }

  /// The keys that were loaded, in order.
  std::vector<std::string> loaded() const {
    const std::lock_guard lock(mutex_);
    return loaded_;
  }

  /// On whatever thread: hangs until it may go on if the key says so, or throws.
  mcp::store_result::load load(std::string_view key) {
    if (++inside_ != 1) overlapped = true;
    {
      const std::lock_guard lock(mutex_);
      loaded_.emplace_back(key);
    }
    if (key == "hang") may_go_on_.wait();
    --inside_;
    if (key == "throw") throw std::runtime_error("a secret");
    if (key == "bad_alloc") throw std::bad_alloc();
    return mcp::stored_record{mcp::secret(key), 1};
  }

  std::atomic<bool> overlapped = false;  ///< two operations ran at the same time
  std::promise<void> destroyed;
  std::future<void> gone = destroyed.get_future();  ///< the store

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> loaded_;
  std::atomic<int> inside_ = 0;
  bool let_go_ = false;
  std::promise<void> go_on_;
  std::shared_future<void> may_go_on_ = go_on_.get_future().share();
};

/// Blocks, and cannot be copied.
class probed_store {
 public:
  explicit probed_store(probe& by) : by_(&by) {}

  mcp::store_result::load load(std::string_view key) { return by_->load(key); }
  mcp::store_result::save save(std::string_view, std::string_view, mcp::record_version) { return 1U; }
  mcp::store_result::erase erase(std::string_view, mcp::record_version) { return true; }
  mcp::store_result::lease lease(std::string_view, std::string_view owner, std::chrono::milliseconds) {
    return owner == "owner";
  }
  mcp::store_result::release release(std::string_view, std::string_view) { return {}; }

 private:
  struct say_so {
    void operator()(probe* by) const { by->destroyed.set_value(); }
  };
  std::unique_ptr<probe, say_so> by_;
};

mcp::on_thread<probed_store> store_of(probe& by) { return mcp::on_thread(probed_store(by)); }

bool found(const mcp::store_result::load& answer, std::string_view key) {
  return answer && *answer && (*answer)->bytes.view() == key;
}

static_assert(mcp::LeasingCredentialStore<mcp::on_thread<probed_store>>);

}  // namespace

TEST_CASE("operations on a thread run one at a time, in the order in which they were begun") {
  probe by;
  asio::io_context context;
  auto store = store_of(by);
  auto copy = store;
  std::vector<test::started<mcp::store_result::load>> loads;
  std::vector<std::string> keys{"hang"};
  for (int i = 0; i < 20; ++i) keys.push_back(std::to_string(i));
  for (std::size_t i = 0; i < keys.size(); ++i)
    loads.push_back(test::start(context, (i % 2 == 0 ? store : copy).load(keys[i])));
  context.poll();
  by.let_go_on();
  for (std::size_t i = 0; i < keys.size(); ++i) CHECK(found(loads[i].wait(), keys[i]));
  CHECK(by.loaded() == keys);
  CHECK_FALSE(by.overlapped);
}

TEST_CASE("each operation on a thread gives what the store returns") {
  probe by;
  asio::io_context context;
  auto store = store_of(by);
  CHECK(test::start(context, store.save("key", "bytes", mcp::no_record)).wait()->value() == 1);
  CHECK(*test::start(context, store.erase("key", 1)).wait());
  CHECK(*test::start(context, store.lease("key", "owner", std::chrono::seconds(1))).wait());
  CHECK_FALSE(*test::start(context, store.lease("key", "other", std::chrono::seconds(1))).wait());
  CHECK(test::start(context, store.release("key", "owner")).wait().has_value());
}

TEST_CASE("arguments of an operation on a thread may go before it runs") {
  probe by;
  asio::io_context context;
  auto store = store_of(by);
  auto key = std::make_unique<std::string>("a key that is too long for its object to hold");
  const std::string copy = *key;
  auto load = store.load(*key);
  key.reset();
  CHECK(found(test::start(context, std::move(load)).wait(), copy));
}

TEST_CASE("cancellation ends the wait for an operation on a thread, and the operation if it has not begun") {
  probe by;
  asio::io_context context;
  auto store = store_of(by);
  auto hangs = test::start(context, store.load("hang"));
  auto waits = test::start(context, store.load("cancelled"));
  auto next = test::start(context, store.load("next"));
  context.poll();
  hangs.cancel();
  waits.cancel();
  CHECK(hangs.wait().error().code() == mcp::errc::cancelled);
  CHECK(waits.wait().error().code() == mcp::errc::cancelled);
  CHECK_FALSE(next.done());
  by.let_go_on();
  CHECK(found(next.wait(), "next"));
  CHECK(by.loaded() == std::vector<std::string>{"hang", "next"});
}

TEST_CASE("an operation on a thread that is not awaited in time holds up no other") {
  probe by;
  asio::io_context not_run;
  asio::io_context context;
  auto store = store_of(by);
  auto answered = test::start(not_run, store.load("hang"));
  not_run.poll();  // begins it, and never takes its answer
  by.let_go_on();
  auto never_begun = store.load("never begun");
  CHECK(found(test::start(context, store.load("next")).wait(), "next"));
  CHECK(by.loaded() == std::vector<std::string>{"hang", "next"});
}

TEST_CASE("an operation for which there is no thread holds up no other") {
  probe by;
  asio::io_context context;
  auto store = store_of(by);
  test::socketpair_error = EMFILE;
  const auto refused = test::start(context, store.load("refused")).wait();
  test::socketpair_error = 0;
  CHECK(refused.error().code() == std::errc::too_many_files_open);
  CHECK(found(test::start(context, store.load("next")).wait(), "next"));
}

TEST_CASE("what a store throws on a thread is a failure of any_credential_store") {
  probe by;
  asio::io_context context;
  mcp::any_credential_store store = probed_store(by);
  const auto thrown = test::start(context, store.load("throw")).wait();
  CHECK(thrown.error().code() == mcp::errc::store_failed);
  CHECK(thrown.error().describe().find("secret") == std::string::npos);
  CHECK_THROWS_AS(test::start(context, store.load("bad_alloc")).wait(), std::bad_alloc);
  CHECK(found(test::start(context, store.load("next")).wait(), "next"));
}

TEST_CASE("the context may go while an operation on a thread hangs") {
  probe by;
  auto context = std::make_unique<asio::io_context>();
  auto store = store_of(by);
  auto hangs = test::start(*context, store.load("hang"));
  auto waits = test::start(*context, store.load("waits"));
  context->poll();
  context.reset();
  by.let_go_on();
  asio::io_context another;
  CHECK(found(test::start(another, store.load("next")).wait(), "next"));
  CHECK(by.loaded() == std::vector<std::string>{"hang", "next"});
}

TEST_CASE("a store on a thread outlives its last handle until its operations have ended") {
  probe by;
  asio::io_context context;
  std::optional store = store_of(by);
  auto hangs = test::start(context, store->load("hang"));
  auto waits = test::start(context, store->load("waits"));
  context.poll();
  store.reset();
  waits.cancel();
  CHECK_FALSE(waits.wait());
  CHECK(by.gone.wait_for(std::chrono::seconds(0)) == std::future_status::timeout);
  by.let_go_on();
  CHECK(found(hangs.wait(), "hang"));
  by.gone.wait();
  CHECK(by.loaded() == std::vector<std::string>{"hang"});
}

TEST_CASE("a store on a thread serves executors of several threads") {
  probe by;
  const auto store = store_of(by);
  std::vector<std::thread> threads;
  std::atomic<int> answers = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, mine = store]() mutable {
      asio::io_context context;
      for (int each = 0; each < 25; ++each) {
        asio::co_spawn(context, mine.load("key"),
                       [&](const std::exception_ptr&, const mcp::store_result::load& answer) {
                         if (found(answer, "key")) ++answers;
                       });
      }
      context.run();
    });
  }
  for (auto& each : threads) each.join();
  CHECK(answers == 100);
  CHECK_FALSE(by.overlapped);
}
