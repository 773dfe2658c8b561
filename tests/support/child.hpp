// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

/// A forked process with a pipe from it and one to it. Killed at the end of this object.
class child {
 public:
  /// What the work does with the pipes.
  class pipes {
   public:
    pipes(int in, int out) noexcept : in_(in), out_(out) {}
    void tell(const std::string& line) const {
      const std::string text = line + "\n";
      if (::write(out_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(1);
    }
    /// Waits for a line from the other end; empty at its end.
    std::string hear() const {
      std::string line;
      for (char c = 0; ::read(in_, &c, 1) == 1 && c != '\n';) line.push_back(c);
      return line;
    }

   private:
    int in_, out_;
  };

  /// Calls `work(pipes)` in the child. What that throws, it tells; it ends without destructors.
  template <class Work>
  explicit child(Work work) {
    int to[2], from[2];
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ == 0) {
      ::close(to[1]);
      ::close(from[0]);
      const pipes mine(to[0], from[1]);
      try {
        work(mine);
      } catch (const std::exception& thrown) {
        mine.tell(thrown.what());
        ::_exit(1);
      }
      ::_exit(0);
    }
    ::close(to[0]);
    ::close(from[1]);
    in_ = from[0];
    out_ = to[1];
  }
  child(child&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)),
        in_(std::exchange(other.in_, -1)),
        out_(std::exchange(other.out_, -1)) {}
  child& operator=(child&&) = delete;
  ~child() {
    kill(SIGKILL);
    wait();
    ::close(in_);
    ::close(out_);
  }

  pid_t pid() const noexcept { return pid_; }
  std::string hear() const { return pipes(in_, out_).hear(); }
  void tell(const std::string& line) const { pipes(in_, out_).tell(line); }

  void kill(int signal) const noexcept {
    if (pid_ > 0) ::kill(pid_, signal);
  }
  /// Waits until it has stopped itself.
  void wait_until_stopped() const noexcept {
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  /// Waits for its end. True: it has ended of itself, and well.
  bool wait() noexcept {
    if (pid_ <= 0) return false;
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  pid_t pid_ = 0;
  int in_ = -1;
  int out_ = -1;
};

inline constexpr uid_t nobody = 65534;

/// What `work()` returns, a line of text, in a forked process; as the user `nobody` if `drop` and we are
/// root.
template <class Work>
std::string in_child(Work work, bool drop = false) {
  child process([&](const child::pipes& to) {
    if (drop && ::geteuid() == 0 &&
        (::setgroups(0, nullptr) != 0 || ::setgid(nobody) != 0 || ::setuid(nobody) != 0)) {
      to.tell("cannot become nobody");
    } else {
      to.tell(work());
    }
  });
  std::string told = process.hear();
  return process.wait() ? told : told + " (did not end well)";
}

}  // namespace test
