// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/target.h"

#include <gtest/gtest.h>

#include "tests/unit/meshadm/in_process.h"

namespace kernmesh::adm {
namespace {

TEST(WithPort, adds_the_default_port_and_brackets) {
  EXPECT_EQ(*with_port("vpn.example"), "vpn.example:8443");
  EXPECT_EQ(*with_port("vpn.example:443"), "vpn.example:443");
  EXPECT_EQ(*with_port("fd00::1"), "[fd00::1]:8443");
  EXPECT_EQ(*with_port("[fd00::1]"), "[fd00::1]:8443");
  EXPECT_EQ(*with_port("[fd00::1]:1"), "[fd00::1]:1");
}

TEST(WithPort, refuses_what_is_no_address) {
  for (const char* text :
       {"", ":8443", "a:", "a:0", "a:65536", "a:http", "a:b:1", "https://a", "a b"}) {
    EXPECT_FALSE(with_port(text)) << text;
  }
}

TEST(ResolveTarget, takes_each_part_from_the_first_source_that_has_it) {
  Terminal terminal;
  terminal.environment["XDG_CONFIG_HOME"] = terminal.path("config");
  terminal.write("system.json", R"({"server": "system", "token": "ma-system"})");
  const auto resolve = [&](const TargetOptions& options) {
    return *resolve_target(options, terminal.surroundings());
  };
  EXPECT_EQ(resolve({}).server, "system:8443");
  EXPECT_EQ(resolve({}).token, "ma-system");
  terminal.write("config/kernmesh/config.json", R"({"server": "user"})");
  EXPECT_EQ(resolve({}).server, "user:8443");
  EXPECT_EQ(resolve({}).token, "ma-system");
  terminal.environment["KERNMESH_SERVER"] = "env:1";
  terminal.environment["KERNMESH_TOKEN"] = "ma-env";
  EXPECT_EQ(resolve({}).server, "env:1");
  EXPECT_EQ(resolve({}).token, "ma-env");
  EXPECT_EQ(resolve({"", "option", "ma-option", ""}).server, "option:8443");
  EXPECT_EQ(resolve({"", "option", "ma-option", ""}).token, "ma-option");
  EXPECT_EQ(resolve({"", "", "", terminal.write("file", "ma-file\n")}).token, "ma-file");
}

TEST(ResolveTarget, uses_the_token_of_a_server_on_this_machine_and_of_no_other) {
  Terminal terminal;
  terminal.write("admin.token", "ma-own\n");
  const auto own = resolve_target({}, terminal.surroundings());
  ASSERT_TRUE(own) << own.error().message();
  EXPECT_EQ(own->server, "localhost:8443");
  EXPECT_EQ(own->token, "ma-own");
  EXPECT_EQ(resolve_target({"", "127.0.0.1:9", "", ""}, terminal.surroundings())->token, "ma-own");
  const auto other = resolve_target({"", "vpn.example", "", ""}, terminal.surroundings());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), ErrorCode::kNotFound);
}

TEST(ResolveTarget, names_the_file_that_is_broken) {
  Terminal terminal;
  for (const char* text : {"{", "[]", R"({"sever": "a"})", R"({"server": 1})"}) {
    const std::string path = terminal.write("system.json", text);
    const auto target = resolve_target({}, terminal.surroundings());
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().code(), ErrorCode::kInvalid) << text;
    EXPECT_NE(target.error().message().find(path), std::string::npos) << target.error().message();
  }
}

}  // namespace
}  // namespace kernmesh::adm
