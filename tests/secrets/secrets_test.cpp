// SPDX-License-Identifier: MIT
// No secret is left behind in memory that is given back, nor told to anybody. The server is another process,
// so that all that is freed here is the library's, or Asio's.
#include <mcp/auth/static_credentials.hpp>
#include <mcp/mcp.hpp>
#include <mcp/store/file_store.hpp>
#include <mcp/store/memory_store.hpp>

#include <asio/io_context.hpp>
#include <catch2/catch_test_macros.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <support/started.hpp>
#include <support/temporary_directory.hpp>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

// In the program's own memory, where nothing is freed.
constexpr char first_canary[] = "CANARY-7f3a9e21-first";
constexpr char second_canary[] = "CANARY-7f3a9e21-second";
constexpr std::string_view mark = "CANARY-7f3a9e21";

std::size_t blocks_looked_at = 0;
std::size_t blocks_with_secrets = 0;

void give_back(void* memory) noexcept {
  if (memory == nullptr) return;
  ++blocks_looked_at;
  if (memmem(memory, malloc_usable_size(memory), mark.data(), mark.size()) != nullptr) ++blocks_with_secrets;
  std::free(memory);
}

// Cleared: nobody is to blame for what an earlier owner has left.
void* take_or_not(std::size_t size) noexcept { return std::calloc(1, size == 0 ? 1 : size); }
void* take(std::size_t size) {
  if (void* const memory = take_or_not(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return take_or_not(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return take_or_not(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }

namespace {

/// A server in a process of its own, which takes one bearer token.
class token_server {
 public:
  explicit token_server(const char* token) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(listener, 8) == 0);
    REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) serve(listener, token);
    ::close(listener);
  }
  token_server(const token_server&) = delete;
  token_server& operator=(const token_server&) = delete;
  ~token_server() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/mcp"; }

 private:
  // One connection after another, one request after another.
  [[noreturn]] static void serve(int listener, const char* token) {
    for (;;) {
      const int peer = ::accept(listener, nullptr, nullptr);
      std::string in;
      std::array<char, 4096> bytes;
      for (ssize_t got = 0; (got = ::read(peer, bytes.data(), bytes.size())) > 0;) {
        in.append(bytes.data(), static_cast<std::size_t>(got));
        const auto head = in.find("\r\n\r\n");
        const auto length = in.find("Content-Length: ");
        if (head == in.npos) continue;
        const auto body = length < head ? std::stoul(in.substr(length + 16)) : 0;
        if (in.size() < head + 4 + body) continue;
        const std::string out = answer(in, token);
        if (::write(peer, out.data(), out.size()) < 0) break;
        in.clear();
      }
      ::close(peer);
    }
  }

  static std::string answer(const std::string& request, const char* token) {
    if (request.find(token) == request.npos)
      return "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n";
    if (request.find("notifications/") != request.npos || request.starts_with("DELETE"))
      return "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    const bool opens = request.find(R"("initialize")") != request.npos;
    const auto id = request.find(R"("id":)") + 5;
    const std::string body =
        R"({"jsonrpc":"2.0","id":)" + request.substr(id, request.find(',', id) - id) + R"(,"result":)" +
        (opens
             ? R"({"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}})"
             : R"({"content":[{"type":"text","text":"hi"}]}})");
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" +
           std::string(opens ? "Mcp-Session-Id: the-session\r\n" : "") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  int port_ = 0;
  pid_t child_ = 0;
};

/// Hears everything, and looks for secrets in it.
struct listener final : mcp::observer {
  bool told = false;
  int heard = 0;

  void hear(std::string_view text) { ++heard, told = told || text.find(mark) != text.npos; }
  void hear(const mcp::failure& why) {
    hear(why.describe()), hear(why.server_text()), hear(why.server_data());
  }

  void attempt_finished(const mcp::attempt_event& event) override {
    hear(event.method), hear(event.seen.www_authenticate);
    if (event.why != nullptr) hear(*event.why);
  }
  void state_changed(const mcp::connection_status& status) override { hear(status.reason); }
  void store_failed(const mcp::failure& why) override { hear(why); }
  void message_ignored(const mcp::failure& why) override { hear(why); }
};

struct counted {
  counted() : before_(blocks_with_secrets), looked_at_(blocks_looked_at) {}
  ~counted() {
    CHECK(blocks_with_secrets == before_);
    CHECK(blocks_looked_at > looked_at_ + 20);
  }

 private:
  std::size_t before_, looked_at_;
};

mcp::client_options options_for(const std::shared_ptr<listener>& hears) {
  mcp::client_options options;
  options.protocol_version = "2025-11-25";
  options.observer = hears;
  return options;
}

template <class T>
T run(asio::io_context& context, asio::awaitable<T> operation) {
  return test::start(context, std::move(operation)).wait();
}

}  // namespace

TEST_CASE("what looks for secrets finds one") {
  const auto before = blocks_with_secrets;
  { const std::string text(std::string(first_canary) + ", in a string"); }
  CHECK(blocks_with_secrets > before);
  { const mcp::secret text(first_canary); }
}

TEST_CASE("credentials leave no trace, whether they are taken or refused") {
  const auto hears = std::make_shared<listener>();
  token_server server(second_canary);
  {
    const counted nothing_left;
    asio::io_context context;
    auto options = options_for(hears);
    const char* token = first_canary;
    options.credentials =
        mcp::static_credentials([&token]() -> asio::awaitable<mcp::result<std::vector<mcp::credential>>> {
          std::vector<mcp::credential> out;
          out.push_back(mcp::bearer(token));
          co_return out;
        });
    {
      mcp::client client{context.get_executor(), server.url(), options};
      const auto refused = run(context, client.ping({}, mcp::as_result));
      REQUIRE_FALSE(refused);
      hears->hear(refused.error());
      token = second_canary;
      CHECK(run(context, client.ping({}, mcp::as_result)));
      const mcp::header more{"X-More", first_canary};
      const mcp::call_options with_header{.headers = {&more, 1}};
      for (int i = 0; i < 3; ++i) {
        const std::string large(std::size_t{100'000} * static_cast<std::size_t>(i), 'x');
        CHECK(run(context, client.call_tool("t", R"({"a":")" + large + "\"}", with_header, mcp::as_result)));
      }
      CHECK(run(context, client.close(mcp::as_result)));
    }
    context.poll();
  }
  CHECK(hears->heard > 5);
  CHECK_FALSE(hears->told);
}

TEST_CASE("header fields of the options leave no trace") {
  token_server server(second_canary);
  const auto hears = std::make_shared<listener>();
  const counted nothing_left;
  asio::io_context context;
  auto options = options_for(hears);
  // Not in a vector of pairs, which would be the caller's to wipe.
  options.headers.resize(1);
  options.headers[0].first = "Authorization";
  options.headers[0].second.reserve(100);
  options.headers[0].second.append(second_canary);
  mcp::client client{context.get_executor(), server.url(), std::move(options)};
  CHECK(run(context, client.ping({}, mcp::as_result)));
  CHECK_FALSE(hears->told);
}

TEST_CASE("stores leave no trace of what they keep") {
  const test::temporary_directory top;
  const std::string directory = top / "store";
  mcp::file_store_options encrypted;
  encrypted.passphrase = mcp::secret(second_canary);
  mcp::any_credential_store store;
  SECTION("memory") { store = mcp::memory_store(); }
  SECTION("files") { store = mcp::file_store(directory); }
  SECTION("encrypted files") { store = mcp::file_store(directory, std::move(encrypted)); }
  {
    const counted nothing_left;
    asio::io_context context;
    const auto save = [&](const char* token) {
      std::vector<mcp::credential> fields;
      fields.push_back(mcp::bearer(token));
      return run(context, mcp::save_credentials(store, "me", std::move(fields)));
    };
    CHECK(save(first_canary));
    CHECK(save(second_canary));
    token_server server(second_canary);
    const auto hears = std::make_shared<listener>();
    auto options = options_for(hears);
    options.store = store;
    options.credentials = mcp::stored_credentials(store, "me");
    {
      mcp::client client{context.get_executor(), server.url(), std::move(options)};
      CHECK(run(context, client.ping({}, mcp::as_result)));
      CHECK(run(context, client.hand_over(mcp::as_result)));
    }
    CHECK_FALSE(hears->told);
    store = {};
  }
}
