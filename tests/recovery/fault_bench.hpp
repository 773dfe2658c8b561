// SPDX-License-Identifier: MIT
#pragma once

#include <mcp/auth/static_credentials.hpp>
#include <mcp/mcp.hpp>
#include <mcp/store/memory_store.hpp>

#include <asio/awaitable.hpp>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/co_spawn.hpp>
#include <asio/post.hpp>

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <support/allocation_faults.hpp>
#include <support/certificates.hpp>
#include <support/fake_random.hpp>
#include <support/io_faults.hpp>
#include <support/mcp_peer.hpp>
#include <support/program_symbols.hpp>
#include <support/scripted_network.hpp>
#include <support/virtual_world.hpp>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>

namespace test {

struct fault_bench;

/// What came of an exchange: no code if it was well.
using outcome = std::error_code;

/// One exchange of a client that is run once for every fault that can befall it.
struct canonical_exchange {
  const char* name;
  mcp_peer::options server{};
  std::size_t connections = 256;
  const char* version = "";  ///< that the client speaks without asking
  const char* host = "127.0.0.1";
  bool tls = false;
  bool stored = false;      ///< the session is kept in `fault_bench::store`
  bool authorizes = false;  ///< with `fault_bench::token`
  /// Without faults, before the exchange.
  void (*prepare)(fault_bench&) = [](fault_bench&) {};
  /// The exchange itself.
  asio::awaitable<outcome> (*act)(fault_bench&) = nullptr;
  /// When it must have ended.
  std::chrono::milliseconds deadline{60'000};
  /// Whether the client can be used afterwards.
  bool ends_client = false;
};

/// Certificates are made once.
inline const certificate_authority& test_authority() {
  static const certificate_authority made;
  return made;
}
inline const identity& test_identity() {
  static const identity made = test_authority().issue();
  return made;
}

inline int open_descriptors() {
  int count = 0;
  for (int descriptor = 0; descriptor < 256; ++descriptor) count += ::fcntl(descriptor, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

/// A client and its server in a world of their own.
struct fault_bench {
  explicit fault_bench(const canonical_exchange& what) : exchange(what), peer(world, what.server) {
    if (what.tls) {
      network.emplace(peer, test_identity());
    } else {
      network.emplace(peer);
    }
  }

  mcp::client_options options() const {
    mcp::client_options made;
    made.protocol_version = exchange.version;
    made.max_connections = exchange.connections;
    made.time = world.time;
    const allocation_faults::pause test_code;
    made.random = std::make_shared<seeded_random>(1);
    if (exchange.tls) made.tls.ca_pem = test_authority().pem();
    if (exchange.stored) made.store = store;
    if (exchange.authorizes)
      made.credentials = mcp::static_credentials([this] { return credentials(); }, "me");
    return made;
  }
  asio::awaitable<mcp::result<std::vector<mcp::credential>>> credentials() const {
    std::vector<mcp::credential> all;
    all.push_back(mcp::bearer(token));
    co_return all;
  }
  std::string url() const {
    return std::string(exchange.tls ? "https://" : "http://") + exchange.host + ":4321/mcp";
  }
  void make_client() {
    client = std::make_unique<mcp::client>(world.context.get_executor(), url(), options());
  }

  /// Runs a coroutine to its end, where no fault can happen.
  outcome run(asio::awaitable<outcome> (*what)(fault_bench&)) {
    std::optional<outcome> got;
    asio::co_spawn(world.context, what(*this), [&](const std::exception_ptr& thrown, outcome code) {
      if (!thrown) got = code;
    });
    world.run([&] { return got.has_value(); }, std::chrono::minutes(2));
    return got.value_or(std::make_error_code(std::errc::no_message));
  }

  const canonical_exchange& exchange;
  virtual_world world;
  mcp_peer peer;
  std::optional<scripted_network> network;
  mcp::any_credential_store store{mcp::memory_store()};
  std::string token;
  std::unique_ptr<mcp::client> client;
  mcp::event changed{world.context.get_executor()};  ///< for exchanges of several coroutines
  bool go = false;                                   ///< the exchange has begun; `changed` tells
  int beside = 0;                                    ///< calls under way beside the exchange
  asio::cancellation_signal stop;                    ///< of the exchange
};

/// One thing that goes wrong.
struct fault {
  std::size_t allocation = 0;  ///< that fails, from 1
  std::size_t operation = 0;   ///< that `what` befalls, from 1
  io_fault what = io_fault::none;
};

/// What was seen when an exchange ran with one fault.
struct trial {
  std::size_t allocations = 0;
  std::vector<bool> fatal;       ///< which of them Asio cannot do without (see `asio_cannot_throw()`)
  std::size_t struck_after = 0;  ///< so many allocations the operation failed
  std::vector<io_operation> operations;
  int completions = 0;
  outcome code;
  bool out_of_memory = false;  ///< std::bad_alloc came out of it
  bool other_exception = false;
  virtual_world::duration took{};
};

/// The part of a trial in which faults happen.
class faulty_run {
 public:
  faulty_run(fault_bench& bench, fault planned) : bench_(&bench), planned_(planned) {}

  trial run() {
    const auto begin = bench_->world.now();
    asio::co_spawn(bench_->world.context, guarded(this),
                   asio::bind_cancellation_slot(bench_->stop.slot(),
                                                [this](const std::exception_ptr&) { completing_.reset(); }));
    const auto ended = [this] { return seen_.completions != 0 && bench_->beside == 0; };
    bench_->world.run(ended, bench_->exchange.deadline);
    seen_.took = bench_->world.now() - begin;
    bench_->world.settle();  // what goes on behind the caller's back
    seen_.allocations = allocation_faults::disarm();
    seen_.operations = bench_->network->faults.seen();
    bench_->network->faults.disarm();
    return seen_;
  }

 private:
  static asio::awaitable<void> guarded(faulty_run* self) {
    self->bench_->go = true;
    self->bench_->changed.notify();
    self->arm();
    try {
      self->seen_.code = co_await self->bench_->exchange.act(*self->bench_);
    } catch (const std::bad_alloc&) {
      self->seen_.out_of_memory = true;
    } catch (...) {
      self->seen_.other_exception = true;
    }
    ++self->seen_.completions;
    self->completing_.emplace();  // what follows is the test's own coroutine
  }

  void arm() {
    const auto on_strike = [this] {
      seen_.struck_after = allocation_faults::count();
      if (planned_.what != io_fault::cancel) return;
      asio::post(bench_->world.context, [this] { bench_->stop.emit(asio::cancellation_type::terminal); });
    };
    bench_->network->faults.arm(planned_.operation, planned_.what, on_strike);
    if (planned_.allocation == 0) {
      allocation_faults::arm(0, [this] { seen_.fatal.push_back(asio_cannot_throw()); });
    } else {
      allocation_faults::arm(planned_.allocation, trace());
    }
  }

  // With MCP_TEST_TRACE=ALLOCATION, says who asks for the memory that is not there.
  std::function<void()> trace() const {
    const char* const wanted = std::getenv("MCP_TEST_TRACE");
    if (wanted == nullptr || std::stoul(wanted) != planned_.allocation) return {};
    return [nth = planned_.allocation] {
      if (allocation_faults::count() + 1 != nth) return;
      for (const auto name : call_stack()) std::fprintf(stderr, "%s\n", std::string(name).c_str());
      std::fprintf(stderr, "\n");
    };
  }

  fault_bench* bench_;
  fault planned_;
  trial seen_;
  std::optional<allocation_faults::pause> completing_;
};

}  // namespace test
