// SPDX-License-Identifier: Apache-2.0
// Whom a relay lets in: the server's word, which outlives the relay's process, and a signal's.
#include "controller/relay/admission.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/unit/core/relay/relay_world.h"

namespace kernmesh::relay {
namespace {

const Ed25519SecretKey kNamed = signing_key(43);  // no other network of the relay's has it
const std::vector<TicketPublicKey> kTicketKeys = {ticket_public_key(kNamed)};

class RelayAdmission : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(folder_);
    files_ = std::make_unique<StateDir>(StateDir::open(folder_).value());
    start();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The relay's next run, before it has heard of the server.
  void start() {
    world_ = std::make_unique<World>();
    admission_ = std::make_unique<Admission>(*files_, world_->table,
                                             std::vector{ticket_public_key(kServer)});
    admission_->load();
  }
  void settle() { world_->apply(admission_->settle(world_->now)); }
  void obey(const rpc::RelayOrders& orders) {
    world_->apply(admission_->obey(orders, world_->now));
  }
  bool drains() const { return world_->table.is_draining(); }
  bool lets_in(std::uint8_t number, const Ed25519SecretKey& server) {
    Peer peer(*world_, number, "192.0.2.9:4000", 8, server);
    peer.fetch_cookie();
    const auto answers = peer.send(peer.request(Bind{peer.ticket}));
    return answers.size() == 1 && std::holds_alternative<Bound>(answers[0].word);
  }

  const std::string folder_ = testing::TempDir() + "/relay-admission-" + std::to_string(getpid());
  std::unique_ptr<StateDir> files_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Admission> admission_;
};

TEST_F(RelayAdmission, without_a_word_of_the_server_only_own_tickets_are_good) {
  settle();
  EXPECT_FALSE(drains());
  EXPECT_TRUE(lets_in(1, kServer));
  EXPECT_FALSE(lets_in(2, kNamed));
  obey({kTicketKeys, false});
  EXPECT_TRUE(lets_in(2, kNamed));
}

TEST_F(RelayAdmission, tickets_of_the_server_are_good_over_a_restart) {
  obey({kTicketKeys, false});
  start();
  settle();
  EXPECT_TRUE(lets_in(1, kServer));
  EXPECT_TRUE(lets_in(2, kNamed));
}

TEST_F(RelayAdmission, the_server_s_drain_holds_over_a_restart_without_it) {
  obey({kTicketKeys, true});
  EXPECT_TRUE(drains());
  start();
  settle();
  EXPECT_TRUE(drains());
  EXPECT_FALSE(lets_in(1, kServer));
  obey({kTicketKeys, false});
  EXPECT_FALSE(drains());
  start();
  settle();
  EXPECT_FALSE(drains());
  EXPECT_TRUE(lets_in(1, kServer));
}

TEST_F(RelayAdmission, who_is_restored_hears_of_the_drain) {
  Peer peer(*world_, 1, kA);
  peer.bind();
  const auto saved = world_->table.save();
  obey({kTicketKeys, true});
  start();
  world_->table.restore(saved, world_->now);
  const auto commands = admission_->settle(world_->now);
  ASSERT_EQ(commands.send.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<Draining>(peer.read(commands.send[0])->word));
}

TEST_F(RelayAdmission, the_server_does_not_end_what_a_signal_began) {
  obey({{}, false});
  world_->apply(admission_->drain_by_hand(world_->now));
  obey({kTicketKeys, false});
  EXPECT_TRUE(drains()) << "other tickets";
  obey({kTicketKeys, true});
  obey({kTicketKeys, false});
  EXPECT_TRUE(drains()) << "its own drain ended";
  start();
  settle();
  EXPECT_FALSE(drains()) << "a restart ends it";
}

}  // namespace
}  // namespace kernmesh::relay
