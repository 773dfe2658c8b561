// SPDX-License-Identifier: MIT

// The server of the benchmark, as little of one as can be: a thread per connection, one read and one write
// per call, answers rendered in advance but for the request's id. `server CA_FILE` writes the certificate
// that clients must trust, prints its two ports (plain, TLS), and serves until its standard input ends.

#include "benchmarks/wire.hpp"
#include "examples/support/certificate.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace bench;
using std::literals::operator""sv;

std::mutex last_call_mutex;
std::string last_call;

std::atomic<std::uint64_t> lossy_requests = 0;
std::atomic<std::uint64_t> lossy_session = 0;  // the one that has a call left; 0: none

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

/// One end of a connection: a blocking socket, with TLS or without.
class stream {
 public:
  stream(int socket, SSL_CTX* tls) : socket_(socket) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls == nullptr) return;
    ssl_ = SSL_new(tls);
    SSL_set_fd(ssl_, socket_);
    if (SSL_accept(ssl_) != 1) failed_ = true;
  }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream() {
    SSL_free(ssl_);
    ::close(socket_);
  }

  /// 0: the client has gone.
  std::size_t read(char* to, std::size_t size) {
    if (failed_) return 0;
    const auto got =
        ssl_ != nullptr ? SSL_read(ssl_, to, static_cast<int>(size)) : ::recv(socket_, to, size, 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  bool write(std::string_view bytes) {
    if (ssl_ != nullptr) return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

 private:
  int socket_;
  SSL* ssl_ = nullptr;
  bool failed_ = false;
};

/// What comes behind `key`, up to one of `ends`; empty if there is none.
std::string_view behind(std::string_view text, std::string_view key, std::string_view ends) {
  const std::size_t at = text.find(key);
  if (at == text.npos) return {};
  text.remove_prefix(at + key.size());
  return text.substr(0, text.find_first_of(ends));
}

// The header fields of an answer besides Content-Type and the length: none, or eight more, as a server
// on Node and Express sends them.
constexpr std::string_view eight_fields =
    "X-Powered-By: Express\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    "Cache-Control: no-cache, no-transform\r\n"
    "Vary: Origin\r\n"
    "Mcp-Session-Id: 3f1c5a0e-9d5b-4c57-8a53-0d0f5e7e2b11\r\n"
    "Date: Tue, 28 Jul 2026 09:30:00 GMT\r\n"
    "Connection: keep-alive\r\n"
    "Keep-Alive: timeout=5\r\n";

void append_number(std::string& out, std::size_t number, int base) {
  std::array<char, 20> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number, base);
  out.append(digits.data(), written.ptr);
}

void render_json(std::string& out, std::string_view fields, std::string_view id, std::string_view result) {
  out.append("HTTP/1.1 200 OK\r\n")
      .append(fields)
      .append("Content-Type: application/json\r\nContent-Length: ");
  const std::string_view opening = R"({"jsonrpc":"2.0","id":)";
  append_number(out, opening.size() + id.size() + result.size(), 10);
  out.append("\r\n\r\n").append(opening).append(id).append(result);
}

// An event in one chunk and the last chunk, in one write.
void render_sse(std::string& out, std::string_view fields, std::string_view id, std::string_view result) {
  out.append("HTTP/1.1 200 OK\r\n").append(fields).append("Content-Type: text/event-stream\r\n");
  out.append("Transfer-Encoding: chunked\r\n\r\n");
  const std::string_view opening = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":";
  append_number(out, opening.size() + id.size() + result.size() + 2, 16);
  out.append("\r\n").append(opening).append(id).append(result).append("\n\n\r\n0\r\n\r\n");
}

void render_text(std::string& out, const std::string& text) {
  out = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

/// Whether that session had its call left.
bool takes_lossy_session(std::string_view named) {
  std::uint64_t session = 0;
  std::from_chars(named.data(), named.data() + named.size(), session);
  return session != 0 && lossy_session.compare_exchange_strong(session, 0);
}

void answer(std::string& out, std::string_view request, std::string_view body) {
  static constexpr std::string_view call_result =
      R"(,"result":{"content":[{"type":"text","text":"Sunny, 21 degrees Celsius in Paris."}],"isError":false}})";
  static_assert(call_result.find(tool_answer) != call_result.npos);
  static constexpr std::string_view initialize_result =
      R"(,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},)"
      R"("serverInfo":{"name":"bench","version":"1"}}})";
  static constexpr std::string_view discover_result =
      R"(,"result":{"resultType":"complete","supportedVersions":["2026-07-28","2025-11-25"],)"
      R"("capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private"}})";

  const std::string_view method = behind(body, R"("method":")", "\"");
  const std::string_view id = behind(body, R"("id":)", ",}");
  const std::string_view target = behind(request, " ", " ");
  const bool lossy = target == lossy_target;
  if (lossy) ++lossy_requests;
  if (lossy && method == "tools/call" &&
      !takes_lossy_session(behind(request, "\r\nMcp-Session-Id: ", "\r"))) {
    out = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
  } else if (method == "tools/call") {
    const bool sse = target.starts_with("/sse");
    const std::string_view fields = target.find("-10") != target.npos ? eight_fields : ""sv;
    if (target.ends_with(late_suffix)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto render = sse ? render_sse : render_json;
    render(out, fields, id, call_result);
    const std::lock_guard lock(last_call_mutex);
    last_call = request;
  } else if (method == "initialize") {
    const std::string session =
        lossy ? std::to_string(lossy_session = lossy_requests.load()) : std::string(session_id);
    render_json(out, "Mcp-Session-Id: " + session + "\r\n", id, initialize_result);
  } else if (method == "server/discover") {
    render_json(out, {}, id, discover_result);
  } else if (method.starts_with("notifications/")) {
    out = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
  } else if (target == last_call_target) {
    const std::lock_guard lock(last_call_mutex);
    render_text(out, last_call);
  } else if (target == lossy_requests_target) {
    render_text(out, std::to_string(lossy_requests));
  } else {
    out = "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n";  // GET for a stream, DELETE
  }
}

void serve(int socket, SSL_CTX* tls) {
  stream connection(socket, tls);
  std::array<char, 16384> buffer;
  std::string out;
  std::size_t filled = 0;
  while (const std::size_t got = connection.read(buffer.data() + filled, buffer.size() - filled)) {
    filled += got;
    const std::string_view request(buffer.data(), filled);
    const std::size_t head = request.find("\r\n\r\n");
    if (head == request.npos) continue;
    std::size_t length = 0;
    std::string_view digits = behind(request, "ontent-Length: ", "\r");
    if (digits.empty()) digits = behind(request, "ontent-length: ", "\r");
    std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (filled < head + 4 + length) continue;
    filled = 0;  // no client here sends a second request before its answer
    out.clear();
    answer(out, request, request.substr(head + 4));
    if (!connection.write(out)) return;
  }
}

/// Listens on a free port, accepts on a thread of its own, and returns the port.
std::uint16_t listen_on_loopback(SSL_CTX* tls) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  require(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener, 16) == 0 &&
              ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0,
          "cannot listen");
  std::thread([=] {
    for (;;) {
      if (const int socket = ::accept(listener, nullptr, nullptr); socket >= 0)
        std::thread(serve, socket, tls).detach();
    }
  }).detach();
  return ntohs(address.sin_port);
}

SSL_CTX* new_tls_context(const std::string& ca_file) {
  const example::certificate_authority authority;
  const example::identity own = authority.issue("DNS:localhost,IP:127.0.0.1");
  std::ofstream(ca_file) << authority.pem();
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  BIO* const certificate = BIO_new_mem_buf(own.certificate.data(), static_cast<int>(own.certificate.size()));
  BIO* const key = BIO_new_mem_buf(own.key.data(), static_cast<int>(own.key.size()));
  require(SSL_CTX_use_certificate(context, PEM_read_bio_X509(certificate, nullptr, nullptr, nullptr)) == 1 &&
              SSL_CTX_use_PrivateKey(context, PEM_read_bio_PrivateKey(key, nullptr, nullptr, nullptr)) == 1,
          "cannot use the certificate");
  BIO_free(certificate);
  BIO_free(key);
  return context;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: server CA_FILE\n", stderr), 2;
  SSL_CTX* const tls = new_tls_context(argv[1]);
  const unsigned plain_port = listen_on_loopback(nullptr);
  const unsigned tls_port = listen_on_loopback(tls);
  std::printf("%u %u\n", plain_port, tls_port);
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  std::_Exit(0);  // threads are still reading
}
