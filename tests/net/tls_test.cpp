// SPDX-License-Identifier: MIT
#include <mcp/net/connect.hpp>
#include <mcp/net/tls_context.hpp>
#include <mcp/net/tls_engine.hpp>

#include <asio/ip/address.hpp>
#include <catch2/catch_test_macros.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <support/certificates.hpp>
#include <support/listener.hpp>
#include <support/net_bench.hpp>
#include <support/tls_server.hpp>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using mcp::net::io_status;
using mcp::net::receive_buffer;
using mcp::net::tls_context;

namespace {

const test::certificate_authority& authority() {
  static const test::certificate_authority made;
  return made;
}

std::shared_ptr<tls_context> make_context(const mcp::tls_options& options) {
  auto made = tls_context::create(options);
  if (!made) FAIL(made.error().describe());
  return *made;
}

std::shared_ptr<tls_context> trusting() { return make_context({.ca_pem = authority().pem()}); }

/// What the server saw of the client.
std::string describe(SSL* connection) {
  const char* const name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
  const unsigned char* alpn = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(connection, &alpn, &size);
  return std::string("sni=") + (name != nullptr ? name : "") +
         " alpn=" + std::string(reinterpret_cast<const char*>(alpn), size) +
         " resumed=" + (SSL_session_reused(connection) ? "1" : "0");
}

/// Does as the client says.
void obey(SSL* connection) {
  for (;;) {
    const std::string command = test::tls_server::read(connection);
    if (command.empty()) return;
    if (command == "describe") {
      test::tls_server::write(connection, describe(connection));
    } else if (command == "tickets") {
      SSL_new_session_ticket(connection);
      SSL_do_handshake(connection);
    } else if (command == "update") {
      SSL_key_update(connection, SSL_KEY_UPDATE_REQUESTED);
      test::tls_server::write(connection, "updated");
    } else if (command == "goodbye") {
      test::tls_server::write(connection, "bye");
      SSL_shutdown(connection);
      return;
    } else if (command == "vanish") {
      test::tls_server::write(connection, "bye");
      return;
    } else if (command == "reset") {
      const linger at_once{1, 0};
      ::setsockopt(SSL_get_fd(connection), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return;
    } else if (command == "garbage") {
      ::send(SSL_get_fd(connection), "HTTP/1.1 200 OK\r\n", 17, MSG_NOSIGNAL);
    } else {
      test::tls_server::write(connection, command);
    }
  }
}

/// The private key `key` under a password.
std::string encrypted(const std::string& key) {
  BIO* const source = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
  EVP_PKEY* const plain = PEM_read_bio_PrivateKey(source, nullptr, nullptr, nullptr);
  std::string pem = test::detail::pem_of([&](BIO* out) {
    unsigned char password[] = "secret";
    return PEM_write_bio_PrivateKey(out, plain, EVP_aes_128_cbc(), password, 6, nullptr, nullptr);
  });
  EVP_PKEY_free(plain);
  BIO_free(source);
  return pem;
}

struct bench : test::net_bench {
  /// The answer to a command.
  std::string ask(mcp::net::stream& stream, std::string_view command, std::size_t size) {
    receive_buffer in;
    CHECK(write(stream, command).status == io_status::ok);
    const auto io = read(stream, in, size);
    if (io.status == io_status::failed) FAIL(stream.why().describe());
    return std::string(in.view());
  }

  std::string describe(mcp::net::stream& stream) { return ask(stream, "describe", 5); }

  /// An attempt to reach the server on `port` of this host under the name `host`.
  auto attempt(std::string host, std::uint16_t port, std::shared_ptr<tls_context> tls) {
    mcp::net::connect_request request;
    request.host = std::move(host);
    request.port = port;
    request.tls = std::move(tls);
    request.addresses = {{asio::ip::address_v4::loopback(), port}};
    return connect(std::move(request));
  }
};

}  // namespace

TEST_CASE("TLS tells the server its name, except an address, and speaks HTTP/1.1") {
  bench b;
  test::tls_server server({.own = authority().issue()}, obey);
  struct row {
    const char* host;
    const char* seen;
  };
  const row rows[] = {
      {"localhost", "sni=localhost alpn=http/1.1 resumed=0"},
      {"another.example", "sni=another.example alpn=http/1.1 resumed=0"},
      {"another.example.", "sni=another.example alpn=http/1.1 resumed=0"},
      {"127.0.0.1", "sni= alpn=http/1.1 resumed=0"},
      {"::1", "sni= alpn=http/1.1 resumed=0"},
  };
  const auto context = trusting();
  for (const row& each : rows) {
    CAPTURE(each.host);
    auto attempt = b.attempt(each.host, server.port(), context);
    auto& stream = attempt.wait();
    if (!stream) FAIL(stream.error().describe());
    CHECK(b.describe(*stream) == each.seen);
    CHECK_FALSE(stream->tls()->resumed());
  }
}

TEST_CASE("a certificate must be the server's, valid now, and of a trusted authority") {
  struct row {
    const char* name;
    const char* host;
    test::certificate_subject subject;
    const char* why;  // null: accepted
  };
  const row rows[] = {
      {"its name", "localhost", {}, nullptr},
      {"its name in capitals", "LOCALHOST", {}, nullptr},
      {"its address", "127.0.0.1", {}, nullptr},
      {"another name", "wrong.example", {}, "wrong.example: hostname mismatch"},
      {"another address", "127.0.0.2", {}, "127.0.0.2: IP address mismatch"},
      {"a name that is but a common name",
       "only.example",
       {.common_name = "only.example", .alternative_names = ""},
       "only.example: hostname mismatch"},
      {"an address as a name",
       "127.0.0.1",
       {.alternative_names = "DNS:127.0.0.1"},
       "127.0.0.1: IP address mismatch"},
      {"a wildcard", "a.example.org", {.alternative_names = "DNS:*.example.org"}, nullptr},
      {"a wildcard for one label",
       "a.b.example.org",
       {.alternative_names = "DNS:*.example.org"},
       "a.b.example.org: hostname mismatch"},
      {"a partial wildcard",
       "ab.example.org",
       {.alternative_names = "DNS:a*.example.org"},
       "ab.example.org: hostname mismatch"},
      {"expired",
       "localhost",
       {.valid_from = -7200, .valid_until = -3600},
       "localhost: certificate has expired"},
      {"not valid yet",
       "localhost",
       {.valid_from = 3600, .valid_until = 7200},
       "localhost: certificate is not yet valid"},
  };
  for (const row& each : rows) {
    CAPTURE(each.name);
    bench b;
    test::tls_server server({.own = authority().issue(each.subject)}, obey);
    auto attempt = b.attempt(each.host, server.port(), trusting());
    const auto& outcome = attempt.wait();
    CHECK(outcome.has_value() == (each.why == nullptr));
    if (outcome) continue;
    CHECK(outcome.error().code() == mcp::errc::tls_certificate_invalid);
    CHECK(outcome.error().message() == (each.why != nullptr ? each.why : ""));
  }
}

TEST_CASE("an authority that nobody trusts is not believed, unless nobody asks") {
  bench b;
  const test::certificate_authority stranger("stranger");
  test::tls_server server({.own = stranger.issue()}, obey);
  struct row {
    const char* name;
    mcp::tls_options options;
    bool accepted;
  };
  const row rows[] = {
      {"another authority", {.ca_pem = authority().pem()}, false},
      {"the system's authorities", {}, false},
      {"both", {.ca_pem = authority().pem(), .use_system_store = true}, false},
      {"the right one among others", {.ca_pem = authority().pem() + stranger.pem()}, true},
      {"the right one besides the system's", {.ca_pem = stranger.pem(), .use_system_store = true}, true},
      {"nobody asks", {.ca_pem = authority().pem(), .verify_peer = false}, true},
  };
  for (const row& each : rows) {
    CAPTURE(each.name);
    auto attempt = b.attempt("localhost", server.port(), make_context(each.options));
    const auto& outcome = attempt.wait();
    CHECK(outcome.has_value() == each.accepted);
    if (!outcome) {
      CHECK(outcome.error().code() == mcp::errc::tls_certificate_invalid);
      CHECK(outcome.error().message() == "localhost: unable to get local issuer certificate");
    }
  }
}

TEST_CASE("TLS 1.1 is refused") {
  bench b;
  test::tls_server server(
      {.own = authority().issue(), .newest_version = TLS1_1_VERSION, .oldest_version = TLS1_VERSION}, obey);
  auto attempt = b.attempt("localhost", server.port(), trusting());
  const auto& why = attempt.wait().error();
  CHECK(why.code() == mcp::errc::tls_failed);
  CHECK(why.message() == "localhost: tlsv1 alert protocol version");
}

TEST_CASE("a server may require a certificate of the client") {
  const auto own = authority().issue({.common_name = "client", .alternative_names = ""});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    bench b;
    test::tls_server server(
        {.own = authority().issue(), .client_ca = authority().pem(), .newest_version = version}, obey);
    const auto with = make_context(
        {.ca_pem = authority().pem(), .client_certificate_pem = own.certificate, .client_key_pem = own.key});
    auto accepted = b.connected(server.port(), with);
    CHECK(b.describe(accepted).starts_with("sni="));
    accepted.close();

    auto attempt = b.attempt("localhost", server.port(), trusting());
    auto& outcome = attempt.wait();
    if (version == TLS1_2_VERSION) {
      CHECK(outcome.error().code() == mcp::errc::tls_failed);
      continue;
    }
    // With TLS 1.3 the client's part of the handshake is over before the server has judged it.
    receive_buffer in;
    REQUIRE(outcome.has_value());
    CHECK(b.read(*outcome, in, 1).status == io_status::failed);
    CHECK(outcome->why().code() == mcp::errc::tls_failed);
    CHECK(outcome->why().message() == "localhost: tlsv13 alert certificate required");
  }
}

TEST_CASE("later connections to a server resume the session") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    bench b;
    test::tls_server server({.own = authority().issue(), .newest_version = version}, obey);
    const auto context = trusting();
    for (const bool resumed : {false, true, true, true}) {
      auto stream = b.connected(server.port(), context);
      CHECK(b.describe(stream) == std::string("sni= alpn=http/1.1 resumed=") + (resumed ? "1" : "0"));
      CHECK(stream.tls()->resumed() == resumed);
      if (resumed) stream.close();  // else it goes without a word
    }
    auto under_another_name = b.connected(server.port(), context, "localhost");
    CHECK_FALSE(under_another_name.tls()->resumed());
    under_another_name.close();
    auto in_another_context = b.connected(server.port(), trusting());
    CHECK_FALSE(in_another_context.tls()->resumed());
  }
}

TEST_CASE("a ticket of TLS 1.3 is used once") {
  bench b;
  test::tls_server server({.own = authority().issue()}, [](SSL*) {});
  const auto context = trusting();
  auto first = b.connected(server.port(), context);
  receive_buffer in;
  b.read(first, in, 1);  // two tickets, then the end
  for (const bool resumed : {true, true, false}) {
    auto stream = b.connected(server.port(), context);
    CHECK(stream.tls()->resumed() == resumed);
  }
}

TEST_CASE("the end of a TLS stream is clean only with close_notify") {
  struct row {
    const char* command;
    io_status status;
    const char* received;
  };
  const row rows[] = {
      {"goodbye", io_status::end_of_stream, "bye"},
      {"vanish", io_status::truncated, "bye"},
      {"reset", io_status::failed, ""},
      {"garbage", io_status::failed, ""},
  };
  for (const row& each : rows) {
    CAPTURE(each.command);
    bench b;
    test::tls_server server({.own = authority().issue()}, obey);
    auto stream = b.connected(server.port(), trusting());
    CHECK(b.describe(stream) == "sni= alpn=http/1.1 resumed=0");  // with it come the tickets
    receive_buffer in;
    b.write(stream, each.command);
    CHECK(b.read(stream, in, 1000).status == each.status);
    CHECK(in.view() == each.received);
    if (each.status == io_status::failed) {
      const bool reset = each.command == std::string_view("reset");
      CHECK(stream.why().code() == (reset ? mcp::errc::connection_lost : mcp::errc::tls_failed));
      CHECK(stream.why().message() ==
            (reset ? "Connection reset by peer" : "127.0.0.1: wrong version number"));
    } else {
      CHECK(stream.try_read(in).status == each.status);  // and stays so
    }
  }
}

TEST_CASE("an idle TLS connection stays usable when tickets come, and not when data or the end does") {
  struct row {
    const char* command;
    io_status status;
    std::size_t bytes;
  };
  const row rows[] = {
      {"tickets", io_status::would_block, 0},
      {"data", io_status::ok, 4},
      {"vanish", io_status::ok, 3},
      {"reset", io_status::failed, 0},
  };
  for (const row& each : rows) {
    CAPTURE(each.command);
    bench b;
    test::tls_server server({.own = authority().issue()}, obey);
    auto stream = b.connected(server.port(), trusting());
    b.describe(stream);
    receive_buffer in;
    CHECK(stream.try_read(in).status == io_status::would_block);
    b.write(stream, each.command);
    b.readable(stream);
    const auto io = stream.try_read(in);
    CHECK(io.status == each.status);
    CHECK(io.bytes == each.bytes);
    if (io.status == io_status::would_block) CHECK(b.ask(stream, "still there?", 12) == "still there?");
  }
}

TEST_CASE("keys are updated when the server asks for it") {
  bench b;
  test::tls_server server({.own = authority().issue()}, obey);
  auto stream = b.connected(server.port(), trusting());
  for (int i = 0; i < 3; ++i) {
    CHECK(b.ask(stream, "update", 7) == "updated");
    CHECK(b.ask(stream, "with new keys", 13) == "with new keys");
  }
}

TEST_CASE("TLS works whatever pieces it arrives in") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    bench b;
    test::tls_server server({.own = authority().issue(), .newest_version = version}, obey);
    auto stream = b.connected(server.port());
    REQUIRE(stream.begin_tls(trusting(), "localhost", server.port()).has_value());
    auto& engine = *stream.tls();
    std::size_t pieces = 0;
    for (io_status status{}; (status = engine.handshake()) != io_status::ok; ++pieces) {
      REQUIRE(status == io_status::would_block);
      b.readable(stream);
      REQUIRE(::recv(stream.socket().native_handle(), engine.read_target().data(), 1, 0) == 1);
      engine.arrived(1);
    }
    CHECK(pieces > 500);

    b.write(stream, "describe");
    receive_buffer in;
    const std::string_view expected = "sni=localhost alpn=http/1.1 resumed=0";
    while (in.size() < expected.size()) {
      b.readable(stream);
      const auto target = stream.read_target(in);
      REQUIRE(::recv(stream.socket().native_handle(), target.data(), 1, 0) == 1);
      const auto io = stream.received(1, {}, in);
      REQUIRE(io.status == (io.bytes == 0 ? io_status::would_block : io_status::ok));
    }
    CHECK(in.view() == expected);
  }
}

TEST_CASE("much data passes both ways over TLS, through full sockets and from moving memory") {
  std::string sent(3'000'000, ' ');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i % 23);
  std::promise<void> full;
  auto is_full = full.get_future().share();
  bench b;
  test::tls_server server({.own = authority().issue()}, [&](SSL* connection) {
    is_full.wait();
    std::string received;
    while (received.size() < sent.size()) {
      const auto piece = test::tls_server::read(connection);
      if (piece.empty()) return;
      received += piece;
    }
    test::tls_server::write(connection, received);
  });
  auto stream = b.connected(server.port(), trusting());
  stream.socket().set_option(asio::socket_base::send_buffer_size(16 * 1024));
  auto rest = std::make_unique<std::string>(sent);
  auto io = stream.try_write(*rest);
  full.set_value();
  CHECK(io.status == io_status::would_block);
  CHECK(io.bytes > 0);
  while (io.status == io_status::would_block) {
    rest = std::make_unique<std::string>(rest->substr(io.bytes));
    b.writable(stream);
    io = stream.try_write(*rest);
  }
  CHECK(io.status == io_status::ok);
  receive_buffer in;
  CHECK(b.read(stream, in, sent.size()).status == io_status::ok);
  CHECK(in.view() == sent);
}

// TLS 1.3 lets a server send before it has the client's Finished (RFC 8446 §2).
TEST_CASE("data that comes together with the handshake is not lost") {
  for (const std::size_t size : {std::size_t{30}, std::size_t{40'000}}) {
    CAPTURE(size);
    std::string early(size, ' ');
    for (std::size_t i = 0; i < size; ++i) early[i] = static_cast<char>('a' + i % 23);
    std::promise<void> sent;
    bench b;
    test::tls_server server({.own = authority().issue(),
                             .before_handshake =
                                 [&](SSL* connection) {
                                   SSL_set_max_early_data(connection, 1);
                                   char none = 0;
                                   std::size_t count = 0;
                                   SSL_read_early_data(connection, &none, 1, &count);
                                   SSL_write_early_data(connection, early.data(), early.size(), &count);
                                   sent.set_value();
                                 }},
                            obey);
    auto attempt = b.attempt("localhost", server.port(), trusting());
    b.context.poll();
    b.context.restart();
    b.context.poll();
    sent.get_future().wait();
    auto& stream = attempt.wait();
    REQUIRE(stream.has_value());
    receive_buffer in;
    if (size < 1000) {
      CHECK(stream->try_read(in).status == io_status::ok);  // nothing is left in the socket
    } else {
      CHECK(b.read(*stream, in, size).status == io_status::ok);
    }
    CHECK(in.view() == early);
    CHECK(b.describe(*stream) == "sni=localhost alpn=http/1.1 resumed=0");
  }
}

TEST_CASE("writing to a TLS connection that the peer has left raises no signal") {
  bench b;
  test::tls_server server({.own = authority().issue()}, [](SSL*) {});
  auto stream = b.connected(server.port(), trusting());
  receive_buffer in;
  CHECK(b.read(stream, in, 1).status == io_status::truncated);
  while (stream.try_write("x").status == io_status::ok) continue;
  CHECK(stream.why().code() == mcp::errc::connection_lost);
}

TEST_CASE("errors that others leave in OpenSSL's queue do no harm") {
  bench b;
  test::tls_server server({.own = authority().issue()}, obey);
  const auto leave_error = [] { ERR_raise(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED); };
  leave_error();
  auto stream = b.connected(server.port(), trusting());
  leave_error();
  CHECK(b.ask(stream, "data", 4) == "data");
  receive_buffer in;
  leave_error();
  CHECK(stream.try_read(in).status == io_status::would_block);
  b.write(stream, "goodbye");
  leave_error();
  CHECK(b.read(stream, in, 1000).status == io_status::end_of_stream);
  CHECK(in.view() == "bye");
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("a handshake that fails says why") {
  struct row {
    std::string_view answer;  // empty: none, the connection is closed
    const char* why;
  };
  const row rows[] = {
      {"", "handshake: End of file"},
      {"HTTP/1.1 400 Bad Request\r\n\r\n", "localhost: wrong version number"},
      {{"\x15\x03\x03\x00\x02\x02\x28", 7}, "localhost: sslv3 alert handshake failure"},
  };
  for (const row& each : rows) {
    bench b;
    const test::listener server;
    auto attempt = b.attempt("localhost", server.port(), trusting());
    b.context.poll();
    const int accepted = server.accept();
    char hello[4096];
    CHECK(::recv(accepted, hello, sizeof hello, 0) > 100);
    if (!each.answer.empty()) CHECK(::send(accepted, each.answer.data(), each.answer.size(), 0) > 0);
    ::close(accepted);
    const auto& why = attempt.wait().error();
    CHECK(why.code() == mcp::errc::tls_failed);
    CHECK(why.message() == each.why);
  }
}

TEST_CASE(
    "a handshake that hangs ends with the deadline, a cancellation or the context, and leaves nothing open") {
  const test::listener silent;
  const auto context = trusting();
  const auto before = test::open_sockets();
  const auto hanging = [&](bench& b) {
    auto attempt = b.attempt("localhost", silent.port(), context);
    b.context.poll();
    b.context.restart();
    b.context.poll();
    CHECK_FALSE(attempt.done());
    return attempt;
  };
  SECTION("deadline") {
    bench b;
    auto attempt = hanging(b);
    b.time->advance(9999ms);
    b.context.poll();
    CHECK_FALSE(attempt.done());
    b.time->advance(1ms);
    CHECK(attempt.wait().error().code() == mcp::errc::deadline_exceeded);
  }
  SECTION("cancellation") {
    bench b;
    auto attempt = hanging(b);
    attempt.cancel();
    CHECK(attempt.wait().error().code() == mcp::errc::cancelled);
  }
  SECTION("cancellation, and then the context goes") {
    bench b;
    auto attempt = hanging(b);
    attempt.cancel();
  }
  SECTION("the context goes") {
    bench b;
    auto attempt = hanging(b);
  }
  CHECK(test::open_sockets() == before);
}

TEST_CASE("TLS options that cannot be used are named") {
  const auto own = authority().issue();
  const auto other = authority().issue();
  const auto file =
      std::filesystem::temp_directory_path() / ("asio-mcp-tls-test-" + std::to_string(::getpid()));
  const auto written = [&file](std::string_view text) {
    std::ofstream(file) << text;
    return file.string();
  };
  const std::string no_file = "/nonexistent/ca.pem";
  const std::string damaged = authority().pem().replace(100, 10, "..........");
  struct row {
    mcp::tls_options options;
    std::string why;  // empty: they can be used
  };
  const row rows[] = {
      {{}, ""},
      {{.ca_file = written(authority().pem())}, ""},
      {{.ca_pem = "issuer: somebody\n" + authority().pem() + "\n"}, ""},
      {{.client_certificate_pem = own.certificate + authority().pem(), .client_key_pem = own.key}, ""},
      {{.ca_file = no_file}, "ca_file " + no_file + ": No such file or directory"},
      {{.ca_pem = "no certificate"}, "ca_pem: no start line"},
      {{.ca_pem = authority().pem() + damaged}, "ca_pem: bad base64 decode"},
      {{.client_certificate_file = no_file},
       "client_certificate_file " + no_file + ": No such file or directory"},
      {{.client_certificate_pem = own.key, .client_key_pem = own.key},
       "client_certificate_pem: no start line"},
      {{.client_certificate_pem = own.certificate}, "client_key_pem: "},
      {{.client_certificate_pem = own.certificate, .client_key_file = no_file},
       "client_key_file " + no_file + ": No such file or directory"},
      {{.client_certificate_pem = own.certificate, .client_key_pem = other.key},
       "client_key_pem: key values mismatch"},
      {{.client_certificate_pem = own.certificate, .client_key_pem = encrypted(own.key)},
       "client_key_pem: bad password read"},
  };
  for (const row& each : rows) {
    CAPTURE(each.why);
    const auto made = tls_context::create(each.options);
    CHECK(made.has_value() == each.why.empty());
    if (made) continue;
    CHECK(made.error().code() == mcp::errc::invalid_argument);
    CHECK(made.error().message().starts_with("tls_options: " + each.why));
    CHECK(ERR_peek_error() == 0);
  }
  std::filesystem::remove(file);
}
