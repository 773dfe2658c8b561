// SPDX-License-Identifier: MIT
#pragma once

#include "benchmarks/client.hpp"

#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// A child process. Its standard input and output are pipes to us.
class process {
 public:
  explicit process(std::vector<std::string> command) {
    int in[2], out[2];
    require(::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0, "no pipe");
    pid_ = ::fork();
    require(pid_ >= 0, "no process");
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      std::vector<char*> arguments;
      for (std::string& each : command) arguments.push_back(each.data());
      arguments.push_back(nullptr);
      ::execvp(arguments.front(), arguments.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    input_ = in[1];
    output_ = out[0];
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  /// Ends its input, and waits for its end.
  ~process() { wait(); }

  void write_line(std::string line) {
    line.push_back('\n');
    require(::write(input_, line.data(), line.size()) == static_cast<ssize_t>(line.size()),
            "it does not read");
  }
  std::string read_line() {
    std::string line;
    for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) line.push_back(c);
    return line;
  }

  /// The exit status; -1 if it was killed.
  int wait() {
    if (pid_ > 0) {
      ::close(input_);
      ::close(output_);
      int status = 0;
      ::waitpid(std::exchange(pid_, 0), &status, 0);
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    return status_;
  }

 private:
  pid_t pid_;
  int input_ = -1;
  int output_ = -1;
  int status_ = -1;
};

/// Keeps this process and those that it starts on the last CPU that it may use, so that a wake-up never
/// crosses from one to another. Returns its number.
inline int pin_to_one_cpu() {
  cpu_set_t allowed;
  require(::sched_getaffinity(0, sizeof allowed, &allowed) == 0, "no CPU affinity");
  int cpu = CPU_SETSIZE - 1;
  while (!CPU_ISSET(cpu, &allowed)) --cpu;
  CPU_ZERO(&allowed);
  CPU_SET(cpu, &allowed);
  require(::sched_setaffinity(0, sizeof allowed, &allowed) == 0, "cannot pin to one CPU");
  return cpu;
}

}  // namespace bench
