// SPDX-License-Identifier: Apache-2.0
// Random policies over random networks: the compiled image, the slice that it was made of and the
// oracle say the same of packets, and an image changed in place says what a new one would.
#include <gtest/gtest.h>

#include <iostream>

#include "controller/core/maplayout/peer_change.h"
#include "tests/oracle/policy_oracle.h"
#include "tests/oracle/random_property.h"
#include "tests/unit/core/maplayout/random_slice.h"

namespace kernmesh::maplayout {
namespace {

using policy::Choice;
using policy::CompiledNetwork;

struct Count {
  long asked = 0;
  long allowed = 0;
  long denied = 0;
  long routed = 0;  // with a source behind a peer
  long behind = 0;  // allowed to a destination behind the node
  long sparse = 0;
  long applied = 0;
  long anew = 0;
};

// Null when the policy was rejected, which other tests are about.
std::unique_ptr<CompiledNetwork> random_world(const Choice& choice) {
  auto inventory = policy::random_network(choice);
  const auto written = policy::random_policy(choice);
  RC_LOG() << policy::to_string(inventory) << written.text;
  return CompiledNetwork::make(written.text, std::move(inventory));
}

AclImage compiled(const SampleSlice& sample, const ImageOptions& options) {
  auto image = sample.try_compile(options);
  if (!image) RC_FAIL(image.error().message());
  return *std::move(image);
}

// The usual image, or one in which rows had to become sparse.
AclImage any_image(const SampleSlice& sample, const Choice& choice, Count& count) {
  ImageOptions options{1, choice.below(1u << 30), {}, MESH_ACL_MAX_LINES};
  auto image = compiled(sample, options);
  if (choice.below(8) == 0) return image;
  options.max_lines = extent_of(image).lines - 1;
  auto tight = sample.try_compile(options);
  if (!tight) return image;
  ++count.sparse;
  return *std::move(tight);
}

void compare(const AclImage& image, const RandomSlice& random, const policy::Packet& packet,
             const AclVerdict& expected, Count& count) {
  const AclVerdict verdict = judge(image.lines, packet);
  ++count.asked;
  count.allowed += expected.outcome == AclOutcome::kAllowed ? 1 : 0;
  count.denied += expected.outcome == AclOutcome::kDenied ? 1 : 0;
  const auto peer = random.sample.peers.find(expected.node);
  const bool is_routed = peer != random.sample.peers.end() &&
                         std::find(peer->second.addresses.begin(), peer->second.addresses.end(),
                                   packet.source) == peer->second.addresses.end();
  count.routed += is_routed ? 1 : 0;
  const bool is_behind =
      expected.outcome == AclOutcome::kAllowed && !random.is_own(packet.destination);
  count.behind += is_behind ? 1 : 0;
  if (is_same(verdict, expected)) return;
  RC_FAIL(policy::to_string(packet) + ": the image says " + words(verdict) + ", it should be " +
          words(expected));
}

void agree_with_oracle(const policy::Oracle& oracle, NodeId node, const policy::Packet& packet,
                       const AclVerdict& verdict) {
  if (verdict.outcome != AclOutcome::kAllowed && verdict.outcome != AclOutcome::kDenied) return;
  const auto lines = oracle.judge(node, packet);
  const bool is_right =
      verdict.outcome == AclOutcome::kDenied
          ? lines.empty()
          : std::find(lines.begin(), lines.end(), verdict.rule.line) != lines.end();
  if (is_right) return;
  RC_FAIL("node " + to_string(node) + ", " + policy::to_string(packet) + ": " + words(verdict) +
          ", the oracle says " + (lines.empty() ? "no" : "line " + std::to_string(lines.front())));
}

TEST(AclProperty, images_judge_a_million_packets_as_slices_and_the_oracle_do) {
  Count count;
  ASSERT_TRUE(policy::holds_for(policy::cases(4200), [&] {
    const auto world = random_world(policy::shrinking_choice());
    const auto choice = policy::seeded_choice(*rc::gen::inRange<std::uint32_t>(0, 1u << 30));
    if (!world) return;
    const policy::Oracle oracle(*world->policy.document, world->inventory);
    for (const auto& node : world->inventory.nodes) {
      const auto random = RandomSlice::of(*world, node.id);
      const SliceReader reader(random);
      const auto image = any_image(random.sample, choice, count);
      for (int i = 0; i < 58; ++i) {
        const auto packet = packet_to(choice, world->inventory, random);
        const auto expected = reader.judge(packet);
        compare(image, random, packet, expected, count);
        agree_with_oracle(oracle, node.id, packet, judge(image.lines, packet));
      }
    }
  }));
  std::cout << "agreed on " << count.asked << " packets: " << count.allowed << " allowed, "
            << count.denied << " denied, " << count.routed << " from behind a peer, "
            << count.behind << " allowed to behind the node; " << count.sparse << " tight images"
            << std::endl;
  EXPECT_GE(count.asked, 1'000'000);
  EXPECT_GE(count.allowed, count.asked / 50);
  EXPECT_GE(count.denied, count.asked / 20);
  EXPECT_GE(count.routed, count.asked / 50);
  EXPECT_GE(count.behind, count.asked / 500);
  EXPECT_GE(count.sparse, 30);
}

// Peers without routes leave, come back with other addresses, join and leave sets.
std::vector<NodeId> change(SampleSlice& sample, const std::map<NodeId, SamplePeer>& all,
                           const Choice& choice) {
  std::vector<NodeId> touched;
  for (const auto& [id, peer] : all) {
    if (choice.below(3) != 0) continue;
    touched.push_back(id);
    if (choice.below(3) == 0) {
      sample.peers.erase(id);
    } else {
      auto& back = sample.peers[id] = peer;
      if (choice.once_in(3)) back.addresses.pop_back();
      if (choice.once_in(4))
        back.addresses.push_back(IpAddress::from_v4_number(0x64400080u + choice.below(4)));
    }
    for (auto& [set_id, set] : sample.sets) {
      if (choice.below(3) != 0) continue;
      const auto place = std::lower_bound(set.members.begin(), set.members.end(), id);
      if (place != set.members.end() && *place == id) {
        set.members.erase(place);
      } else {
        set.members.insert(place, id);
      }
    }
  }
  return touched;
}

bool has_address_twice(const SampleSlice& sample) {
  std::vector<IpAddress> seen;
  for (const auto& [id, peer] : sample.peers) {
    seen.insert(seen.end(), peer.addresses.begin(), peer.addresses.end());
  }
  std::sort(seen.begin(), seen.end());
  return std::adjacent_find(seen.begin(), seen.end()) != seen.end();
}

std::vector<IpAddress> addresses_of(const SampleSlice& sample, const std::vector<NodeId>& nodes) {
  std::vector<IpAddress> addresses;
  for (const NodeId id : nodes) {
    const auto peer = sample.peers.find(id);
    if (peer == sample.peers.end()) continue;
    const auto& own = peer->second.addresses;
    addresses.insert(addresses.end(), own.begin(), own.end());
  }
  return addresses;
}

// What a step is given: nobody but the touched.
AclInput only(AclInput input, const std::vector<NodeId>& nodes) {
  std::erase_if(input.peers, [&](const AclPeer& peer) {
    return !std::binary_search(nodes.begin(), nodes.end(), peer.id);
  });
  return input;
}

void change_in_place(const CompiledNetwork& world, RandomSlice random, const Choice& choice,
                     Count& count) {
  for (auto& [id, peer] : random.sample.peers) {
    if (choice.below(4) != 0) peer.routes.clear();
  }
  const auto all = random.sample.peers;
  auto image = compiled(random.sample, {1, choice.below(1u << 30), {}, MESH_ACL_MAX_LINES});
  for (int round = 0; round < 4; ++round) {
    RandomSlice next = random;
    const auto touched = change(next.sample, all, choice);
    if (has_address_twice(next.sample)) continue;
    const auto before = image.lines;
    const auto held = addresses_of(random.sample, touched);
    if (change_peers(image, image.lines, only(next.sample.input(), touched), {touched, held}) ==
        PeerChange::kNeedsNewImage) {
      ++count.anew;
      const bool is_same_bytes =
          std::memcmp(before.data(), image.lines.data(), before.size() * sizeof before[0]) == 0;
      if (!is_same_bytes) RC_FAIL("an image that was to be replaced was changed");
      continue;
    }
    count.applied += touched.empty() ? 0 : 1;
    random = next;
    const SliceReader reader(random);
    for (int i = 0; i < 20; ++i) {
      const auto packet = packet_to(choice, world.inventory, random);
      compare(image, random, packet, reader.judge(packet), count);
    }
  }
}

TEST(AclProperty, an_image_changed_in_place_answers_as_a_new_one) {
  Count count;
  ASSERT_TRUE(policy::holds_for(policy::cases(1000), [&] {
    const auto world = random_world(policy::shrinking_choice());
    const auto choice = policy::seeded_choice(*rc::gen::inRange<std::uint32_t>(0, 1u << 30));
    if (!world) return;
    for (const auto& node : world->inventory.nodes) {
      change_in_place(*world, RandomSlice::of(*world, node.id), choice, count);
    }
  }));
  std::cout << "agreed on " << count.asked << " packets after " << count.applied
            << " changes in place; " << count.anew << " more needed a new image" << std::endl;
  EXPECT_GE(count.applied, 1000);
  EXPECT_GE(count.anew, 1000);
  EXPECT_GE(count.allowed, count.asked / 50);
}

}  // namespace
}  // namespace kernmesh::maplayout
