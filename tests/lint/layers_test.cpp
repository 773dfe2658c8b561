// SPDX-License-Identifier: MIT
#include "layers.hpp"

#include "source_files.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>
#include <vector>

namespace {

using complaints = std::vector<std::string>;

TEST_CASE("include/mcp keeps to its layers") {
  lint::header_texts headers;
  for (const auto& path : lint::cpp_files({"include/mcp"})) {
    headers[path.lexically_relative("include/mcp").generic_string()] = lint::read_file(path);
  }
  REQUIRE(headers.contains("base/result.hpp"));
  const auto found = lint::layer_complaints(headers);
  INFO(lint::lines(found));
  CHECK(found.empty());
}

TEST_CASE("the layer check finds what it looks for") {
  struct sample {
    lint::header_texts headers;
    complaints expected;
  };
  const std::vector<sample> samples{
      {{{"base/a.hpp", "#include <string>\n"},
        {"net/b.hpp", "#include <mcp/base/a.hpp>\n#include <asio/ip/tcp.hpp>\n#include <openssl/ssl.h>\n"},
        {"mcp.hpp", "#include <mcp/net/b.hpp>\n#include <simdjson.h>\n"}},
       {}},
      {{{"base/a.hpp", "#include <mcp/net/b.hpp>\n"}, {"net/b.hpp", ""}},
       {"base/a.hpp includes mcp/net/b.hpp: its layer must not"}},
      {{{"base/a.hpp", "#include <mcp/c.hpp>\n"}, {"c.hpp", ""}},
       {"base/a.hpp includes mcp/c.hpp: its layer must not"}},
      {{{"session/s.hpp", "# include <mcp/auth/a.hpp>\n"}, {"auth/a.hpp", ""}},
       {"session/s.hpp includes mcp/auth/a.hpp: its layer must not"}},
      {{{"rpc/a.hpp", "#include <simdjson.h>\n"}}, {"rpc/a.hpp includes simdjson.h: its layer must not"}},
      {{{"http/a.hpp", "#include <openssl/ssl.h>\n"}},
       {"http/a.hpp includes openssl/ssl.h: its layer must not"}},
      {{{"base/a.hpp", "#include <asio/version.hpp>\n#include <asio/post.hpp>\n"}},
       {"base/a.hpp includes asio/post.hpp: its layer must not"}},
      {{{"store/a.hpp", "#include <libsecret/secret.h>\n"},
        {"store/secret_service_key_ring.hpp", "#include <libsecret/secret.h>\n"}},
       {"store/a.hpp includes libsecret/secret.h: its layer must not"}},
      {{{"base/a.hpp", "#include <mcp/base/gone.hpp>\n"}},
       {"base/a.hpp includes mcp/base/gone.hpp: there is no such file"}},
      {{{"base/a.hpp", "#include \"b.hpp\"\n"}}, {"base/a.hpp includes \"b.hpp\": write it as <mcp/...>"}},
      {{{"misc/a.hpp", ""}}, {"misc/a.hpp: its folder is no layer"}},
      {{{"net/a.hpp", "#include <mcp/net/b.hpp>\n"},
        {"net/b.hpp", "#include <mcp/net/c.hpp>\n"},
        {"net/c.hpp", "#include <mcp/net/a.hpp>\n"}},
       {"cycle: net/a.hpp -> net/b.hpp -> net/c.hpp -> net/a.hpp"}},
  };
  for (const auto& [headers, expected] : samples) CHECK(lint::layer_complaints(headers) == expected);
}

}  // namespace
