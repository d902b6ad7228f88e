// SPDX-License-Identifier: Apache-2.0
// The oracle, the image read in C++ and the BPF program say the same of packets, in verdict and in
// rule: of cases by hand, and of random packets under random policies.
#include <iostream>

#include "tests/bpf/acl_fixture.h"
#include "tests/oracle/enforced_cases.h"
#include "tests/oracle/policy_oracle.h"
#include "tests/oracle/random_property.h"

namespace kernmesh::bpf::test {
namespace {

using maplayout::AclOutcome;
using maplayout::RandomSlice;
using maplayout::SliceReader;

// One that opens nothing and belongs to no flow.
Packet packet_of(const policy::Packet& asked) {
  const Ends ends{to_string(asked.source), to_string(asked.destination), 40000, asked.port};
  switch (asked.protocol) {
    case kTcp:
      return tcp(ends);
    case kUdp:
      return udp(ends, 0);
    case kSctp:
      return sctp(ends);
    case kIcmp:
    case kIcmp6: {
      Packet p = echo(ends);
      p.protocol = asked.protocol;
      p.body[0] = asked.protocol == kIcmp ? 8 : 128;
      return p;
    }
    default:
      return other(ends, asked.protocol);
  }
}

bool is_of_the_other_family(const policy::Packet& p) {
  return p.protocol == (p.source.is_v4() ? kIcmp6 : kIcmp);
}

struct Count {
  long asked = 0;
  long admitted = 0;
  long denied = 0;
  int images = 0;
};

class AclAgreement : public AclTest {
 protected:
  void SetUp() override {
    AclTest::SetUp();
    ASSERT_TRUE(acl->set({.quiet = true}));
  }
  void take_over(std::span<const mesh_acl_line> image) {
    const auto status = acl->switch_to(image);
    if (!status) RC_FAIL(status.error().message());
    rules.clear();
    const auto counts = acl->rule_counts(256);
    for (const RuleCount& count : *counts) rules.push_back(count.packets);
  }
  // What the program did, in words; empty when it is what the image says.
  std::string difference(const policy::Packet& asked, const maplayout::AclVerdict& expected) {
    const bool passes = expected.outcome == AclOutcome::kAllowed && !is_of_the_other_family(asked);
    const Bytes frame = packet_of(asked).frame();
    const TestRun ran = run(acl->program_fd("acl_in"), frame);
    if (ran.error != 0) return "the program did not run";
    if ((ran.verdict == kNext) != passes) return "verdict " + std::to_string(ran.verdict);
    if (!passes) return {};
    if (expected.slot >= rules.size()) return "more rules than were expected";
    const auto counted = acl->rule_count(expected.slot);
    if (!counted || counted->packets != ++rules[expected.slot])
      return "another rule's counter moved";
    return {};
  }

  std::vector<std::uint64_t> rules;  // packets that each slot has counted
};

TEST_F(AclAgreement, the_program_says_what_is_written_of_the_cases_by_hand) {
  for (const auto& test : policy::enforced_cases()) {
    const auto image = image_of(test.policy);
    take_over(image);
    for (const auto& asked : test.packets) {
      const policy::Packet p{ip(asked.source), ip(asked.destination), asked.protocol, asked.port};
      const auto what = std::string(test.name) + ": " + policy::to_string(p);
      const auto read = maplayout::judge(image, p);
      EXPECT_EQ(read.rule.line, asked.line) << what;
      EXPECT_EQ(difference(p, read), "") << what;
      EXPECT_EQ(run(acl->program_fd("acl_in"), packet_of(p).frame()).verdict == kNext,
                asked.line != 0)
          << what;
      rules[read.slot] += asked.line != 0 ? 1 : 0;
    }
  }
}

// Packets to one node of a random network, under its image.
class Asked {
 public:
  Asked(const policy::CompiledNetwork& world, NodeId node)
      : world_(world),
        node_(node),
        oracle_(*world.policy.document, world.inventory),
        mine_(RandomSlice::of(world, node)),
        reader_(mine_) {}

  maplayout::AclImage image(const policy::Choice& choice) const {
    maplayout::ImageOptions options{.generation = 1, .seed = choice.below(1u << 30)};
    auto usual = mine_.sample.compile(options);
    if (choice.below(2) == 0) return usual;
    options.max_lines = maplayout::extent_of(usual).lines - 1;
    auto tight = mine_.sample.try_compile(options);
    return tight ? *std::move(tight) : std::move(usual);
  }
  policy::Packet packet(const policy::Choice& choice) const {
    return maplayout::packet_to(choice, world_.inventory, mine_);
  }
  // Empty when they agree.
  std::string difference(const policy::Packet& p, const maplayout::AclVerdict& read) const {
    const auto slow = reader_.judge(p);
    if (!maplayout::is_same(read, slow)) return "the slice says " + maplayout::words(slow);
    if (read.outcome != AclOutcome::kAllowed && read.outcome != AclOutcome::kDenied) return {};
    const auto lines = oracle_.judge(node_, p);
    const bool agrees = read.outcome == AclOutcome::kDenied
                            ? lines.empty()
                            : std::find(lines.begin(), lines.end(), read.rule.line) != lines.end();
    return agrees ? "" : "the oracle does not agree";
  }

 private:
  const policy::CompiledNetwork& world_;
  NodeId node_;
  policy::Oracle oracle_;
  RandomSlice mine_;
  SliceReader reader_;
};

constexpr int kPacketsAnImage = 3000;

TEST_F(AclAgreement, of_a_million_packets_under_random_policies) {
  Count count;
  const bool all_agree = policy::holds_for(policy::cases(560), [&] {
    const auto choice = policy::shrinking_choice();
    auto inventory = policy::random_network(choice);
    const auto written = policy::random_policy(choice);
    RC_LOG() << policy::to_string(inventory) << written.text;
    const auto world = policy::CompiledNetwork::make(written.text, std::move(inventory));
    const auto fast = policy::seeded_choice(*rc::gen::inRange<std::uint32_t>(0, 1u << 30));
    if (!world) return;  // rejected, which other tests are about
    const Asked asked(*world, fast.of(world->inventory.nodes).id);
    const auto image = asked.image(fast);
    take_over(image.lines);
    ++count.images;
    for (int i = 0; i < kPacketsAnImage; ++i) {
      const auto p = asked.packet(fast);
      const auto read = maplayout::judge(image.lines, p);
      ++count.asked;
      count.admitted += read.outcome == AclOutcome::kAllowed ? 1 : 0;
      count.denied += read.outcome == AclOutcome::kDenied ? 1 : 0;
      auto different = difference(p, read);
      if (different.empty()) different = asked.difference(p, read);
      if (!different.empty()) {
        RC_FAIL(policy::to_string(p) + ": the image says " + maplayout::words(read) + ", but " +
                different);
      }
    }
    std::uint64_t sum = 0;
    const auto counts = acl->rule_counts(256);
    for (const RuleCount& rule : *counts) sum += rule.packets;
    for (const std::uint64_t packets : rules) sum -= packets;
    if (sum != 0) RC_FAIL("a rule counted what another one admitted");
  });
  EXPECT_TRUE(all_agree);
  std::cout << "agreed on " << count.asked << " packets under " << count.images
            << " images: " << count.admitted << " admitted, " << count.denied
            << " denied by the rules" << std::endl;
  EXPECT_GE(count.asked, 1'000'000);
  EXPECT_GE(count.admitted, count.asked / 50);
  EXPECT_GE(count.denied, count.asked / 20);
}

}  // namespace
}  // namespace kernmesh::bpf::test
