// SPDX-License-Identifier: Apache-2.0
// What the largest policies cost: time and memory in proportion to their text and the network.
#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>

#include "tests/unit/core/policy/small_network.h"

namespace kernmesh::policy {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlowdown = 10;
constexpr bool kCountsMemory = false;
#else
constexpr int kSlowdown = 1;
constexpr bool kCountsMemory = true;
#endif

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

Inventory thousand_nodes() {
  SmallNetwork small;
  Inventory inventory = small.inventory;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    Node node;
    node.id = NodeId(n + 1);
    node.user = UserId(n % 3 + 1);
    if (n % 4 == 0) node.tags = {"tag:t" + std::to_string(n % 20)};
    node.addresses = {IpAddress::from_v4_number(0x64400001 + n)};
    inventory.nodes.push_back(std::move(node));
  }
  return inventory;
}

std::string tag_owners() {
  std::string text = R"("tagOwners": {)";
  for (int tag = 0; tag < 20; ++tag) text += "\"tag:t" + std::to_string(tag) + "\": [], ";
  return text + "},\n";
}

// Compiles the text and asks what a server asks for each of ten nodes.
void expect_bounded(const std::string& text, std::chrono::seconds time, std::size_t bytes) {
  const Inventory inventory = thousand_nodes();
  const std::size_t before = heap_bytes();
  const auto start = std::chrono::steady_clock::now();
  const auto compiled = CompiledNetwork::make(text, inventory);
  ASSERT_NE(compiled, nullptr);
  std::size_t rules = 0;
  for (std::uint64_t id = 1; id <= 1000; id += 100) {
    rules += compiled->slice(NodeId(id)).rules.size();
    compiled->reach.peers_of(compiled->index(NodeId(id)));
  }
  EXPECT_GT(rules, 0u);
  EXPECT_LE(std::chrono::steady_clock::now() - start, time * kSlowdown);
  if (kCountsMemory) {
    EXPECT_LE(heap_bytes() - before, bytes);
  }
}

TEST(Bounds, a_hundred_thousand_rules) {
  std::string text = "{" + tag_owners() + "\"acls\": [\n";
  for (int n = 0; n < 100'000; ++n) {
    text += R"({"action": "accept", "src": ["tag:t)" + std::to_string(n % 20) +
            R"("], "dst": ["tag:t)" + std::to_string(n / 20 % 20) + ":" +
            std::to_string(n % 65535 + 1) + "\"]},\n";
  }
  expect_bounded(text + "]}", std::chrono::seconds(5), 400'000'000);
}

TEST(Bounds, ten_thousand_rules_with_a_set_of_their_own_each) {
  std::string text = "{\"acls\": [\n";
  for (int n = 0; n < 10'000; ++n) {
    const std::string address = std::to_string(1 + n / 65536) + "." +
                                std::to_string(n / 256 % 256) + "." + std::to_string(n % 256) +
                                ".0/24";
    text += R"({"action": "accept", "src": [")" + address + R"("], "dst": ["*:*"]},)" + "\n";
  }
  expect_bounded(text + "]}", std::chrono::seconds(10), 200'000'000);
}

TEST(Bounds, groups_of_a_hundred_thousand_members) {
  std::string text = "{\"groups\": {";
  for (int group = 0; group < 5; ++group) {
    text += "\"group:g" + std::to_string(group) + "\": [\"ada@example.com\"";
    for (int n = 0; n < 100'000; ++n) text += ",\"u" + std::to_string(n) + "@example.com\"";
    text += "],\n";
  }
  text += "}, \"acls\": [";
  for (int group = 0; group < 5; ++group) {
    text += R"({"action": "accept", "src": ["group:g)" + std::to_string(group) +
            R"("], "dst": ["*:*"]},)";
  }
  expect_bounded(text + "]}", std::chrono::seconds(5), 400'000'000);
}

}  // namespace
}  // namespace kernmesh::policy
