// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/handshake_keeper.h"

#include <gtest/gtest.h>

#include <set>

#include "controller/agent/key_rotation.h"
#include "controller/core/reconcile/desired.h"

namespace kernmesh::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MonoTime kNow{std::chrono::hours(1)};
constexpr NodeId kByUdp{7}, kByTls{8};
const Bytes kInitiationBytes(148, 1);

class HandshakeKeeperTest : public testing::Test {
 protected:
  HandshakeKeeper::Surroundings surroundings() {
    HandshakeKeeper::Surroundings around;
    around.read = [this]() -> Result<std::vector<bpf::OwnHandshake>> {
      return std::exchange(made_, {});
    };
    around.ways_of = [this](NodeId peer) {
      return has_way_ ? std::vector{path::Way(Endpoint{{}, Port(peer.value())})}
                      : std::vector<path::Way>();
    };
    around.is_bridged = [](NodeId peer) { return peer == kByTls; };
    around.last_heard = [](NodeId) { return std::nullopt; };
    around.note_begun = [this](MonoTime, NodeId peer, HandshakeKeeper::Message) {
      begun_.insert(peer);
    };
    around.forget_begun = [this](NodeId peer) { begun_.erase(peer); };
    return around;
  }
  HandshakeKeeper::Events events() {
    return {[this](NodeId peer) { wanted_.insert(peer); },
            [this](const path::Way&, HandshakeKeeper::Message) { ++sent_; }};
  }
  // WireGuard's initiation, which a program has sent, and noted.
  void begin_by_udp(NodeId peer) {
    begun_.insert(peer);
    made_.push_back({reconcile::synthetic_address(peer), kNow, kInitiationBytes, true});
  }

  std::vector<bpf::OwnHandshake> made_;
  bool has_way_ = true;
  std::set<NodeId> begun_, wanted_;
  int sent_ = 0;
  HandshakeKeeper keeper_{surroundings(), events()};
};

TEST_F(HandshakeKeeperTest, what_is_begun_stands_but_not_with_a_new_key) {
  for (const auto peer : {kByUdp, kByTls}) begin_by_udp(peer);
  keeper_.on_bridged(kNow, kByTls, kInitiationBytes);
  keeper_.take(kNow);
  EXPECT_EQ(begun_, (std::set{kByUdp, kByTls}));
  keeper_.on_new_key(kNow);
  for (const auto peer : {kByUdp, kByTls}) begin_by_udp(peer);
  keeper_.take(kNow);
  EXPECT_TRUE(begun_.empty()) << "a peer whose packets take a stream by now, too";
}

// Whichever comes first, the word of the program or the packet.
TEST_F(HandshakeKeeperTest, what_leaves_by_a_stream_with_a_new_key_is_never_noted) {
  keeper_.on_new_key(kNow);
  made_.push_back({reconcile::synthetic_address(kByTls), kNow, kInitiationBytes, false});
  keeper_.take(kNow);
  keeper_.on_bridged(kNow + milliseconds(1), kByTls, kInitiationBytes);
  EXPECT_TRUE(begun_.empty());
  keeper_.on_bridged(kNow + kRotationPatience, kByTls, kInitiationBytes);
  EXPECT_EQ(begun_, std::set{kByTls}) << "the peers know the key by then";
  EXPECT_TRUE(wanted_.empty()) << "it has left";
}

TEST_F(HandshakeKeeperTest, what_was_held_is_not_noted_with_a_new_key_either) {
  has_way_ = false;
  made_.push_back({reconcile::synthetic_address(kByUdp), kNow, kInitiationBytes, false});
  keeper_.take(kNow);
  EXPECT_EQ(wanted_, std::set{kByUdp});
  keeper_.on_new_key(kNow);
  has_way_ = true;
  keeper_.on_path(kNow, kByUdp);
  keeper_.settle(kNow);
  EXPECT_EQ(sent_, 1);
  EXPECT_TRUE(begun_.empty());
}

TEST_F(HandshakeKeeperTest, a_copy_waits_for_the_next_way_when_its_own_is_gone) {
  has_way_ = false;
  made_.push_back({reconcile::synthetic_address(kByUdp), kNow, kInitiationBytes, false});
  keeper_.take(kNow);
  keeper_.on_path(kNow, kByUdp);
  keeper_.settle(kNow);
  EXPECT_EQ(sent_, 0);
  EXPECT_TRUE(begun_.empty());
  has_way_ = true;
  keeper_.on_path(kNow + seconds(1), kByUdp);
  keeper_.settle(kNow + seconds(1));
  EXPECT_EQ(sent_, 1);
  EXPECT_EQ(begun_, std::set{kByUdp}) << "the first that left is noted";
}

}  // namespace
}  // namespace kernmesh::agent
