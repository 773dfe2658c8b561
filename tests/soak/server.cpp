// SPDX-License-Identifier: MIT

// An MCP server in a process of its own that counts how often each call was run, and ends connections where
// the calls tell it to (misfortune.hpp). `soak_server` prints its port, then answers each line of its
// standard input with one line, until that ends:
//   report FROM TO STEP  how many of these keys were run, and how many twice; what else it has counted so far
//   lose N               holds the next N calls; when all have come, all sessions are lost

#include "answers.hpp"
#include "misfortune.hpp"

#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

using tcp = asio::ip::tcp;

namespace {

using namespace soak;

class server {
 public:
  explicit server(asio::io_context& context)
      : acceptor_(context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        commands_(context, ::dup(STDIN_FILENO)),
        gate_(context, asio::steady_timer::time_point::max()) {
    acceptor_.listen(4096);
    asio::co_spawn(context, accept(), asio::detached);
    asio::co_spawn(context, obey(context), asio::detached);
    say(std::to_string(acceptor_.local_endpoint().port()));
  }

 private:
  static void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }

  asio::awaitable<void> obey(asio::io_context& context) {
    std::error_code ec;
    std::string in;
    std::string buffer(256, '\0');
    while (!ec) {
      const auto size = co_await commands_.async_read_some(asio::buffer(buffer),
                                                           asio::redirect_error(asio::use_awaitable, ec));
      in.append(buffer, 0, size);
      for (auto end = in.find('\n'); end != in.npos; end = in.find('\n')) {
        command(in.substr(0, end));
        in.erase(0, end + 1);
      }
    }
    context.stop();
  }

  void command(const std::string& line) {
    unsigned long long first = 0, last = 0, step = 0;
    if (std::sscanf(line.c_str(), "report %llu %llu %llu", &first, &last, &step) == 3)
      return say(report(first, last, step));
    if (std::sscanf(line.c_str(), "lose %llu", &first) == 1) return to_hold_ = first, say("ok");
    say("what?");
  }

  std::string report(std::size_t from, std::size_t to, std::size_t step) const {
    std::size_t run = 0, twice = 0;
    for (std::size_t key = from; key < std::min(to, calls_.size()); key += step) {
      run += calls_[key].runs != 0 ? 1 : 0;
      twice += calls_[key].runs > 1 ? 1 : 0;
    }
    std::string out;
    for (const std::uint64_t each :
         {std::uint64_t{run}, std::uint64_t{twice}, requests_, initialized_, resumed_, unexpected_})
      out += std::to_string(each) + " ";
    return out;
  }

  asio::awaitable<void> accept() {
    std::error_code ec;
    while (!ec) {
      auto socket = std::make_shared<tcp::socket>(acceptor_.get_executor());
      co_await acceptor_.async_accept(*socket, asio::redirect_error(asio::use_awaitable, ec));
      if (ec) say("cannot accept: " + ec.message());
      asio::co_spawn(acceptor_.get_executor(), serve(socket), asio::detached);
    }
  }

  asio::awaitable<void> serve(std::shared_ptr<tcp::socket> socket) {
    std::error_code ec;
    std::string in;
    std::string buffer(16384, '\0');
    socket->set_option(tcp::no_delay(true), ec);
    while (!ec) {
      const std::size_t size = request_size(in);
      if (size == 0) {
        const auto got = co_await socket->async_read_some(asio::buffer(buffer),
                                                          asio::redirect_error(asio::use_awaitable, ec));
        in.append(buffer, 0, got);
        continue;
      }
      const std::string request = in.substr(0, size);
      in.erase(0, size);
      if (to_hold_ != 0 && request.find(R"("method":"tools/call")") != request.npos) {
        if (++held_ == to_hold_) {
          to_hold_ = held_ = 0;
          sessions_.clear();
          gate_.cancel();
        } else {
          co_await gate_.async_wait(asio::redirect_error(asio::use_awaitable, ec));
        }
      }
      misfortune what;
      const reply made = answer(request, what);
      const std::size_t end = bytes_before(what, made);
      co_await asio::async_write(*socket, asio::buffer(made.bytes.data(), end),
                                 asio::redirect_error(asio::use_awaitable, ec));
      if (what.when == moment::never) continue;
      if (what.later) {
        asio::steady_timer pause(socket->get_executor(), std::chrono::milliseconds(1));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, ec));
      }
      if (what.reset) socket->set_option(tcp::socket::linger(true, 0), ec);
      break;
    }
    socket->close(ec);
  }

  static std::size_t bytes_before(const misfortune& what, const reply& made) {
    const auto within = [&](std::size_t from, std::size_t to) {
      return from + (to - from) * what.share / 1000;
    };
    switch (what.when) {
      case moment::unseen:
      case moment::silent: return 0;
      case moment::in_head: return within(1, made.head);
      case moment::in_body: return within(made.head, made.answered);
      case moment::at_end: return within(made.answered, made.bytes.size() + 1);
      default: return made.bytes.size();
    }
  }

  reply answer(const std::string& request, misfortune& what) {
    ++requests_;
    const std::string session(field(request, "Mcp-Session-Id"));
    if (request.starts_with("DELETE ")) return empty(sessions_.erase(session) != 0 ? "204 Gone" : "404 What");
    if (request.starts_with("GET ")) return resume(request, session);
    const std::string_view method = behind(request, R"("method":")", "\"");
    const std::string_view id = behind(request, R"("id":)", ",}");
    const bool modern = field(request, "MCP-Protocol-Version") == "2026-07-28";
    if (method == "initialize") {
      ++initialized_;
      const std::string made = "s" + std::to_string(initialized_);
      sessions_.insert(made);
      return json(id, initialize_result, "Mcp-Session-Id: " + made + "\r\n");
    }
    if (!modern && !sessions_.contains(session)) return empty("404 No Session");
    if (method.starts_with("notifications/")) return empty("202 Accepted");
    if (method == "tools/list") return json(id, tools);
    if (method == "tools/call") return call(request, id, session, modern, what);
    return ++unexpected_, empty("500 Unexpected");
  }

  reply call(const std::string& request, std::string_view id, const std::string& session, bool modern,
             misfortune& what) {
    const std::string_view given = std::string_view(request).substr(request.find(R"("arguments":)"));
    const auto key = number_behind(given, R"("key":)");
    if (key >= calls_.size()) calls_.resize(2 * key + 1);
    if (calls_[key].seen == 0) what = misfortune::read(given);
    calls_[key].seen = 1;
    if (what.when == moment::lost) {
      what.when = moment::never;
      if (!modern) return sessions_.erase(session), empty("404 No Session");
    }
    if (what.when == moment::unseen) return {};
    if (calls_[key].runs != 127) ++calls_[key].runs;
    const std::string result = call_result(key);
    const std::string_view target = behind(request, " ", " ");
    if (target == "/json") return json(id, result);
    if (target == "/chunked") return chunked_json(id, result);
    if (target == "/stream") return stream(events_of(id, result, ""));
    if (target != "/events") return ++unexpected_, empty("500 Unexpected");
    const std::string name = std::to_string(++last_stream_);
    const auto events = events_of(id, result, name);
    if (!modern && what.when != moment::never) {
      streams_.emplace(last_stream_, events);
      if (streams_.size() > 4096) streams_.erase(streams_.begin());
    }
    return stream(events);
  }

  reply resume(const std::string& request, const std::string& session) {
    const std::string_view last = field(request, "Last-Event-ID");
    if (last.empty()) return empty("405 No Stream");
    const auto found = streams_.find(number_behind(last, ""));
    if (!sessions_.contains(session) || found == streams_.end()) return empty("404 Not Found");
    ++resumed_;
    const auto behind_last = static_cast<std::ptrdiff_t>(number_behind(last, "/"));
    return stream({found->second.begin() + behind_last, found->second.end()});
  }

  tcp::acceptor acceptor_;
  asio::posix::stream_descriptor commands_;
  asio::steady_timer gate_;  // cancelled when held calls go on
  std::uint64_t to_hold_ = 0, held_ = 0;
  std::set<std::string> sessions_;
  struct call_count {
    std::uint8_t seen : 1, runs : 7;  // hundreds of millions of them
  };
  std::vector<call_count> calls_;                              // by key
  std::map<std::uint64_t, std::vector<std::string>> streams_;  // events of those that were cut, the newest
  std::uint64_t last_stream_ = 0;
  std::uint64_t requests_ = 0, initialized_ = 0, resumed_ = 0, unexpected_ = 0;
};

}  // namespace

int main() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  asio::io_context context{1};
  server serving(context);
  context.run();
  std::fflush(stdout);
  ::_exit(0);  // connections are still being served
}
