// SPDX-License-Identifier: MIT

/// \file
/// A store of one's own, for SQLite: its operations block, and the library runs them on threads. Tests it
/// with the library's test kit, then lets two processes count in one record. Fails where a promise of a store
/// is broken.

#include <mcp/store/any_credential_store.hpp>
#include <mcp/store/test_kit.hpp>

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

/// Keeps records in a SQLite database, for any number of processes. Its file belongs into a directory of mode
/// 0700: whoever can read it has the credentials.
class sqlite_store {
 public:
  explicit sqlite_store(const std::string& path) {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open(path.c_str(), &opened);
    database_.reset(opened);  // there is one also when it could not be opened
    // A version is a row's number, which AUTOINCREMENT never gives twice. What a record replaces is
    // overwritten with zeros, and a save returns when it is on the disk.
    constexpr const char* setup = R"(
        PRAGMA busy_timeout = 10000;
        PRAGMA synchronous = EXTRA;
        PRAGMA secure_delete = ON;
        CREATE TABLE IF NOT EXISTS record (
          version INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, bytes BLOB NOT NULL))";
    if (code != SQLITE_OK || sqlite3_exec(opened, setup, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw std::runtime_error(path + ": " + sqlite3_errmsg(opened));
  }

  mcp::store_result::load load(std::string_view key) {
    statement select(*database_, "SELECT version, bytes FROM record WHERE key = ?1");
    select.bind_text(1, key);
    std::optional<mcp::stored_record> found;
    while (select.step()) found = {mcp::secret(select.blob(1)), select.version(0)};
    if (select.failed()) return select.failure();
    return found;
  }

  mcp::store_result::save save(std::string_view key, std::string_view bytes, mcp::record_version expected) {
    // The comparison, and the record in place of the one before, in one transaction.
    statement replace(*database_, R"(
        INSERT OR REPLACE INTO record (key, bytes) SELECT ?1, ?2
        WHERE coalesce((SELECT version FROM record WHERE key = ?1), 0) = ?3 RETURNING version)");
    replace.bind_text(1, key);
    replace.bind_blob(2, bytes);
    replace.bind_version(3, expected);
    std::optional<mcp::record_version> saved;
    while (replace.step()) saved = replace.version(0);  // the last step commits
    if (replace.failed()) return replace.failure();
    return saved;
  }

  mcp::store_result::erase erase(std::string_view key, mcp::record_version expected) {
    statement remove(*database_, "DELETE FROM record WHERE key = ?1 AND version = ?2 RETURNING version");
    remove.bind_text(1, key);
    remove.bind_version(2, expected);
    bool erased = false;
    while (remove.step()) erased = true;
    if (remove.failed()) return remove.failure();
    return erased;
  }

 private:
  struct closer {
    void operator()(sqlite3* database) const noexcept { sqlite3_close(database); }
  };

  /// A statement and its values, which are not copied.
  class statement {
   public:
    statement(sqlite3& database, std::string_view sql) {
      code_ = sqlite3_prepare_v2(&database, sql.data(), static_cast<int>(sql.size()), &handle_, nullptr);
    }
    statement(const statement&) = delete;
    statement& operator=(const statement&) = delete;
    ~statement() { sqlite3_finalize(handle_); }

    void bind_text(int at, std::string_view text) {
      check(sqlite3_bind_text64(handle_, at, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8));
    }
    void bind_blob(int at, std::string_view bytes) {
      // A null pointer would be NULL.
      const char* const data = bytes.empty() ? "" : bytes.data();
      check(sqlite3_bind_blob64(handle_, at, data, bytes.size(), SQLITE_STATIC));
    }
    void bind_version(int at, mcp::record_version version) {
      check(sqlite3_bind_int64(handle_, at, static_cast<sqlite3_int64>(version)));
    }

    /// Whether there is a row.
    bool step() {
      if (!failed()) code_ = sqlite3_step(handle_);
      return code_ == SQLITE_ROW;
    }
    mcp::record_version version(int column) const {
      return static_cast<mcp::record_version>(sqlite3_column_int64(handle_, column));
    }
    std::string_view blob(int column) const {
      const auto* const data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
      return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
    }

    bool failed() const noexcept { return code_ != SQLITE_OK && code_ != SQLITE_ROW && code_ != SQLITE_DONE; }
    mcp::failure failure() const {
      auto code = mcp::errc::store_failed;
      if (code_ == SQLITE_BUSY) code = mcp::errc::store_locked;
      if (code_ == SQLITE_CORRUPT || code_ == SQLITE_NOTADB) code = mcp::errc::store_corrupt;
      return {code, sqlite3_errstr(code_)};
    }

   private:
    void check(int code) {
      if (!failed() && code != SQLITE_OK) code_ = code;
    }

    sqlite3_stmt* handle_ = nullptr;
    int code_ = SQLITE_OK;
  };

  std::unique_ptr<sqlite3, closer> database_;
};

namespace {

constexpr int updates = 50;

/// Adds to the number in a record as everybody must who shares one: load, save, and again after a conflict.
asio::awaitable<void> count(mcp::any_credential_store store) {
  int conflicts = 0;
  for (int done = 0; done < updates;) {
    auto found = co_await store.load("count");
    const auto record = found.value().value();
    const std::string next = std::to_string(std::stoi(std::string(record.bytes.view())) + 1);
    auto saved = co_await store.save("count", next, record.version);
    ++(saved.value() ? done : conflicts);
  }
  std::printf("process %d has added %d, and met %d conflicts\n", ::getpid(), updates, conflicts);
}

void run(asio::awaitable<void> work) {
  asio::io_context context;
  asio::co_spawn(context, std::move(work), [](const std::exception_ptr& failed) {
    if (failed) std::rethrow_exception(failed);
  });
  context.run();
}

::pid_t start_counting(std::string path) {
  std::string program = "/proc/self/exe";
  std::string command = "count";
  const std::array<char*, 4> arguments{program.data(), command.data(), path.data(), nullptr};
  ::pid_t process = 0;
  if (::posix_spawn(&process, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0)
    throw std::runtime_error("posix_spawn");
  return process;
}

int test_and_count(const std::string& path) {
  const auto report = mcp::run_test_store([path] { return sqlite_store(path); });
  std::printf("%s\n", report.summary().c_str());
  std::fflush(stdout);  // before the processes write

  sqlite_store store(path);
  store.save("count", "0", mcp::no_record).value();
  for (const ::pid_t process : {start_counting(path), start_counting(path)}) ::waitpid(process, nullptr, 0);
  const auto total = store.load("count").value().value();
  std::printf("together: %s\n", std::string(total.bytes.view()).c_str());
  return report.passed() && total.bytes.view() == std::to_string(2 * updates) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    run(count(sqlite_store(argv[2])));
    return 0;
  }
  std::string directory = std::filesystem::temp_directory_path() / "custom_store.XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) return 1;  // of mode 0700
  const int failed = test_and_count(directory + "/credentials.db");
  std::filesystem::remove_all(directory);
  return failed;
}
