// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/address_set.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <bitset>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

using Texts = std::vector<std::string>;

AddressSet set_of(std::initializer_list<const char*> texts) { return AddressSet(prefixes(texts)); }

TEST(AddressSet, touching_and_overlapping_prefixes_come_back_as_the_fewest) {
  EXPECT_EQ(texts(set_of({"10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25"}).prefixes()),
            Texts{"10.0.0.0/23"});
  EXPECT_EQ(texts(set_of({"fd00::/65", "fd00:0:0:0:8000::/65", "10.0.0.1"}).prefixes()),
            (Texts{"10.0.0.1/32", "fd00::/64"}));
  EXPECT_EQ(texts(set_of({"10.0.0.1", "10.0.0.2"}).prefixes()),
            (Texts{"10.0.0.1/32", "10.0.0.2/32"}));
}

TEST(AddressSet, what_is_removed_leaves_the_prefixes_around_it) {
  AddressSet set = set_of({"10.0.0.0/8"});
  set.remove(*Prefix::parse("10.128.0.0/9"));
  set.remove(*Prefix::parse("10.0.0.0/10"));
  EXPECT_EQ(texts(set.prefixes()), Texts{"10.64.0.0/10"});
  EXPECT_FALSE(set.contains(address("10.63.255.255")));
  EXPECT_TRUE(set.contains(address("10.64.0.0")));
  EXPECT_TRUE(set.contains(address("10.127.255.255")));
  EXPECT_FALSE(set.contains(address("10.128.0.0")));
}

TEST(AddressSet, the_ends_of_both_families_are_addresses_like_others) {
  AddressSet set;
  for (const char* text : {"255.255.255.255", "0.0.0.0", "::", "128.0.0.0/1",
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    set.add(*Prefix::parse(text));
  }
  EXPECT_TRUE(set.contains(address("255.255.255.255")));
  EXPECT_TRUE(set.contains(address("::")));
  EXPECT_TRUE(set.contains(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")));
  EXPECT_FALSE(set.contains(address("0.0.0.1")));
  set.remove(*Prefix::parse("0.0.0.0/0"));
  set.remove(*Prefix::parse("::/0"));
  EXPECT_TRUE(set.empty());
}

TEST(AddressSet, of_layers_the_last_that_holds_an_address_decides) {
  const AddressSet all = set_of({"10.0.0.0/8"}), out = set_of({"10.1.0.0/16"}),
                   in = set_of({"10.1.1.0/24"});
  const AddressSet set = AddressSet::layered(
      {{Layering::kAdd, &all}, {Layering::kRemove, &out}, {Layering::kAdd, &in}});
  EXPECT_TRUE(set.contains(address("10.0.0.1")));
  EXPECT_FALSE(set.contains(address("10.1.0.1")));
  EXPECT_TRUE(set.contains(address("10.1.1.1")));
  EXPECT_TRUE(AddressSet::layered({{Layering::kRemove, &out}}).empty());
}

// Steps over 256 addresses, at the start and at the end of each family, against one bit each.
void compare_with_bits(const Prefix& universe) {
  const auto at = [&](unsigned n) {
    auto bytes = universe.address().bytes();
    bytes[universe.address().is_v4() ? 3 : 15] = static_cast<std::uint8_t>(n);
    return universe.address().is_v4()
               ? IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]})
               : IpAddress::from_v6_bytes(bytes);
  };
  AddressSet set;
  std::bitset<256> bits;
  for (int step = *rc::gen::inRange(1, 30); step > 0; --step) {
    const int host_bits = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, 9));
    const auto n = *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0u, 256u));
    const Prefix prefix = *Prefix::make(at(n), universe.address().bits() - host_bits);
    const bool adds = *rc::gen::arbitrary<bool>();
    adds ? set.add(prefix) : set.remove(prefix);
    std::vector<Prefix> expected;
    for (unsigned i = 0; i < 256; ++i) {
      if (prefix.contains(at(i))) bits[i] = adds;
      RC_ASSERT(set.contains(at(i)) == bits[i]);
      if (bits[i]) expected.push_back(Prefix::host(at(i)));
    }
    // The same ranges as from all at once.
    RC_ASSERT(set == AddressSet(expected));
    RC_ASSERT(set.overlaps(prefix) == adds);
  }
}

TEST(AddressSet, steps_in_place_come_to_what_one_bit_an_address_says) {
  for (const char* universe : {"0.0.0.0/24", "255.255.255.0/24", "::/120",
                               "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120"}) {
    EXPECT_TRUE(rc::check([&] { compare_with_bits(*Prefix::parse(universe)); })) << universe;
  }
}

}  // namespace
}  // namespace kernmesh::policy
