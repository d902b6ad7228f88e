// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/address_table.h"

#include "controller/core/maplayout/peer_change.h"
#include "tests/unit/core/maplayout/sample_slice.h"

namespace kernmesh::maplayout {
namespace {

mesh_addr number(std::uint32_t value) {
  return to_mesh_addr(IpAddress::from_v4_number(0x64400000u + value));
}

std::vector<SourceAddress> many(std::uint32_t count) {
  std::vector<SourceAddress> addresses;
  for (std::uint32_t i = 1; i <= count; ++i) addresses.push_back({number(i), NodeId(i), i % 7});
  return addresses;
}

constexpr std::uint32_t kTableStart = 3;

// The fixed lines and a table of that many.
std::vector<mesh_acl_line> table_of(std::uint32_t lines) {
  std::vector<mesh_acl_line> image(kTableStart + lines);
  mesh_acl_header header{};
  header.buckets = kTableStart;
  header.bucket_mask = lines - 1;
  std::memcpy(image.data(), &header, sizeof header);
  return image;
}

TEST(AddressTable, every_address_that_was_laid_out_is_found_again) {
  for (const std::uint32_t count : {0u, 1u, 5u, 1000u, 20'000u}) {
    const auto addresses = many(count);
    const auto table = lay_out(addresses, 11, MESH_ACL_MAX_LINES);
    ASSERT_TRUE(table);
    auto image = table_of(static_cast<std::uint32_t>(table->lines.size()));
    reinterpret_cast<mesh_acl_header*>(image.data())->seed = table->seed;
    std::copy(table->lines.begin(), table->lines.end(), image.begin() + kTableStart);
    for (const auto& source : addresses) {
      const auto found = find_address(image, source.address);
      ASSERT_TRUE(found);
      ASSERT_EQ(found->node, source.node);
      ASSERT_EQ(found->source_class, source.source_class);
    }
    EXPECT_FALSE(find_address(image, number(count + 1)));
    EXPECT_EQ(addresses_in(image).size(), count);
  }
}

TEST(AddressTable, a_table_without_room_for_all_is_refused) {
  EXPECT_TRUE(lay_out(many(80), 0, 64));
  const auto refused = lay_out(many(81), 0, 64);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
}

TEST(AddressTable, a_full_window_takes_no_more_and_a_removed_entry_is_not_used_again) {
  auto image = table_of(MESH_ACL_PROBES);  // every address has all of it as its window
  for (std::uint32_t i = 1; i <= 8; ++i) ASSERT_TRUE(set_address(image, {number(i), NodeId(i), 0}));
  EXPECT_FALSE(set_address(image, {number(9), NodeId(9), 0}));
  EXPECT_TRUE(set_address(image, {number(3), NodeId(30), 4}));
  EXPECT_EQ(find_address(image, number(3))->node, NodeId(30));
  EXPECT_TRUE(remove_address(image, number(3)));
  EXPECT_FALSE(remove_address(image, number(3)));
  EXPECT_FALSE(find_address(image, number(3)));
  EXPECT_FALSE(set_address(image, {number(9), NodeId(9), 0}));
  EXPECT_FALSE(set_address(image, {number(3), NodeId(3), 0}));
  for (const std::uint32_t i : {1u, 2u, 4u, 8u}) EXPECT_TRUE(find_address(image, number(i)));
}

TEST(AddressTable, reservations_count_the_entries_that_others_will_take) {
  auto image = table_of(MESH_ACL_PROBES);
  for (std::uint32_t i = 1; i <= 6; ++i) ASSERT_TRUE(set_address(image, {number(i), NodeId(i), 0}));
  Reservations reservations(image);
  EXPECT_TRUE(reservations.reserve(number(2)));
  EXPECT_TRUE(reservations.reserve(number(7)));
  EXPECT_TRUE(reservations.reserve(number(8)));
  EXPECT_FALSE(reservations.reserve(number(9)));
  EXPECT_FALSE(find_address(image, number(7)));
}

TEST(AddressTable, one_that_does_not_fit_its_image_is_not_touched) {
  auto image = table_of(8);
  auto* const header = reinterpret_cast<mesh_acl_header*>(image.data());
  const auto is_left_alone = [&](std::uint32_t buckets, std::uint32_t mask) {
    header->buckets = buckets;
    header->bucket_mask = mask;
    return !set_address(image, {number(1), NodeId(1), 0}) && !find_address(image, number(1)) &&
           !remove_address(image, number(1)) && addresses_in(image).empty();
  };
  EXPECT_TRUE(is_left_alone(4, 7));
  EXPECT_TRUE(is_left_alone(3, 15));
  EXPECT_TRUE(is_left_alone(3, 6));
  EXPECT_TRUE(is_left_alone(0xffffffff, 0));
  EXPECT_TRUE(is_left_alone(3, 0xffffffff));
  for (const std::uint32_t fixed : {0u, 1u, 2u}) EXPECT_TRUE(is_left_alone(fixed, 0));
  EXPECT_FALSE(is_left_alone(3, 7));
  EXPECT_FALSE(set_address({}, {number(1), NodeId(1), 0}));
}

class PeerChanges : public ::testing::Test {
 protected:
  PeerChanges() {
    for (const std::uint32_t id : {2u, 3u, 4u}) sample.peer(id);
    sample.set(1, {2});
    sample.set(2, {3});
    sample.rule(1, {1}, {tcp(80)});
    sample.rule(2, {2}, {tcp(81)});
    image = sample.compile();
  }
  PeerChange change(std::vector<NodeId> touched) {
    return change_peers(image, image.lines, sample.input(), touched);
  }
  std::string ask(const std::string& source, std::uint16_t port) const {
    return words(judge(image.lines, packet(source, "100.64.0.1", policy::kProtocolTcp, port)));
  }

  SampleSlice sample;
  AclImage image;
};

TEST_F(PeerChanges, a_peer_that_comes_into_a_known_set_is_admitted_at_once) {
  sample.peer(9);
  sample.sets[policy::SetId(1)].members.emplace_back(9);
  EXPECT_EQ(change({NodeId(9)}), PeerChange::kApplied);
  EXPECT_EQ(ask("100.64.0.9", 80), "rule 1 for node 9");
  EXPECT_EQ(ask("100.64.0.9", 81), "denied to node 9");
}

TEST_F(PeerChanges, a_peer_that_leaves_is_unknown_and_one_that_moves_is_in_its_new_set) {
  sample.peers.erase(NodeId(2));
  sample.sets[policy::SetId(1)].members = {NodeId(3)};
  sample.sets[policy::SetId(2)].members = {};
  EXPECT_EQ(change({NodeId(2), NodeId(3)}), PeerChange::kApplied);
  EXPECT_EQ(ask("100.64.0.2", 80), "unknown source");
  EXPECT_EQ(ask("100.64.0.3", 80), "rule 1 for node 3");
  EXPECT_EQ(ask("100.64.0.3", 81), "denied to node 3");
}

TEST_F(PeerChanges, an_address_moves_from_one_touched_peer_to_another) {
  sample.peers[NodeId(2)].addresses = {address("100.64.0.7")};
  sample.peers[NodeId(3)].addresses = {address("100.64.0.2")};
  EXPECT_EQ(change({NodeId(2), NodeId(3)}), PeerChange::kApplied);
  EXPECT_EQ(ask("100.64.0.2", 81), "rule 2 for node 3");
  EXPECT_EQ(ask("100.64.0.7", 80), "rule 1 for node 2");
  EXPECT_EQ(ask("100.64.0.3", 81), "unknown source");
}

TEST_F(PeerChanges, what_more_than_entries_must_change_for_needs_a_new_image) {
  const SampleSlice before = sample;
  const auto needs_new = [&](const std::vector<NodeId>& touched) {
    const auto bytes = image.lines;
    const bool is_new = change(touched) == PeerChange::kNeedsNewImage;
    sample = before;
    return is_new &&
           std::memcmp(bytes.data(), image.lines.data(), bytes.size() * sizeof bytes[0]) == 0;
  };
  sample.sets[policy::SetId(1)].members = {NodeId(2), NodeId(3)};  // in both: a new class
  EXPECT_TRUE(needs_new({NodeId(3)}));
  sample.peers[NodeId(3)].routes = {prefix("10.0.0.0/8")};
  EXPECT_TRUE(needs_new({NodeId(3)}));
  sample.sets.erase(policy::SetId(2));
  EXPECT_TRUE(needs_new({NodeId(3)}));
  sample.peers[NodeId(3)].addresses = {address("100.64.0.4")};  // of a peer that is not touched
  EXPECT_TRUE(needs_new({NodeId(3)}));
  EXPECT_TRUE(needs_new(std::vector<NodeId>(kMostTouched + 1)));
}

TEST_F(PeerChanges, a_router_that_goes_needs_a_new_image) {
  sample.peers[NodeId(4)].routes = {prefix("10.0.0.0/8")};
  image = sample.compile();
  sample.peers.erase(NodeId(4));
  EXPECT_EQ(change({NodeId(4)}), PeerChange::kNeedsNewImage);
  EXPECT_EQ(ask("10.0.0.1", 80), "denied to node 4");
}

}  // namespace
}  // namespace kernmesh::maplayout
