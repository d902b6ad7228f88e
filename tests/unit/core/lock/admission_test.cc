// SPDX-License-Identifier: Apache-2.0
// Who is taken in of a netmap, what a node remembers for that, and what a signer signs.
#include "controller/core/lock/admission.h"

#include <gtest/gtest.h>

#include <chrono>

#include "controller/core/lock/memory.h"
#include "controller/core/lock/signer.h"
#include "tests/unit/core/lock/lock_sample.h"

namespace kernmesh::lock {
namespace {

NodePublicKey wireguard_key(std::uint64_t number) {
  Bytes bytes;
  put_number(bytes, number + 1, 8);
  bytes.resize(32);
  return *NodePublicKey::from_bytes(bytes);
}

struct Member {
  Ed25519SecretKey machine;
  netmap::Peer peer;
  Claim claim() const { return {peer.machine_key, peer.node_key, peer.addresses}; }
  Endorsement endorsement() const { return *parse_endorsement(peer.endorsement); }
  void rotate_to(std::uint64_t number) {
    auto changed = endorsement();
    rotate(changed, wireguard_key(number), machine);
    peer.node_key = wireguard_key(number);
    peer.endorsement = encode(changed);
  }
};

const Chain& signers_chain() {
  static const Chain chain = sample_chain();
  return chain;
}

Member member(std::uint64_t id, std::uint8_t signer = 1) {
  SecretBytes<32> seed;
  Bytes number;
  put_number(number, id, 8);
  std::copy(number.begin(), number.end(), seed.mutable_bytes().begin());
  Member made;
  std::array<std::uint8_t, 32> public_key{};
  crypto_sign_seed_keypair(public_key.data(), made.machine.mutable_bytes().data(),
                           seed.bytes().data());
  made.peer.id = NodeId(id);
  made.peer.name = "n" + std::to_string(id);
  made.peer.machine_key = machine_public_key(made.machine);
  made.peer.node_key = wireguard_key(id);
  made.peer.addresses = {IpAddress::from_v4_number(0x64400000 + static_cast<std::uint32_t>(id))};
  made.peer.endorsement = encode(endorse(signers_chain(), made.claim(), 0, machine_of(signer)));
  return made;
}

netmap::Netmap map_of(const std::vector<Member>& members) {
  netmap::Netmap map;
  for (const auto& one : members) map.peers.emplace(one.peer.id, one.peer);
  return map;
}

std::string left_out_of(const Admission::Outcome& outcome) {
  std::string text;
  for (const auto& peer : outcome.left_out) text += peer.name + " ";
  return text;
}

// What a server in other hands could put into a netmap.
TEST(LockAdmission, takes_in_whom_a_signer_has_signed_and_nobody_else) {
  std::vector<Member> members{member(1), member(2), member(3), member(4), member(5, 9), member(6)};
  members[1].peer.endorsement.clear();
  members[2].peer.node_key = wireguard_key(99);
  members[3].peer.endorsement = members[0].peer.endorsement;
  members[5].peer.addresses.push_back(*IpAddress::parse("10.0.0.1"));
  auto map = map_of(members);
  Admission admission;
  const auto outcome = admission.sort(sample_chain(), {}, map);
  EXPECT_EQ(left_out_of(outcome), "n2 n3 n4 n5 n6 ");
  EXPECT_EQ(map.peers.size(), 1u);
  EXPECT_EQ(map.left_out.size(), 5u);
  EXPECT_NE(outcome.left_out[1].reason.find("another WireGuard key"), std::string::npos);
}

TEST(LockAdmission, key_that_was_rotated_away_does_not_come_back) {
  Member node = member(1);
  const Member before = node;
  node.rotate_to(50);
  Admission admission;
  auto map = map_of({node});
  auto outcome = admission.sort(sample_chain(), {}, map);
  EXPECT_EQ(left_out_of(outcome), "");
  ASSERT_EQ(outcome.risen.size(), 1u);
  EXPECT_EQ(outcome.risen.begin()->second, 1u);
  const Rotations seen = outcome.risen;
  map = map_of({before});
  outcome = admission.sort(sample_chain(), seen, map);
  EXPECT_EQ(left_out_of(outcome), "n1 ");
  map = map_of({node});
  outcome = admission.sort(sample_chain(), seen, map);
  EXPECT_EQ(left_out_of(outcome), "");
  EXPECT_TRUE(outcome.risen.empty());
}

// Signed anew by somebody who knows how far the node had come: its peers take it in.
TEST(LockAdmission, new_signature_counts_rotations_on) {
  Member node = member(1);
  node.rotate_to(50);
  node.rotate_to(51);
  const Rotations seen{{node.peer.machine_key, 2}};
  const auto signed_anew = [&](const Bytes& present, std::uint64_t known) {
    Member again = node;
    again.peer.endorsement =
        encode(endorse_next(sample_chain(), again.claim(), present, known, machine_of(2)));
    auto map = map_of({again});
    Admission admission;
    return left_out_of(admission.sort(sample_chain(), seen, map));
  };
  EXPECT_EQ(signed_anew(node.peer.endorsement, 0), "");
  EXPECT_EQ(signed_anew({}, 2), "");
  EXPECT_EQ(signed_anew({}, 0), "n1 ");
  auto forged = node.endorsement();
  forged.rotation->number = 900;
  EXPECT_EQ(base_for(forged, node.claim()), 0u);
}

TEST(LockAdmission, lock_that_has_ended_lets_everybody_in) {
  Chain chain = sample_chain();
  Member stranger = member(1);
  stranger.peer.endorsement.clear();
  auto map = map_of({stranger});
  Admission admission;
  EXPECT_EQ(left_out_of(admission.sort(chain, {}, map)), "n1 ");
  chain.disabled = true;
  EXPECT_EQ(left_out_of(admission.sort(chain, {}, map)), "");
  EXPECT_EQ(map.peers.size(), 1u);
}

TEST(LockAdmission, ends_with_the_signer_who_is_not_trusted_any_more) {
  Chain chain = sample_chain();
  auto map = map_of({member(1, 1), member(2, 2)});
  Admission admission;
  EXPECT_EQ(left_out_of(admission.sort(chain, {}, map)), "");
  ASSERT_TRUE(advance(chain, signed_by(change_of(chain, StatementKind::kDistrust, 1), {2, 3})));
  EXPECT_EQ(left_out_of(admission.sort(chain, {}, map)), "n1 ");
  EXPECT_EQ(admission.verifications(), 2u);
}

// 10,000 peers cost one verification each, and one that changed costs one.
TEST(LockAdmission, what_was_verified_is_not_verified_again) {
  using Clock = std::chrono::steady_clock;
  const auto ms_since = [](Clock::time_point began) {
    return std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  };
  constexpr std::uint64_t kPeers = 10'000;
  std::vector<Member> members;
  for (std::uint64_t id = 1; id <= kPeers; ++id) members.push_back(member(id));
  auto map = map_of(members);
  Admission admission;
  const Chain chain = sample_chain();
  auto began = Clock::now();
  EXPECT_EQ(left_out_of(admission.sort(chain, {}, map)), "");
  const double cold = ms_since(began);
  EXPECT_EQ(admission.verifications(), kPeers);
  members[7].rotate_to(kPeers + 1);
  map.peers[members[7].peer.id] = members[7].peer;
  began = Clock::now();
  EXPECT_EQ(left_out_of(admission.sort(chain, {}, map)), "");
  const double warm = ms_since(began);
  EXPECT_EQ(admission.verifications(), kPeers + 1);
  std::printf("      10,000 peers: %.0f ms cold, %.1f ms when one has changed\n", cold, warm);
}

Memory sample_memory() {
  Memory memory;
  memory.history = *read_history({encode(sample_init())});
  memory.rotations = {{name_of(50), 3}, {name_of(51), 1}};
  memory.own = member(1).peer.endorsement;
  return memory;
}

TEST(LockMemory, is_read_as_it_was_written) {
  const Memory memory = sample_memory();
  const auto read = parse_memory(encode(memory));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(*read->history.chain, *memory.history.chain);
  EXPECT_EQ(read->rotations, memory.rotations);
  EXPECT_EQ(read->own, memory.own);
  EXPECT_TRUE(parse_memory(encode(Memory())));
}

TEST(LockMemory, that_was_cut_or_altered_is_refused) {
  auto bytes = encode(sample_memory());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_memory(std::span(bytes).first(size))) << size;
  }
  bytes.push_back(0);
  EXPECT_FALSE(parse_memory(bytes));
  bytes.pop_back();
  bytes[200] ^= 1;  // in the first statement
  EXPECT_FALSE(parse_memory(bytes));
}

TEST(LockSigner, signs_what_comes_next_and_is_its_to_sign) {
  const History held = *read_history({encode(sample_init())});
  const auto trust = change_of(*held.chain, StatementKind::kTrust, 4);
  const auto signed_once = sign_statement(held, trust, machine_of(2));
  ASSERT_TRUE(signed_once) << signed_once.error().message();
  EXPECT_EQ(*signatures_lacking(held, *signed_once), 1u);
  EXPECT_EQ(sign_statement(held, trust, machine_of(9)).error().code(),
            ErrorCode::kPermissionDenied);
  auto later = trust;
  later.number = 5;
  EXPECT_EQ(sign_statement(held, later, machine_of(2)).error().code(), ErrorCode::kConflict);
  auto end = next_statement(*held.chain, StatementKind::kDisable);
  end.secret = secret_of(100);
  EXPECT_EQ(sign_statement(held, end, machine_of(2)).error().code(), ErrorCode::kInvalid);
  Statement init = sample_init();
  init.signatures.clear();
  EXPECT_TRUE(sign_statement({}, init, machine_of(3)));
  EXPECT_FALSE(sign_statement({}, init, machine_of(9)));
  EXPECT_FALSE(sign_statement(held, init, machine_of(3)));
}

TEST(LockSigner, endorses_only_for_a_lock_of_which_it_is_a_signer) {
  const History held = *read_history({encode(sample_init())});
  EXPECT_TRUE(chain_to_endorse(held, std::nullopt, name_of(1)));
  EXPECT_FALSE(chain_to_endorse(held, std::nullopt, name_of(9)));
  EXPECT_FALSE(chain_to_endorse({}, std::nullopt, name_of(1)));
  Statement init = sample_init();
  init.signatures.clear();
  const auto chain = chain_to_endorse({}, init, name_of(1));
  ASSERT_TRUE(chain);
  EXPECT_EQ(chain->lock, held.chain->lock);
}

TEST(LockFingerprint, differs_with_everything_that_is_signed) {
  const Member node = member(1);
  const std::string shown = fingerprint(node.claim());
  EXPECT_EQ(shown.size(), 39u) << shown;
  const NodePublicKey key = wireguard_key(2);
  EXPECT_NE(fingerprint({node.peer.machine_key, key, node.peer.addresses}), shown);
  EXPECT_NE(fingerprint({name_of(9), node.peer.node_key, node.peer.addresses}), shown);
  EXPECT_NE(fingerprint({node.peer.machine_key, node.peer.node_key, {}}), shown);
}

}  // namespace
}  // namespace kernmesh::lock
