// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/endorsement.h"

#include <gtest/gtest.h>

#include "tests/unit/core/lock/lock_sample.h"

namespace kernmesh::lock {
namespace {

NodePublicKey node_key(std::uint8_t number) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(number);
  return NodePublicKey(bytes);
}

// Node 50 as the server shows it.
struct ShownNode {
  MachinePublicKey machine = name_of(50);
  NodePublicKey key = node_key(1);
  std::vector<IpAddress> addresses{*IpAddress::parse("100.64.0.7"), *IpAddress::parse("fd00::7")};
  Claim claim() const { return {machine, key, addresses}; }
};

std::string verdict(const Chain& chain, const Endorsement& endorsement, const ShownNode& node,
                    std::uint64_t least_rotation = 0) {
  const auto status = check_endorsement(chain, endorsement, node.claim(), least_rotation);
  return status ? "member" : status.error().message();
}

TEST(LockEndorsement, lets_in_the_node_that_was_endorsed) {
  const Chain chain = sample_chain();
  const ShownNode node;
  EXPECT_EQ(verdict(chain, endorse(chain, node.claim(), 0, machine_of(2)), node), "member");
}

// What a server in other hands could try.
TEST(LockEndorsement, lets_nobody_else_in) {
  const Chain chain = sample_chain();
  const ShownNode node;
  const auto good = endorse(chain, node.claim(), 0, machine_of(2));
  ShownNode other = node;
  other.machine = name_of(51);
  EXPECT_NE(verdict(chain, good, other), "member");
  other = node;
  other.key = node_key(2);
  EXPECT_NE(verdict(chain, good, other), "member");
  other = node;
  other.addresses[0] = *IpAddress::parse("100.64.0.8");
  EXPECT_NE(verdict(chain, good, other), "member");
  other = node;
  other.addresses.pop_back();
  EXPECT_NE(verdict(chain, good, other), "member");
  EXPECT_NE(verdict(chain, endorse(chain, node.claim(), 0, machine_of(9)), node), "member");
  Statement init = sample_init();
  init.quorum = 1;
  init.signatures.clear();
  const Chain another = *begin_chain(signed_by(init, {1, 2, 3}));
  EXPECT_NE(verdict(another, good, node), "member");
}

TEST(LockEndorsement, falls_with_its_signer_and_stands_again_by_another) {
  Chain chain = sample_chain();
  const ShownNode node;
  const auto old = endorse(chain, node.claim(), 0, machine_of(1));
  ASSERT_TRUE(advance(chain, signed_by(change_of(chain, StatementKind::kDistrust, 1), {2, 3})));
  EXPECT_NE(verdict(chain, old, node).find("not trusted"), std::string::npos);
  EXPECT_EQ(verdict(chain, endorse(chain, node.claim(), 0, machine_of(3)), node), "member");
}

TEST(LockEndorsement, is_not_asked_for_when_the_lock_has_ended) {
  Chain chain = sample_chain();
  auto end = next_statement(chain, StatementKind::kDisable);
  end.secret = secret_of(101);
  ASSERT_TRUE(advance(chain, end));
  EXPECT_EQ(verdict(chain, Endorsement{}, ShownNode{}), "member");
}

TEST(LockEndorsement, node_rotates_its_key_by_itself) {
  const Chain chain = sample_chain();
  ShownNode node;
  auto endorsement = endorse(chain, node.claim(), 0, machine_of(2));
  for (std::uint8_t turn = 1; turn <= 3; ++turn) {
    node.key = node_key(static_cast<std::uint8_t>(turn + 10));
    rotate(endorsement, node.key, machine_of(50));
    EXPECT_EQ(endorsement.rotation->number, turn);
    EXPECT_EQ(verdict(chain, endorsement, node, turn), "member");
  }
}

TEST(LockEndorsement, rotation_is_the_nodes_own_and_goes_one_way) {
  const Chain chain = sample_chain();
  ShownNode node;
  const auto endorsed = endorse(chain, node.claim(), 0, machine_of(2));
  auto forged = endorsed;
  node.key = node_key(11);
  rotate(forged, node.key, machine_of(51));
  EXPECT_NE(verdict(chain, forged, node).find("not signed by the node"), std::string::npos);
  auto first = endorsed;
  rotate(first, node.key, machine_of(50));
  EXPECT_NE(verdict(chain, first, node, 2).find("was replaced in rotation 2"), std::string::npos);
  EXPECT_NE(verdict(chain, endorsed, ShownNode{}, 1), "member");
  // A rotation stands on its endorsement, and on no other one of the same node.
  const ShownNode moved{node.machine, node_key(1), {*IpAddress::parse("100.64.0.9")}};
  auto grafted = endorse(chain, moved.claim(), 0, machine_of(2));
  grafted.rotation = first.rotation;
  EXPECT_NE(verdict(chain, grafted, {moved.machine, node_key(11), moved.addresses}), "member");
}

TEST(LockEndorsement, bytes_say_what_was_endorsed) {
  const Chain chain = sample_chain();
  auto endorsement = endorse(chain, ShownNode{}.claim(), 0, machine_of(2));
  for (int turn = 0; turn < 2; ++turn) {
    auto bytes = encode(endorsement);
    const auto read = parse_endorsement(bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(*read == endorsement);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(parse_endorsement(std::span(bytes).first(size))) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(parse_endorsement(bytes));
    rotate(endorsement, node_key(9), machine_of(50));
  }
}

TEST(LockEndorsement, every_flipped_bit_is_noticed) {
  const Chain chain = sample_chain();
  ShownNode node;
  auto endorsement = endorse(chain, node.claim(), 0, machine_of(2));
  node.key = node_key(9);
  rotate(endorsement, node.key, machine_of(50));
  const auto bytes = encode(endorsement);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto read = parse_endorsement(flipped);
    EXPECT_NE(read ? verdict(chain, *read, node) : "no endorsement", "member") << "bit " << bit;
  }
}

}  // namespace
}  // namespace kernmesh::lock
