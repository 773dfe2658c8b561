// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <elf.h>
#include <link.h>
#include <unwind.h>

namespace test {

/// The functions of this program by address, from its own symbol table; their names are mangled.
class program_symbols {
 public:
  static const program_symbols& get() {
    static const program_symbols read;
    return read;
  }

  /// Empty for an address outside of the program's own code.
  std::string_view name_of(std::uintptr_t address) const {
    const auto after = std::ranges::upper_bound(functions_, address - base_, {}, &function::begin);
    if (after == functions_.begin()) return {};
    const function& found = *std::prev(after);
    return address - base_ < found.end ? std::string_view(found.name) : "";
  }

  bool empty() const noexcept { return functions_.empty(); }

 private:
  struct function {
    std::uintptr_t begin, end;
    const char* name;
  };

  program_symbols() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    image_.assign(std::istreambuf_iterator<char>(file), {});
    const auto& header = at<ElfW(Ehdr)>(0);
    for (std::size_t i = 0; i < header.e_shnum; ++i) {
      const auto& section = at<ElfW(Shdr)>(header.e_shoff + i * header.e_shentsize);
      if (section.sh_type != SHT_SYMTAB) continue;
      const auto& names = at<ElfW(Shdr)>(header.e_shoff + section.sh_link * header.e_shentsize);
      for (std::size_t s = 0; s < section.sh_size; s += section.sh_entsize) {
        const auto& symbol = at<ElfW(Sym)>(section.sh_offset + s);
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0) continue;
        functions_.push_back({symbol.st_value, symbol.st_value + symbol.st_size,
                              image_.data() + names.sh_offset + symbol.st_name});
      }
    }
    std::ranges::sort(functions_, {}, &function::begin);
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* base) {
          *static_cast<std::uintptr_t*>(base) = info->dlpi_addr;
          return 1;  // the first one is the program
        },
        &base_);
  }

  template <class T>
  const T& at(std::size_t offset) const {
    return *reinterpret_cast<const T*>(image_.data() + offset);
  }

  std::string image_;
  std::vector<function> functions_;
  std::uintptr_t base_ = 0;
};

/// The names of the program's functions that are being called now, innermost first.
inline std::vector<std::string_view> call_stack() {
  std::vector<std::string_view> names;
  _Unwind_Backtrace(
      [](_Unwind_Context* context, void* out) {
        const auto name = program_symbols::get().name_of(_Unwind_GetIP(context) - 1);
        if (!name.empty()) static_cast<std::vector<std::string_view>*>(out)->push_back(name);
        return _URC_NO_REASON;
      },
      &names);
  return names;
}

/// Whether an exception that is thrown now ends the program inside Asio, whatever the library does.
///
/// Asio 1.22 starts an awaited operation inside an `await_suspend` that is `noexcept`, so that there is no
/// coroutine, and nobody else, to whom it could tell that there is no memory for the operation. The same goes
/// for what `co_spawn` does outside of its coroutine, when that is started from there. What an operation of
/// the library throws while it begins, it catches itself.
inline bool asio_cannot_throw() {
  const auto is_body = [](std::string_view name) {
    return name.ends_with(".actor") || name.ends_with(".resume");  // of GCC, of Clang
  };
  const auto starts_operation = [&](std::string_view name) {
    return is_body(name) && name.find("async_result") != name.npos &&
           name.find("use_awaitable_t") != name.npos && name.find("8initiate") != name.npos;
  };
  const auto begins = [](std::string_view name) {
    return name.find("4http9operation") != name.npos && name.find("5begin") != name.npos;
  };
  for (const std::string_view name : call_stack()) {
    if (starts_operation(name)) return true;
    if (begins(name)) return false;
    if (is_body(name) && name.find("co_spawn_entry_point") == name.npos) return false;
  }
  return false;
}

}  // namespace test
