// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <support/interposed_files.hpp>
#include <vector>

#include <sys/stat.h>

namespace test {

/// A model of a file system that may forget at a loss of power what was not synced: bytes of a file, and each
/// entry of a directory by itself. It begins with what is on disk in a directory, all of it synced.
class forgetful_disk {
 public:
  /// What becomes of bytes that were not synced.
  enum class unsynced { lost, kept, torn, zeros };

  explicit forgetful_disk(const std::string& directory) : root_(read(directory)) {}

  void apply(const file_change& change) {
    using kind = file_change::kind;
    switch (change.what) {
      case kind::create:
      case kind::make_directory: {
        const std::size_t id = add(change.file);
        nodes_[id].is_directory = change.what == kind::make_directory;
        return enter({id_of(change.directory), change.name, "", id});
      }
      case kind::rename: {
        const std::size_t directory = id_of(change.directory);
        return enter({directory, change.name, change.to, nodes_[directory].entries.at(change.name)});
      }
      case kind::unlink: return enter({id_of(change.directory), change.name, "", none});
      case kind::write: {
        std::string& bytes = nodes_[id_of(change.file)].bytes;
        const auto at = static_cast<std::size_t>(change.at);
        bytes.resize(std::max(bytes.size(), at + change.bytes.size()));
        bytes.replace(at, change.bytes.size(), change.bytes);
        return;
      }
      case kind::sync: {
        if (!ids_.contains(change.file)) return;  // above the directory
        const std::size_t id = id_of(change.file);
        nodes_[id].synced_bytes = nodes_[id].bytes;
        nodes_[id].synced_entries = nodes_[id].entries;
        std::erase_if(pending_, [id](const entry_change& each) { return each.directory == id; });
        return;
      }
    }
  }

  /// Entries that were not synced: each is one bit of what `write_to` takes.
  std::size_t pending() const noexcept { return pending_.size(); }

  /// Makes a directory as it is found after a loss of power.
  void write_to(const std::string& directory, std::size_t kept_entries, unsynced how) const {
    auto entries = std::vector<std::map<std::string, std::size_t>>();
    for (const node& each : nodes_) entries.push_back(each.synced_entries);
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      if ((kept_entries >> i & 1) != 0) apply(pending_[i], entries[pending_[i].directory]);
    }
    write(root_, directory, entries, how);
  }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  struct node {
    bool is_directory = true;
    std::string bytes, synced_bytes;
    std::map<std::string, std::size_t> entries, synced_entries;
  };
  struct entry_change {
    std::size_t directory;
    std::string name, to;  // `to`: a rename
    std::size_t file;      // none: it goes
  };

  std::size_t read(const std::string& path) {
    struct stat found {};
    ::stat(path.c_str(), &found);
    const std::size_t id = add(found.st_ino);
    if (S_ISDIR(found.st_mode)) {
      for (const auto& entry : std::filesystem::directory_iterator(path)) {
        const std::size_t inside = read(entry.path());
        nodes_[id].entries[entry.path().filename()] = inside;
      }
    } else {
      std::ifstream in(path, std::ios::binary);
      nodes_[id].bytes.assign(std::istreambuf_iterator<char>(in), {});
      nodes_[id].is_directory = false;
    }
    nodes_[id].synced_bytes = nodes_[id].bytes;
    nodes_[id].synced_entries = nodes_[id].entries;
    return id;
  }

  // Inodes come again, ids do not.
  std::size_t add(ino_t inode) {
    ids_[inode] = nodes_.size();
    nodes_.emplace_back();
    return nodes_.size() - 1;
  }
  std::size_t id_of(ino_t inode) const { return ids_.at(inode); }

  static void apply(const entry_change& change, std::map<std::string, std::size_t>& entries) {
    if (change.file == none || !change.to.empty()) entries.erase(change.name);
    if (change.file != none) entries[change.to.empty() ? change.name : change.to] = change.file;
  }
  void enter(const entry_change& change) {
    apply(change, nodes_[change.directory].entries);
    pending_.push_back(change);
  }

  static std::string after_loss(const node& file, unsynced how) {
    const std::size_t size = file.bytes.size();
    switch (how) {
      case unsynced::lost: return file.synced_bytes;
      case unsynced::kept: return file.bytes;
      case unsynced::torn: return file.bytes.substr(0, (file.synced_bytes.size() + size) / 2);
      case unsynced::zeros: break;
    }
    std::string bytes = file.synced_bytes;
    bytes.resize(size);
    return bytes;
  }

  void write(std::size_t id, const std::string& path,
             const std::vector<std::map<std::string, std::size_t>>& entries, unsynced how) const {
    if (!nodes_[id].is_directory) {
      std::ofstream(path, std::ios::binary) << after_loss(nodes_[id], how);
      ::chmod(path.c_str(), 0600);
      return;
    }
    ::mkdir(path.c_str(), 0700);
    for (const auto& [name, inside] : entries[id]) write(inside, path + "/" + name, entries, how);
  }

  std::vector<node> nodes_;
  std::map<ino_t, std::size_t> ids_;
  std::vector<entry_change> pending_;
  std::size_t root_;
};

}  // namespace test
