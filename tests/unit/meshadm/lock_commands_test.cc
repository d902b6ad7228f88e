// SPDX-License-Identifier: Apache-2.0
// `meshadm lock` against a real server, with signers whose keys lie in files.
#include <gtest/gtest.h>
#include <sodium.h>

#include <filesystem>
#include <fstream>

#include "controller/core/lock/admission.h"
#include "controller/rpc/coordination_client.h"
#include "controller/rpc/pinned_ca.h"
#include "controller/server/server.h"
#include "tests/unit/meshadm/in_process.h"

namespace kernmesh::adm {
namespace {

struct Machine {
  Machine() {
    std::array<std::uint8_t, 32> public_key{};
    crypto_sign_keypair(public_key.data(), machine.mutable_bytes().data());
    randombytes_buf(node.mutable_bytes().data(), 32);
    randombytes_buf(disco.mutable_bytes().data(), 32);
  }
  Ed25519SecretKey machine;
  X25519SecretKey node;
  X25519SecretKey disco;
};

class LockCommands : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    server::ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.http_listen = "";
    options.state_dir = terminal.path("state");
    std::filesystem::create_directory(options.state_dir);
    std::filesystem::permissions(options.state_dir, std::filesystem::perms::owner_all);
    auto started = server::start_server(options, server::system_now);
    ASSERT_TRUE(started) << started.error().message();
    server_ = std::move(*started);
    address_ = "127.0.0.1:" + std::to_string(server_->port());
    terminal.environment["KERNMESH_SERVER"] = address_;
    std::ifstream(options.state_dir + "/admin.token") >> terminal.environment["KERNMESH_TOKEN"];
    run({"user", "create", "ann"});
    join("web-1");
    join("web-2");
    own_ = keygen("own.key");
  }

  // Succeeds, or the test fails; the answer.
  Json run(std::vector<std::string> words, const std::string& input = "") {
    words.emplace_back("--json");
    const int status = terminal.run(words, input);
    EXPECT_EQ(status, 0) << words[0] << " " << words[1] << ": " << terminal.err.str();
    return status == 0 ? terminal.json() : Json();
  }
  // Fails, and says that.
  void refused(std::vector<std::string> words, const std::string& why) {
    words.emplace_back("--json");
    ASSERT_EQ(terminal.run(words), 1) << terminal.out.str();
    EXPECT_NE(terminal.err.str().find(why), std::string::npos) << terminal.err.str();
  }
  void join(const std::string& name) {
    const auto key = run({"key", "create", "--user", "ann"})["secret"].get<std::string>();
    const auto pem = rpc::fetch_ca_pem(address_, server_->fingerprint(), std::chrono::seconds(5));
    ASSERT_TRUE(pem);
    rpc::CoordinationClient client(address_, *pem, server_->fingerprint());
    const Machine machine;
    const auto session = client.register_node({machine.machine, node_public_key(machine.node),
                                               disco_public_key(machine.disco), key, name});
    ASSERT_TRUE(session) << session.error().message();
  }
  std::string keygen(const std::string& name) {
    return run({"lock", "keygen", terminal.path(name)})["key"];
  }
  // As the signer whose key is in that file.
  std::vector<std::string> by(const std::string& name, std::vector<std::string> words) const {
    words.insert(words.begin(), "lock");
    words.insert(words.end(), {"--signing-key", terminal.path(name)});
    return words;
  }
  Json server_status() { return run({"lock", "status"})["server"]; }

  Terminal terminal;
  std::unique_ptr<server::Server> server_;
  std::string address_;
  std::string own_;
};

TEST_F(LockCommands, init_signs_every_node_and_prints_the_secrets_once) {
  const auto made = run(by("own.key", {"init", "--secrets", "2"}));
  EXPECT_EQ(made["statement"]["state"], "in force");
  EXPECT_EQ(made["signed_nodes"].size(), 2u);
  EXPECT_EQ(made["secrets"].size(), 2u);
  const auto status = server_status();
  EXPECT_EQ(status["state"], "in force");
  EXPECT_EQ(status["signers"][0]["key"], own_);
  EXPECT_TRUE(status["unsigned"].empty());
  EXPECT_EQ(terminal.out.str().find(made["secrets"][0].get<std::string>()), std::string::npos);
  refused(by("own.key", {"init"}), "locked already");
}

TEST_F(LockCommands, person_sees_fingerprints_and_secrets_and_is_asked) {
  terminal.in_is_tty = true;
  const auto words = by("own.key", {"init"});
  EXPECT_EQ(terminal.run(words, "n\n"), 1);
  EXPECT_NE(terminal.err.str().find("Lock the network with these signers"), std::string::npos);
  EXPECT_NE(terminal.out.str().find("FINGERPRINT"), std::string::npos);
  EXPECT_EQ(terminal.out.str().find("ld-"), std::string::npos);
  ASSERT_EQ(terminal.run(words, "y\n"), 0) << terminal.err.str();
  EXPECT_NE(terminal.out.str().find("  ld-"), std::string::npos) << terminal.out.str();
  EXPECT_NE(terminal.out.str().find("In force: a lock with"), std::string::npos);
}

TEST_F(LockCommands, newcomer_is_named_until_it_is_signed) {
  run(by("own.key", {"init"}));
  join("web-3");
  EXPECT_EQ(server_status()["unsigned"][0]["name"], "web-3");
  ASSERT_EQ(terminal.run({"node", "list"}), 0);
  EXPECT_NE(terminal.out.str().find("! The network lock keeps web-3 out"), std::string::npos);
  EXPECT_EQ(run(by("own.key", {"sign", "web-3"}))["signed_nodes"][0], "web-3");
  EXPECT_TRUE(server_status()["unsigned"].empty());
  join("web-4");
  EXPECT_EQ(run(by("own.key", {"sign", "--all"}))["signed_nodes"].size(), 1u);
  EXPECT_TRUE(run(by("own.key", {"sign", "--all"}))["signed_nodes"].empty());
  keygen("stranger.key");
  refused(by("stranger.key", {"sign", "web-4"}), "is not trusted to sign");
  refused(by("own.key", {"sign", "web-9"}), "no node \\\"web-9\\\"");
}

TEST_F(LockCommands, several_signers_each_sign_what_is_proposed) {
  const auto second = keygen("second.key"), third = keygen("third.key");
  const auto made =
      run(by("own.key", {"init", "--signer", second, "--signer", third, "--quorum", "2"}));
  EXPECT_EQ(made["statement"]["state"], "proposed");
  EXPECT_EQ(made["statement"]["lacks"], "2 more signatures");
  refused(by("own.key", {"init"}), "a lock is proposed already");
  join("web-3");  // while it is being signed
  auto signed_by = run(by("second.key", {"sign"}));
  EXPECT_EQ(signed_by["statements"][0]["signed_nodes"][0], "web-3");
  signed_by = run(by("third.key", {"sign"}));
  EXPECT_EQ(signed_by["statements"][0]["statement"]["state"], "in force");
  const auto fourth = keygen("fourth.key");
  const auto added = run(by("own.key", {"add", fourth}));
  EXPECT_EQ(added["statement"]["lacks"], "1 more signature");
  EXPECT_EQ(server_status()["proposals"][0]["kind"], "trust");
  EXPECT_EQ(run(by("third.key", {"sign"}))["statements"][0]["statement"]["state"], "in force");
  EXPECT_TRUE(run(by("second.key", {"sign"}))["statements"].empty());
  EXPECT_EQ(server_status()["signers"].size(), 4u);
}

TEST_F(LockCommands, signer_is_revoked_when_another_has_signed_its_nodes) {
  run(by("own.key", {"init"}));
  const auto second = keygen("second.key");
  run(by("own.key", {"add", second}));
  refused(by("second.key", {"revoke", own_}), "web-1, web-2");
  refused(by("own.key", {"revoke", own_, "--resign"}), "run this there");
  const auto gone = run(by("second.key", {"revoke", own_, "--resign"}));
  EXPECT_EQ(gone["statement"]["state"], "in force");
  EXPECT_EQ(gone["signed_nodes"].size(), 2u);
  EXPECT_TRUE(server_status()["unsigned"].empty());
  refused(by("own.key", {"sign", "web-1"}), "is not trusted to sign");
}

TEST_F(LockCommands, secret_ends_the_lock) {
  const auto secrets = run(by("own.key", {"init"}))["secrets"];
  refused({"lock", "disable", "--secret", "ld-" + std::string(64, '0')}, "none of this lock");
  refused({"lock", "disable", "--secret", "letmein"}, "64 hexadecimal digits");
  EXPECT_EQ(terminal.run({"lock", "disable"}), 2);
  EXPECT_EQ(terminal.run({"lock", "disable", "--secret", "ld-", "--secret-file", "-"}), 2);
  const auto ended =
      run({"lock", "disable", "--secret-file", "-"}, secrets[2].get<std::string>() + "\n");
  EXPECT_EQ(ended["statement"]["kind"], "disable");
  EXPECT_EQ(server_status()["state"], "ended");
  EXPECT_EQ(run(by("own.key", {"init"}))["statement"]["state"], "in force");
}

TEST_F(LockCommands, proposal_is_withdrawn) {
  run(by("own.key", {"init", "--signer", keygen("second.key")}));
  run({"lock", "withdraw"});
  EXPECT_TRUE(server_status()["proposals"].empty());
  refused({"lock", "withdraw"}, "0 proposals fit");
}

TEST_F(LockCommands, signing_key_is_made_once_and_read_strictly) {
  refused({"lock", "keygen", terminal.path("own.key")}, "File exists");
  EXPECT_EQ(std::filesystem::status(terminal.path("own.key")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  terminal.write("bad.key", "ls-12");
  refused(by("bad.key", {"init"}), "is no signing key");
  refused(by("none.key", {"init"}), "No such file");
  refused(by("own.key", {"init", "--quorum", "2"}), "a quorum of 2 of 1 signers");
}

TEST_F(LockCommands, status_of_an_open_network_says_so) {
  EXPECT_EQ(server_status()["state"], "none");
  EXPECT_TRUE(run({"lock", "status"})["here"].is_null());
  refused(by("own.key", {"sign", "web-1"}), "the network is not locked");
  refused(by("own.key", {"add", "web-1"}), "the network is not locked");
}

}  // namespace
}  // namespace kernmesh::adm
