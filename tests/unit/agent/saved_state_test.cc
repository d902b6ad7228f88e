// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/saved_state.h"

#include <gtest/gtest.h>
#include <sodium.h>
#include <sys/stat.h>

#include <filesystem>

#include "controller/agent/file.h"
#include "controller/agent/identity.h"
#include "tests/unit/agent/alphas_map.h"

namespace kernmesh::agent {
namespace {

class StateDir : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GE(sodium_init(), 0);
    char name[] = "/tmp/kernmesh-state.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  std::string path_;
};

topology::CaFingerprint ca_of(std::uint8_t fill) {
  topology::CaFingerprint ca;
  ca.fill(fill);
  return ca;
}

netmap::Netmap sample() {
  netmap::Netmap map = alphas_map({Epoch(3), Revision(77)});
  netmap::Peer peer;
  peer.id = NodeId(2);
  peer.name = "beta";
  peer.user_id = UserId(1);
  peer.user_name = "ada";
  peer.machine_key = MachinePublicKey({1});
  peer.node_key = NodePublicKey({2});
  peer.disco_key = DiscoPublicKey({3});
  peer.addresses = {*IpAddress::parse("100.64.0.2")};
  peer.endpoints = {*Endpoint::parse("192.0.2.1:4500")};
  map.peers.emplace(peer.id, peer);
  map.rules[RuleId(1)].id = RuleId(1);
  map.sets[netmap::SetId(4)] = {netmap::SetId(4), {NodeId(2)}, {}};
  return map;
}

TEST_F(StateDir, netmap_comes_back_as_it_was_stored) {
  EXPECT_FALSE(load_netmap(path_, ca_of(1))->has_value());
  ASSERT_TRUE(save_netmap(path_, ca_of(1), sample()));
  const auto loaded = load_netmap(path_, ca_of(1));
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ(**loaded, sample());
}

TEST_F(StateDir, netmap_of_another_authority_is_not_taken) {
  ASSERT_TRUE(save_netmap(path_, ca_of(1), sample()));
  const auto loaded = load_netmap(path_, ca_of(2));
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->has_value());
}

TEST_F(StateDir, netmap_that_was_cut_or_altered_anywhere_is_refused) {
  ASSERT_TRUE(save_netmap(path_, ca_of(1), sample()));
  const std::string whole = **read_file(path_ + "/netmap", 1 << 20);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    ASSERT_TRUE(replace_file(path_ + "/netmap", whole.substr(0, i)));
    const auto cut = load_netmap(path_, ca_of(1));
    EXPECT_TRUE(!cut || !cut->has_value()) << "cut at " << i;
    std::string bad = whole;
    bad[i] = static_cast<char>(bad[i] ^ 0x10);
    ASSERT_TRUE(replace_file(path_ + "/netmap", bad));
    const auto altered = load_netmap(path_, ca_of(1));
    EXPECT_TRUE(!altered || !altered->has_value()) << "altered at " << i;
  }
}

TEST_F(StateDir, settings_come_back_and_nonsense_is_refused) {
  Settings settings;
  settings.server = "mesh.example:8443";
  settings.ca_pem = "PEM\n";
  settings.hostname = "alpha";
  settings.wanted = Wanted::kUp;
  settings.public_port = Port(41000);
  ASSERT_TRUE(save_settings(path_, settings));
  const auto loaded = load_settings(path_);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->server, settings.server);
  EXPECT_EQ(loaded->ca_pem, settings.ca_pem);
  EXPECT_EQ(loaded->hostname, settings.hostname);
  EXPECT_EQ(loaded->wanted, Wanted::kUp);
  EXPECT_EQ(loaded->public_port, Port(41000));
  for (const char* bad : {"", "{", "[]", "null", "\x80"}) {
    ASSERT_TRUE(replace_file(path_ + "/settings.json", bad));
    EXPECT_FALSE(load_settings(path_)) << bad;
  }
}

TEST_F(StateDir, keys_are_made_once_and_kept_from_others) {
  const auto first = load_or_create_identity(path_);
  ASSERT_TRUE(first) << first.error().message();
  const auto second = load_or_create_identity(path_);
  ASSERT_TRUE(second);
  EXPECT_TRUE(first->machine == second->machine);
  EXPECT_TRUE(first->node == second->node);
  EXPECT_TRUE(first->disco == second->disco);
  for (const char* file : {"/machine.key", "/node.key", "/disco.key"}) {
    struct stat info;
    ASSERT_EQ(stat((path_ + file).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(StateDir, a_key_file_of_another_size_is_refused_and_left_alone) {
  ASSERT_TRUE(load_or_create_identity(path_));
  ASSERT_TRUE(replace_file(path_ + "/machine.key", "short"));
  const auto loaded = load_or_create_identity(path_);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(**read_file(path_ + "/machine.key", 100), "short");
}

TEST_F(StateDir, serves_one_agent_at_a_time_and_is_closed_to_others) {
  chmod(path_.c_str(), 0755);
  const auto lock = prepare_state_dir(path_);
  ASSERT_TRUE(lock) << lock.error().message();
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  const auto second = prepare_state_dir(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(StateDir, a_file_that_cannot_be_written_keeps_its_old_content) {
  ASSERT_TRUE(replace_file(path_ + "/x", "old"));
  ASSERT_EQ(mkdir((path_ + "/x.new").c_str(), 0700), 0);  // the temporary name is taken
  EXPECT_FALSE(replace_file(path_ + "/x", "new"));
  EXPECT_EQ(**read_file(path_ + "/x", 100), "old");
}

}  // namespace
}  // namespace kernmesh::agent
