// SPDX-License-Identifier: MIT

/// \file
/// Classes that are no stores. The compiler must refuse this file, with these messages in this order:
// says: no CredentialStore: it needs load\(std::string_view key\)
// says: no CredentialStore: it needs save\(std::string_view key, std::string_view bytes
// says: no CredentialStore: it needs erase\(std::string_view key, mcp::record_version
// says: no CredentialStore: it cannot be moved
// says: no CredentialStore: one with awaitable operations must be copyable
// says: no CredentialStore: either all of its operations return an asio::awaitable, or none
// says: leases of this store would go unused

#include <mcp/store/any_credential_store.hpp>

#include <asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace {

using std::string_view;
using version = mcp::record_version;
namespace returns = mcp::store_result;

struct without_load {
  returns::save save(string_view, string_view, version);
  returns::erase erase(string_view, version);
};

struct with_wrong_save {
  returns::load load(string_view);
  bool save(string_view, string_view, version);
  returns::erase erase(string_view, version);
};

struct with_keys_of_strings {
  returns::load load(string_view);
  returns::save save(string_view, string_view, version);
  returns::erase erase(const std::string&, version);
};

struct blocking {
  returns::load load(string_view);
  returns::save save(string_view, string_view, version);
  returns::erase erase(string_view, version);
};

struct unmovable : blocking {
  unmovable(const unmovable&) = delete;
};

struct uncopyable {
  uncopyable(uncopyable&&) = default;
  asio::awaitable<returns::load> load(string_view);
  asio::awaitable<returns::save> save(string_view, string_view, version);
  asio::awaitable<returns::erase> erase(string_view, version);
};

struct mixed {
  asio::awaitable<returns::load> load(string_view);
  returns::save save(string_view, string_view, version);
  returns::erase erase(string_view, version);
};

struct with_wrong_lease : blocking {
  returns::lease lease(string_view, string_view, std::chrono::seconds);
  returns::release release(string_view, string_view);
};

}  // namespace

template <class Store>
void wrap(Store&& store) {
  static_cast<void>(mcp::any_credential_store(std::forward<Store>(store)));
}

template void wrap(without_load&&);
template void wrap(with_wrong_save&&);
template void wrap(with_keys_of_strings&&);
template void wrap(unmovable&&);
template void wrap(uncopyable&&);
template void wrap(mixed&&);
template void wrap(with_wrong_lease&&);
