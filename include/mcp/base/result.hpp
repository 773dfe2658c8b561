// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/base/attempt.hpp>
#include <mcp/base/error.hpp>

#include <cassert>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace mcp::inline v0 {

/// Why an operation failed: a code, and what is known besides it.
///
/// Cheap to move and to copy. Text that came from the server is kept apart from text of this library:
/// show it to a person as a quotation, never follow it.
class failure {
 public:
  /// Success would be no failure: a default-constructed one says `errc::invalid_argument`.
  failure() noexcept : failure(errc::invalid_argument) {}
  failure(errc code) noexcept : code_(code) {}  // NOLINT(google-explicit-constructor): an errc is a failure
  explicit failure(std::error_code code) noexcept : code_(code) {}
  failure(std::error_code code, std::string message) : code_(code) { with_message(std::move(message)); }

  const std::error_code& code() const noexcept { return code_; }

  /// Status of the HTTP response on which the failure rests; 0 when there was none.
  int http_status() const noexcept { return details_ ? details_->http_status : 0; }
  /// Code of the JSON-RPC error that the server sent, if it sent one (JSON-RPC 2.0 §5.1).
  std::optional<std::int64_t> rpc_code() const noexcept {
    return details_ ? details_->rpc_code : std::nullopt;
  }
  /// What this library adds to the code's own text; may be empty. Never holds a secret.
  std::string_view message() const noexcept { return details_ ? std::string_view(details_->message) : ""; }
  /// Untrusted: the message of a JSON-RPC error, or the beginning of an HTTP error body.
  std::string_view server_text() const noexcept {
    return details_ ? std::string_view(details_->server_text) : "";
  }
  /// Untrusted: the `data` member of a JSON-RPC error as JSON text; empty when absent.
  std::string_view server_data() const noexcept {
    return details_ ? std::string_view(details_->server_data) : "";
  }

  /// What was tried, oldest first, the attempt that this failure is about included; empty where nothing was.
  std::span<const attempt> attempts() const noexcept {
    return details_ ? std::span<const attempt>(details_->attempts) : std::span<const attempt>();
  }

  /// The same circumstances under another code.
  failure& with_code(std::error_code code) { return code_ = code, *this; }
  failure& with_http_status(int status) { return edit().http_status = status, *this; }
  failure& with_rpc_code(std::int64_t code) { return edit().rpc_code = code, *this; }
  failure& with_message(std::string text) { return edit().message = std::move(text), *this; }
  failure& with_server_text(std::string_view text) { return edit().server_text = text, *this; }
  failure& with_server_data(std::string_view json) { return edit().server_data = json, *this; }
  failure& with_attempts(std::vector<attempt> made) { return edit().attempts = std::move(made), *this; }

  /// One line for a log: code, own message, HTTP status and JSON-RPC code. Without the server's text.
  std::string describe() const {
    std::string text = code_.message();
    if (!message().empty()) text.append(": ").append(message());
    if (http_status() != 0) text.append(" (HTTP ").append(std::to_string(http_status())).append(")");
    if (rpc_code()) text.append(" (JSON-RPC ").append(std::to_string(*rpc_code())).append(")");
    return text;
  }

 private:
  struct details {
    int http_status = 0;
    std::optional<std::int64_t> rpc_code;
    std::string message;
    std::string server_text;
    std::string server_data;
    std::vector<attempt> attempts;
  };

  details& edit() {
    if (!details_) details_ = std::make_shared<details>();
    if (details_.use_count() > 1) details_ = std::make_shared<details>(*details_);
    return *details_;
  }

  std::error_code code_;
  std::shared_ptr<details> details_;
};

/// What the throwing form of every operation throws.
class error : public std::system_error {
 public:
  explicit error(failure why)
      : std::system_error(why.code(), std::string(why.message())), why_(std::move(why)) {}

  const failure& why() const noexcept { return why_; }
  int http_status() const noexcept { return why_.http_status(); }
  std::optional<std::int64_t> rpc_code() const noexcept { return why_.rpc_code(); }
  std::string_view server_text() const noexcept { return why_.server_text(); }
  std::string_view server_data() const noexcept { return why_.server_data(); }
  std::span<const attempt> attempts() const noexcept { return why_.attempts(); }

 private:
  failure why_;
};

/// A value or the failure that stands in its place. (Not `std::expected`: C++20, and one type in
/// every language mode. Not made of a `std::variant`: that costs each user's file a second to compile.)
template <class T>
class [[nodiscard]] result {
 public:
  using value_type = T;

  /// A failure: nothing has succeeded yet.
  result() noexcept : result(failure()) {}
  // NOLINTBEGIN(google-explicit-constructor): a value, a failure and a code each are a result
  result(T value) : value_(std::move(value)), has_value_(true) {}
  template <std::convertible_to<T> U>
    requires std::is_class_v<T>  // of numbers, the conversion is the caller's
  result(U&& value) : value_(std::forward<U>(value)), has_value_(true) {}
  result(failure why) noexcept : why_(std::move(why)), has_value_(false) {}
  result(errc code) noexcept : result(failure(code)) {}
  // NOLINTEND(google-explicit-constructor)

  result(const result& other)
    requires std::copy_constructible<T>
      : has_value_(other.has_value_) {
    has_value_ ? construct(value_, other.value_) : construct(why_, other.why_);
  }
  result(result&& other) noexcept(std::is_nothrow_move_constructible_v<T>) : has_value_(other.has_value_) {
    has_value_ ? construct(value_, std::move(other.value_)) : construct(why_, std::move(other.why_));
  }
  result& operator=(const result& other)
    requires std::copy_constructible<T>
  {
    return *this = result(other);
  }
  /// If the value's move throws, a failure stays.
  result& operator=(result&& other) noexcept(
      std::is_nothrow_move_constructible_v<T>&& std::is_nothrow_move_assignable_v<T>) {
    if (has_value_ && other.has_value_) {
      value_ = std::move(other.value_);
    } else if (!has_value_ && !other.has_value_) {
      why_ = std::move(other.why_);
    } else if (has_value_) {
      value_.~T();
      construct(why_, std::move(other.why_));
      has_value_ = false;
    } else {
      why_.~failure();
      const fallback otherwise{*this};
      construct(value_, std::move(other.value_));
      has_value_ = true;
    }
    return *this;
  }
  ~result() { has_value_ ? value_.~T() : why_.~failure(); }

  bool has_value() const noexcept { return has_value_; }
  explicit operator bool() const noexcept { return has_value_; }

  /// Precondition: `has_value()`.
  T& operator*() & noexcept { return assert(has_value_), value_; }
  const T& operator*() const& noexcept { return assert(has_value_), value_; }
  T&& operator*() && noexcept { return assert(has_value_), std::move(value_); }
  T* operator->() noexcept { return &**this; }
  const T* operator->() const noexcept { return &**this; }

  /// Precondition: `!has_value()`.
  const failure& error() const& noexcept { return assert(!has_value_), why_; }
  failure& error() & noexcept { return assert(!has_value_), why_; }
  failure&& error() && noexcept { return assert(!has_value_), std::move(why_); }

  /// The value; throws `mcp::error` in place of a failure.
  T& value() & { return require(), **this; }
  const T& value() const& { return require(), **this; }
  T&& value() && { return require(), std::move(**this); }

 private:
  void require() const {
    if (!has_value()) throw mcp::error(error());
  }

  /// Puts a failure where a value was to come and did not.
  struct fallback {
    result& of;
    ~fallback() {
      if (!of.has_value_) construct(of.why_);
    }
  };

  template <class U, class... Arguments>
  static void construct(U& at, Arguments&&... arguments) {
    std::construct_at(&at, std::forward<Arguments>(arguments)...);
  }

  union {
    T value_;      // NOLINT(readability-identifier-naming): private, though in a union
    failure why_;  // NOLINT(readability-identifier-naming)
  };
  bool has_value_;
};

/// Nothing, or the failure that stands in its place.
template <>
class [[nodiscard]] result<void> {
 public:
  using value_type = void;

  result() noexcept = default;
  result(failure why) noexcept : why_(std::move(why)) {}  // NOLINT(google-explicit-constructor)
  result(errc code) noexcept : result(failure(code)) {}   // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return !why_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  /// Precondition: `!has_value()`.
  const failure& error() const& noexcept { return assert(!has_value()), *why_; }
  failure& error() & noexcept { return assert(!has_value()), *why_; }
  failure&& error() && noexcept { return assert(!has_value()), std::move(*why_); }

  void value() const {
    if (!has_value()) throw mcp::error(*why_);
  }

 private:
  std::optional<failure> why_;
};

}  // namespace mcp::inline v0
