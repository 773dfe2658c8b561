// SPDX-License-Identifier: MIT

/// \file
/// The store of README.md, and the test of it.
// [readme]
#include <mcp/store/on_thread.hpp>
#include <mcp/store/test_kit.hpp>

#include <iostream>
#include <map>
#include <string>

class map_store {
 public:
  mcp::store_result::load load(std::string_view key) {
    const auto found = records_.find(key);
    if (found == records_.end()) return std::nullopt;
    return found->second;
  }

  mcp::store_result::save save(std::string_view key, std::string_view bytes, mcp::record_version expected) {
    const auto found = records_.find(key);
    const auto current = found == records_.end() ? mcp::no_record : found->second.version;
    if (current != expected) return std::nullopt;
    records_.insert_or_assign(std::string(key), mcp::stored_record{mcp::secret(bytes), ++last_version_});
    return last_version_;
  }

  mcp::store_result::erase erase(std::string_view key, mcp::record_version expected) {
    const auto found = records_.find(key);
    if (found == records_.end() || found->second.version != expected) return false;
    records_.erase(found);
    return true;
  }

 private:
  std::map<std::string, mcp::stored_record, std::less<>> records_;
  mcp::record_version last_version_ = mcp::no_record;
};

int main() {
  const mcp::on_thread store{map_store()};
  const auto report = mcp::run_test_store([store] { return store; }, {.other_processes = false});
  std::cout << report.summary();
  return report.passed() ? 0 : 1;
}
// [/readme]
