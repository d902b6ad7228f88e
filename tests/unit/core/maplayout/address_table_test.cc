// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/address_table.h"

#include <bit>

#include "controller/core/maplayout/peer_change.h"
#include "tests/unit/core/maplayout/sample_slice.h"

namespace kernmesh::maplayout {
namespace {

mesh_addr number(std::uint32_t value) {
  return to_mesh_addr(IpAddress::from_v4_number(0x64400000u + value));
}

// fd00::1 and on.
mesh_addr number_v6(std::uint32_t value) {
  std::array<std::uint8_t, 16> bytes = {0xfd};
  for (int i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return to_mesh_addr(IpAddress::from_v6_bytes(bytes));
}

using Numbering = mesh_addr (*)(std::uint32_t);

std::vector<SourceAddress> many(std::uint32_t count, Numbering numbering = number) {
  std::vector<SourceAddress> addresses;
  for (std::uint32_t i = 1; i <= count; ++i) addresses.push_back({numbering(i), NodeId(i), i % 7});
  return addresses;
}

constexpr std::uint32_t kTableStart = MESH_ACL_FIXED_LINES;

mesh_acl_header& header_in(std::vector<mesh_acl_line>& image) {
  return *reinterpret_cast<mesh_acl_header*>(image.data());
}

// The fixed lines and a table for each family of 2^bits lines.
std::vector<mesh_acl_line> tables_of(std::uint8_t bits) {
  std::vector<mesh_acl_line> image(kTableStart + (std::size_t{2} << bits));
  header_in(image).buckets_v6 = kTableStart + (1u << bits);
  header_in(image).bits_v4 = header_in(image).bits_v6 = bits;
  return image;
}

TEST(AddressTable, every_address_that_was_laid_out_is_found_again) {
  for (const std::uint32_t count : {0u, 1u, 5u, 1000u, 20'000u}) {
    auto addresses = many(count);
    for (const auto& source : many(count / 2, number_v6)) addresses.push_back(source);
    const auto tables = lay_out(addresses, 11, MESH_ACL_MAX_LINES);
    ASSERT_TRUE(tables);
    std::vector<mesh_acl_line> image(kTableStart);
    image.insert(image.end(), tables->v4.begin(), tables->v4.end());
    image.insert(image.end(), tables->v6.begin(), tables->v6.end());
    auto& header = header_in(image);
    header.seed = tables->seed;
    header.buckets_v6 = static_cast<__u32>(kTableStart + tables->v4.size());
    header.bits_v4 = static_cast<__u8>(std::countr_zero(tables->v4.size()));
    header.bits_v6 = static_cast<__u8>(std::countr_zero(tables->v6.size()));
    for (const auto& source : addresses) {
      const auto found = find_address(image, source.address);
      ASSERT_TRUE(found);
      ASSERT_EQ(found->node, source.node);
      ASSERT_EQ(found->source_class, source.source_class);
      ASSERT_TRUE(is_same(found->address, source.address));
    }
    EXPECT_FALSE(find_address(image, number(count + 1)));
    EXPECT_FALSE(find_address(image, number_v6(count + 1)));
    EXPECT_EQ(addresses_in(image).size(), addresses.size());
  }
}

TEST(AddressTable, a_table_without_room_for_all_is_refused) {
  const std::uint64_t least = MESH_ACL_PROBES;  // lines of the other family's
  for (const auto& [numbering, room] :
       {std::pair<Numbering, std::uint32_t>{number, 160}, {number_v6, 80}}) {
    EXPECT_TRUE(lay_out(many(room, numbering), 0, 64 + least));
    const auto refused = lay_out(many(room + 1, numbering), 0, 64 + least);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  }
}

// In a table of MESH_ACL_PROBES lines every address has all of it as its window.
class FullWindow : public ::testing::TestWithParam<std::pair<Numbering, std::uint32_t>> {
 protected:
  static constexpr std::uint8_t kBits = 2;
  static_assert(1 << kBits == MESH_ACL_PROBES);
  bool set(std::uint32_t value, std::uint32_t node) {
    return set_address(image, {at(value), NodeId(node), 4});
  }
  mesh_addr at(std::uint32_t value) const { return GetParam().first(value); }

  std::vector<mesh_acl_line> image = tables_of(kBits);
  const std::uint32_t room = GetParam().second;
};

TEST_P(FullWindow, takes_no_more_and_a_removed_entry_is_not_used_again) {
  for (std::uint32_t i = 1; i <= room; ++i) ASSERT_TRUE(set(i, i));
  EXPECT_FALSE(set(room + 1, 1));
  EXPECT_TRUE(set(3, 30));
  EXPECT_EQ(find_address(image, at(3))->node, NodeId(30));
  EXPECT_TRUE(remove_address(image, at(3)));
  EXPECT_FALSE(remove_address(image, at(3)));
  EXPECT_FALSE(find_address(image, at(3)));
  EXPECT_FALSE(set(room + 1, 9));
  EXPECT_FALSE(set(3, 3));
  for (const std::uint32_t i : {1u, 2u, 4u, room}) EXPECT_TRUE(find_address(image, at(i)));
}

TEST_P(FullWindow, reservations_count_the_entries_that_others_will_take) {
  for (std::uint32_t i = 1; i <= room - 2; ++i) ASSERT_TRUE(set(i, i));
  Reservations reservations(image);
  EXPECT_TRUE(reservations.reserve(at(2)));
  EXPECT_TRUE(reservations.reserve(at(room - 1)));
  EXPECT_TRUE(reservations.reserve(at(room)));
  EXPECT_FALSE(reservations.reserve(at(room + 1)));
  EXPECT_FALSE(find_address(image, at(room)));
}

INSTANTIATE_TEST_SUITE_P(Families, FullWindow,
                         ::testing::Values(std::pair<Numbering, std::uint32_t>{number, 16},
                                           std::pair<Numbering, std::uint32_t>{number_v6, 8}));

TEST(AddressTable, one_that_does_not_fit_its_image_is_not_touched) {
  auto image = tables_of(3);
  const auto is_left_alone = [&](const mesh_addr& address) {
    return !set_address(image, {address, NodeId(1), 0}) && !find_address(image, address) &&
           !remove_address(image, address) && addresses_in(image).empty();
  };
  const auto v6_is_left_alone = [&](std::uint32_t first, std::uint8_t bits) {
    header_in(image).buckets_v6 = first;
    header_in(image).bits_v6 = bits;
    return is_left_alone(number_v6(1));
  };
  EXPECT_TRUE(v6_is_left_alone(12, 3));
  EXPECT_TRUE(v6_is_left_alone(3, 5));
  EXPECT_TRUE(v6_is_left_alone(0xffffffff, 0));
  EXPECT_TRUE(v6_is_left_alone(3, 255));
  for (const std::uint32_t fixed : {0u, 1u, 2u}) EXPECT_TRUE(v6_is_left_alone(fixed, 0));
  EXPECT_FALSE(v6_is_left_alone(11, 3));
  remove_address(image, number_v6(1));
  for (const int bits : {5, 21, 255}) {
    header_in(image).bits_v4 = static_cast<__u8>(bits);
    EXPECT_TRUE(is_left_alone(number(1))) << bits;
  }
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
    for (const auto& [id, peer] : sample.peers)
      held.insert(held.end(), peer.addresses.begin(), peer.addresses.end());
  }
  PeerChange change(std::vector<NodeId> touched) {
    return change_peers(image, image.lines, sample.input(), {touched, held});
  }
  std::string ask(const std::string& source, std::uint16_t port) const {
    return words(judge(image.lines, packet(source, "100.64.0.1", policy::kProtocolTcp, port)));
  }

  SampleSlice sample;
  AclImage image;
  std::vector<IpAddress> held;  // before
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
