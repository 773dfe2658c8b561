// SPDX-License-Identifier: MIT

// One tool call after the other over a kept-alive connection: what it costs with the library, how much of
// that is the library's, what it costs that the connection heals, and to begin in a new process. Run it with
// benchmarks/run.

#include "benchmarks/counting.hpp"
#include "benchmarks/json_objects.hpp"
#include "benchmarks/latency.hpp"
#include "benchmarks/process.hpp"
#include "benchmarks/recovery.hpp"
#include "benchmarks/report.hpp"
#include "benchmarks/store.hpp"
#include "benchmarks/wire.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace bench;

struct scratch_folder {
  scratch_folder() {
    std::string name = std::filesystem::temp_directory_path() / "mcp-bench-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "no temporary folder");
    path = name;
  }
  ~scratch_folder() { std::filesystem::remove_all(path); }

  std::filesystem::path path;
};

int measure(bool quick, const char* json_file) {
  const scratch_folder scratch;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  const int cpu = pin_to_one_cpu();
  const std::string ca_file = scratch.path / "ca.pem";
  process server_process({self.parent_path() / "server", ca_file});
  const std::string ports = server_process.read_line();
  endpoint server;
  require(std::sscanf(ports.c_str(), "%hu %hu", &server.plain_port, &server.tls_port) == 2,
          "the server did not start");
  server.ca_file = ca_file;

  const std::size_t blocks = quick ? 15 : 101;
  const std::size_t calls_per_block = 2000;
  std::vector<case_report> reports;
  costs counted;
  count_allocations(server, counted);
  const std::vector<std::string> again = {self, "--measured-blocks", ports, ca_file};
  count_syscalls(again, scratch.path, counted);
  count_instructions(again, scratch.path, counted);
  for (std::size_t i = 0; i != scenarios.size(); ++i) {
    reports.push_back({scenarios[i], blocks, calls_per_block,
                       measure_latency(server, scenarios[i], blocks, calls_per_block), counted[i]});
  }
  print_table(reports, cpu);
  const recovery_report recovered =
      measure_recovery(server, blocks, {self, "--recovery-blocks", ports, ca_file}, scratch.path);
  print(recovered);
  const store_report stored =
      measure_stores({self, "--cold-start-blocks", ports, ca_file}, scratch.path, quick);
  print(stored);
  if (json_file != nullptr) {
    json_objects out;
    to_json(reports, out);
    to_json(recovered, out);
    to_json(stored, out);
    std::ofstream(json_file) << std::move(out).end();
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  require(count_openssl_apart(), "OpenSSL was here first");
  bool quick = false;
  const char* json_file = nullptr;
  try {
    if (argc >= 4 && std::string_view(argv[1]).ends_with("-blocks")) {
      endpoint server;
      std::sscanf(argv[2], "%hu %hu", &server.plain_port, &server.tls_port);
      server.ca_file = argv[3];
      const std::string_view what = argv[1];
      if (what == "--measured-blocks") run_measured_blocks(server);
      if (what == "--recovery-blocks") run_recovery_blocks(server);
      if (what == "--cold-start-blocks") run_cold_start(server, argc > 4 ? argv[4] : "");
      return 0;
    }
    for (int i = 1; i < argc; ++i) {
      const std::string_view argument = argv[i];
      if (argument == "--quick") {
        quick = true;
      } else if (argument == "--json" && i + 1 < argc) {
        json_file = argv[++i];
      } else {
        return std::fputs("usage: tool_call [--quick] [--json FILE]\n", stderr), 2;
      }
    }
    return measure(quick, json_file);
  } catch (const std::exception& error) {
    return std::fprintf(stderr, "tool_call: %s\n", error.what()), 1;
  }
}
