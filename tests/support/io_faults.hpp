// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// What the client asks the system for.
enum class io_operation : std::uint8_t {
  socket,
  connect,
  send,
  receive,
  get_option,  ///< SO_ERROR, for the outcome of connect
  set_option,
  peer_name,
  watch,         ///< epoll_ctl, to add a socket or change what it is watched for
  socket_pair,   ///< on which an offloaded job reports
  start_thread,  ///< of an offloaded job
  look_up,       ///< getaddrinfo
};

/// What happens instead.
enum class io_fault : std::uint8_t {
  none,
  error,     ///< the usual one of the operation; a connection is of no more use then
  end,       ///< the peer has gone: end of stream when reading, EPIPE when writing
  one_byte,  ///< no more than one is transferred
  stall,     ///< nothing happens any more, on this connection or in this job
  cancel,    ///< none, but the caller cancels as soon as any code of his can run
};

inline constexpr std::array all_io_faults = {io_fault::error, io_fault::end, io_fault::one_byte,
                                             io_fault::stall, io_fault::cancel};

inline std::string_view to_text(io_operation which) {
  constexpr std::array<std::string_view, 11> names = {"socket",      "connect",      "send",      "receive",
                                                      "get_option",  "set_option",   "peer_name", "watch",
                                                      "socket_pair", "start_thread", "look_up"};
  return names.at(static_cast<std::size_t>(which));
}

inline std::string_view to_text(io_fault what) {
  constexpr std::array<std::string_view, 6> names = {"none", "error", "end", "one byte", "stall", "cancel"};
  return names.at(static_cast<std::size_t>(what));
}

/// Whether the fault can befall the operation.
constexpr bool applies(io_fault what, io_operation to) {
  const bool transfers = to == io_operation::send || to == io_operation::receive;
  const bool waits = transfers || to == io_operation::connect || to == io_operation::start_thread;
  switch (what) {
    case io_fault::none: return false;
    case io_fault::error:
    case io_fault::cancel: return true;
    case io_fault::end:
    case io_fault::one_byte: return transfers;
    case io_fault::stall: return waits;
  }
  return false;
}

/// What the operation fails with when the fault is an error.
constexpr int error_of(io_operation which) {
  switch (which) {
    case io_operation::socket:
    case io_operation::socket_pair: return EMFILE;
    case io_operation::connect: return ENETUNREACH;
    case io_operation::send: return EPIPE;
    case io_operation::receive: return ECONNRESET;
    case io_operation::get_option: return ECONNREFUSED;  // the value of the option
    case io_operation::set_option: return EINVAL;
    case io_operation::peer_name: return ENOTCONN;
    case io_operation::watch: return ENOSPC;
    case io_operation::start_thread: return EAGAIN;
    case io_operation::look_up: break;  // has codes of its own
  }
  return EIO;
}

/// Counts the operations while it is armed, and lets one of them fail. A `scripted_network` asks it.
class io_faults {
 public:
  /// Counts from now on; the fault befalls the `nth` operation (from 1), none if it is 0. `on_strike` is
  /// called in the middle of that operation, and sees to the cancellation if the fault is one.
  void arm(std::size_t nth = 0, io_fault what = io_fault::none, std::function<void()> on_strike = {}) {
    seen_.clear();
    nth_ = nth;
    what_ = what;
    on_strike_ = std::move(on_strike);
    armed_ = true;
  }
  void disarm() noexcept { armed_ = false; }

  /// Notes that an operation begins; what shall become of it.
  io_fault next(io_operation which) {
    if (!armed_) return io_fault::none;
    seen_.push_back(which);
    if (seen_.size() != nth_) return io_fault::none;
    if (on_strike_) on_strike_();
    return what_ == io_fault::cancel ? io_fault::none : what_;
  }

  /// The operations since `arm()`, in their order.
  const std::vector<io_operation>& seen() const noexcept { return seen_; }

 private:
  std::vector<io_operation> seen_;
  std::size_t nth_ = 0;
  io_fault what_ = io_fault::none;
  std::function<void()> on_strike_;
  bool armed_ = false;
};

}  // namespace test
