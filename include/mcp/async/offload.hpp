// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/descriptor.hpp>
#include <mcp/base/result.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include <sys/socket.h>

namespace mcp::inline v0 {

namespace detail {

/// What a worker thread holds of the coroutine that waits for it: one end of a socket pair.
class wake_up {
 public:
  explicit wake_up(unique_descriptor end) noexcept : end_(std::move(end)) {}

  // A byte and not just the end of the stream, since a forked child may hold this end open.
  void send() const noexcept { static_cast<void>(::send(end_.get(), "", 1, MSG_NOSIGNAL)); }

 private:
  unique_descriptor end_;
};

/// A job and what came of it; shared by its thread and the coroutine. (Not `std::packaged_task`: to destroy
/// one that never ran takes memory, and there is no way to refuse it.)
template <class Job>
class offloaded {
 public:
  explicit offloaded(Job job) : job_(std::move(job)) {}

  void run() noexcept {
    try {
      answer_.emplace(job_());
    } catch (...) {
      thrown_ = std::current_exception();
    }
    done_.store(true, std::memory_order_release);
  }

  bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  std::invoke_result_t<Job&> take() {
    if (thrown_) std::rethrow_exception(thrown_);
    return std::move(*answer_);
  }

 private:
  Job job_;
  std::optional<std::invoke_result_t<Job&>> answer_;
  std::exception_ptr thrown_;
  std::atomic<bool> done_ = false;
};

/// Without `deadlines`, there is no `when`.
template <class Job>
asio::awaitable<std::invoke_result_t<Job&>> offload(asio::any_io_executor executor, deadline_list* deadlines,
                                                    deadline::time_point when, Job job) {
  if (deadlines != nullptr && deadlines->now() >= when) co_return errc::deadline_exceeded;

  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    co_return failure(std::error_code(errno, std::system_category()));
  unique_descriptor own_end(ends[0]);
  wake_up waker{unique_descriptor(ends[1])};
  asio::posix::stream_descriptor done(executor);
  std::error_code ec;
  done.assign(own_end.get(), ec);
  if (ec) co_return failure(ec);
  own_end.release();

  const auto shared = std::make_shared<offloaded<Job>>(std::move(job));
  try {
    std::thread([shared, waker = std::move(waker)] {
      shared->run();
      waker.send();
    }).detach();
  } catch (const std::system_error& no_thread) {
    co_return failure(no_thread.code());
  }

  const auto give_up = [&done] {
    std::error_code ignored;
    done.cancel(ignored);
  };
  std::optional<deadline_action<decltype(give_up)>> limit;
  if (deadlines != nullptr) limit.emplace(*deadlines, when, give_up);
  co_await done.async_wait(asio::posix::stream_descriptor::wait_read,
                           asio::redirect_error(asio::use_awaitable, ec));
  if (shared->done()) co_return shared->take();
  if (limit && limit->passed()) co_return errc::deadline_exceeded;
  co_return errc::cancelled;
}

}  // namespace detail

/// Runs `job`, which may block, on a thread of its own and awaits the `result<T>` it returns.
///
/// The wait ends at once with `errc::cancelled` on terminal cancellation; the job then runs on to its end and
/// its answer is dropped. So the job must own all that it uses. An exception it throws comes out of the
/// `co_await`. Where the system has no descriptor or no thread left, its error is the outcome.
///
/// The thread never touches the executor: it sends one byte to a socket on which the coroutine waits. So
/// the execution context may be destroyed while jobs hang, and until then an awaited job keeps it running.
template <class Job>
asio::awaitable<std::invoke_result_t<Job&>> offload(asio::any_io_executor executor, Job job) {
  return detail::offload(std::move(executor), nullptr, {}, std::move(job));
}

/// The same; the wait ends at `when` at the latest with `errc::deadline_exceeded`.
template <class Job>
asio::awaitable<std::invoke_result_t<Job&>> offload(asio::any_io_executor executor, deadline_list& deadlines,
                                                    deadline::time_point when, Job job) {
  return detail::offload(std::move(executor), &deadlines, when, std::move(job));
}

}  // namespace mcp::inline v0
