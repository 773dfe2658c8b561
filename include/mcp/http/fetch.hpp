// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/async/deadline.hpp>
#include <mcp/async/event.hpp>
#include <mcp/base/result.hpp>
#include <mcp/base/secret.hpp>
#include <mcp/http/driver.hpp>
#include <mcp/http/exchange.hpp>
#include <mcp/http/pool.hpp>
#include <mcp/http/request.hpp>

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcp::inline v0::http {

/// A request whose whole response is wanted at once.
struct fetch_request {
  std::string method = "GET";
  std::string target = "/";
  /// Header fields, each ended by CRLF, `Host` among them, but not `Content-Length`.
  secret_text fields;
  secret_text body{};
};

/// A response, whatever its status.
struct fetch_response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  ///< names in lower case
  std::string body;
};

namespace detail {

/// The machine behind `fetch()`.
class fetch_machine final : private deadline, private response_handler {
 public:
  fetch_machine(asio::any_io_executor executor, std::shared_ptr<pool> from, const fetch_request& what,
                deadline_list::time_point until)
      : executor_(std::move(executor)),
        pool_(std::move(from)),
        signal_(executor_),
        exchange_(signal_, *this) {
    request_.append(what.body);
    if (what.body.empty() && what.method != "POST") {
      request_.prepend(what.method, " ", what.target, " HTTP/1.1\r\n", what.fields, "\r\n");
    } else {
      prepend_head(request_, what.method, " ", what.target, " HTTP/1.1\r\n", what.fields);
    }
    exchange_.start(*pool_, request_.view(), what.method == "HEAD");
    pool_->deadlines().set(*this, until);
  }

  const asio::any_io_executor& executor() const noexcept { return executor_; }
  event& signal() noexcept { return signal_; }
  asio::ip::tcp::socket& socket() noexcept { return exchange_.socket(); }
  asio::mutable_buffer read_target() { return exchange_.read_target(); }
  void received(std::size_t bytes, const std::error_code& ec) { exchange_.received(bytes, ec); }
  action advance() { return exchange_.advance(); }
  void cancel() { fail(errc::cancelled); }
  void fail(errc why) {
    exchange_.fail(why);
    signal_.notify();
  }

  result<fetch_response> outcome() {
    if (exchange_.why()) return *exchange_.why();
    return std::move(response_);
  }

 private:
  void expired() noexcept override { fail(errc::deadline_exceeded); }

  errc on_head(const response_head& head, const char* bytes) override {
    response_.status = head.status();
    for (std::size_t i = 0; i < head.field_count(); ++i) {
      const auto [name, value] = head.field(bytes, i);
      response_.fields.emplace_back(name, value);
      std::ranges::transform(name, response_.fields.back().first.begin(), ascii::to_lower);
    }
    return errc{};
  }

  taken on_body(char* body, std::size_t size, bool last) override {
    if (!last) return {};
    response_.body.assign(body, size);
    return {.bytes = size};
  }

  bool streams_body() const noexcept override { return false; }

  asio::any_io_executor executor_;
  std::shared_ptr<pool> pool_;
  event signal_;
  exchange exchange_;
  request_buffer request_;
  fetch_response response_;
};

struct fetch_output {
  using type = result<fetch_response>;
  static type from(fetch_machine& done) { return done.outcome(); }
};

}  // namespace detail

/// Sends one request (GET, DELETE, form POST) and reads its whole response, within `limits::body`.
/// Redirects are not followed. Fails with the code of whatever layer found the fault, or
/// `errc::deadline_exceeded`. Terminal cancellation ends it at once with `errc::cancelled`.
template <class Output = detail::fetch_output>  // so that only who calls it compiles it
asio::awaitable<result<fetch_response>> fetch(asio::any_io_executor executor, std::shared_ptr<pool> from,
                                              const fetch_request& what, deadline_list::time_point until) {
  return drive<Output>(
      std::make_unique<detail::fetch_machine>(std::move(executor), std::move(from), what, until));
}

}  // namespace mcp::inline v0::http
