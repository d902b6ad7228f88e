// SPDX-License-Identifier: Apache-2.0
// Frames that were right once, with bytes changed, cut and added: the kernel never complains, no
// frame is changed that passes, and what passes is what a slow reading of it says may pass.
#include <array>
#include <iostream>
#include <random>
#include <set>
#include <tuple>

#include "tests/bpf/acl_fixture.h"
#include "tests/oracle/random_property.h"

namespace kernmesh::bpf::test {
namespace {

using maplayout::AclOutcome;

constexpr unsigned kSeed = 20260101;

std::vector<Packet> valid_packets() {
  const Ends web{}, web6{kAda6, kUs6, 40000, 80}, ssh{kUs, kBob, 50000, 22},
      ssh6{kUs6, kAda6, 50000, 22}, dns{kAda, kUs, 40000, 53}, dns6{kAda6, kUs6, 40000, 53};
  const Extension fragment_head{kFragmentHeader, {0, 0, 0, 1, 0, 0, 0, 9}};
  std::vector<Packet> all;
  for (const Ends& e : {web, web6, ssh, ssh6, dns, dns6}) {
    for (const Ends& way : {e, e.back()}) {
      all.push_back(tcp(way));
      all.push_back(tcp(way, TcpHead{.flags = kAck, .offset = 8, .data = 40}));
      all.push_back(tcp(way, kSyn | kAck));
      all.push_back(udp(way, 64));
      all.push_back(sctp(way));
      all.push_back(echo({way.src, way.dst, 7, 0}));
      all.push_back(echo_answer({way.src, way.dst, 7, 0}));
      all.push_back(other(way, kGre));
      all.push_back(unreachable({way.src, way.dst, 0, 0}, tcp(way.back())));
      all.push_back(icmp_error({way.src, way.dst, 0, 0}, udp(way.back()),
                               way.src[0] == 'f' ? ErrorHead{2, 0, 1400} : ErrorHead{3, 4, 1400}));
      all.push_back(fragment(udp(way, 120), {0, 64}));
      all.push_back(fragment(udp(way, 120), {64, 128}));
    }
  }
  for (const Ends& e : {web6, dns6}) {
    all.push_back(with(tcp(e), {Extension{}, {kRouting, {0, 0, 4, 0, 0, 0, 0, 0}}}));
    all.push_back(with(udp(e, 56), {fragment_head, Extension{}}));
  }
  return all;
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  Bytes mutated(Bytes frame) {
    for (std::size_t changes = below(5); changes > 0; --changes) change(frame);
    return frame;
  }

 private:
  // Mostly in the headers, behind the addresses of the link.
  void change(Bytes& frame) {
    static constexpr std::array<std::uint8_t, 12> kTelling = {0,  1,  2,  4,  6,   17,
                                                              43, 44, 58, 60, 132, 255};
    const std::size_t at = 12 + below(std::min<std::size_t>(frame.size() - 12, 100));
    switch (below(6)) {
      case 0:
        frame[at] ^= static_cast<std::uint8_t>(1U << below(8));
        break;
      case 1:
        frame[at] = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        frame[at] = kTelling[below(kTelling.size())];
        break;
      case 3:
        frame.resize(std::max<std::size_t>(14, below(frame.size() + 1)));
        break;
      case 4:
        frame.resize(frame.size() + below(40), static_cast<std::uint8_t>(random_()));
        break;
      default:
        std::swap(frame[at], frame[12 + below(frame.size() - 12)]);
    }
  }

  std::mt19937 random_;
};

// What may pass, by everything that has passed before.
class SlowFilter {
 public:
  explicit SlowFilter(const maplayout::SliceReader& reader) : reader_(reader) {}

  // Empty, or why the frame should not have been let in.
  std::string fault_in(const Reading& r) {
    if (!r.fault.empty()) return r.fault;
    const auto verdict = reader_.judge({r.src, r.dst, r.protocol, port_of(r)});
    const bool is_ruled = verdict.outcome == AclOutcome::kAllowed;
    if (!is_ruled && verdict.outcome != AclOutcome::kDenied) return "from nobody or to nobody";
    const auto id = std::tuple(r.src, r.dst, r.fragment_id);
    if (r.is_later_fragment) return fragments_.contains(id) ? "" : "follows no first fragment";
    if (is_error(r)) return fault_in_error(r);
    if (r.protocol == kTcp && !has_sense(r.flags)) return "flags that no connection has";
    const bool is_answer = flows_.contains(flow_of(r.dst, r.src, r, r.dport, r.sport));
    if (!is_ruled && !is_answer) return "neither a rule nor a flow admits it";
    if (r.is_first_fragment) fragments_.insert(id);
    return {};
  }
  // The same for leaving.
  std::string fault_out(const Reading& r) {
    if (!r.fault.empty()) return r.fault;
    if (r.is_later_fragment || is_error(r)) return {};
    if (r.protocol == kTcp && !has_sense(r.flags)) return "flags that no connection has";
    const auto flow = flow_of(r.src, r.dst, r, r.sport, r.dport);
    const auto back = reader_.judge({r.dst, r.src, r.protocol, r.is_icmp() ? port_of(r) : r.sport});
    const bool opens = r.protocol == kTcp    ? (r.flags & (kSyn | kAck)) == kSyn
                       : r.protocol == kSctp ? r.body.size() > 12 && r.body[12] == kSctpInit
                       : r.is_icmp()         ? is_request(r)
                                             : true;
    if (opens) flows_.insert(flow);
    if (opens || flows_.contains(flow) || back.outcome == AclOutcome::kAllowed) return {};
    return "an answer to nothing that may come in";
  }

 private:
  using Flow = std::tuple<IpAddress, IpAddress, std::uint8_t, std::uint16_t, std::uint16_t>;

  static Flow flow_of(const IpAddress& local, const IpAddress& remote, const Reading& r,
                      std::uint16_t local_port, std::uint16_t remote_port) {
    if (r.is_icmp()) return {local, remote, r.protocol, r.sport, std::uint16_t{0}};
    return {local, remote, r.protocol, local_port, remote_port};
  }
  static std::uint16_t port_of(const Reading& r) { return r.is_icmp() ? 0 : r.dport; }
  static bool is_error(const Reading& r) {
    if (r.protocol == kIcmp6) return r.flags < 128;
    return r.protocol == kIcmp && (r.flags == 3 || r.flags == 4 || r.flags == 11 || r.flags == 12);
  }
  static bool is_request(const Reading& r) {
    return r.protocol == kIcmp6 ? r.flags != 129 : r.flags != 0 && r.flags != 14;
  }
  static bool has_sense(std::uint8_t flags) {
    const int ends = ((flags & kFin) != 0) + ((flags & kSyn) != 0) + ((flags & kRst) != 0);
    return ends <= 1 && (flags & (kSyn | kRst | kAck)) != 0;
  }
  std::string fault_in_error(const Reading& r) const {
    if (r.is_first_fragment) return "an error in fragments";
    if (r.protocol == kIcmp && r.flags == 3 && r.code == 4 && get16(r.body, 6) < 552)
      return "a path too narrow";
    if (r.protocol == kIcmp6 && r.flags == 2 && get32(r.body, 4) < 1280) return "a path too narrow";
    const auto q =
        FrameReader::read_quote(Bytes(r.body.begin() + 8, r.body.end()), r.protocol == kIcmp6);
    if (!q.fault.empty() || q.is_later_fragment) return "quotes what cannot be read: " + q.fault;
    if (q.src != r.dst) return "quotes somebody else's packet";
    if (flows_.contains(flow_of(q.src, q.dst, q, q.sport, q.dport))) return {};
    const auto back = reader_.judge({q.dst, q.src, q.protocol, q.is_icmp() ? port_of(q) : q.sport});
    return back.outcome == AclOutcome::kAllowed ? "" : "quotes nothing of ours";
  }

  const maplayout::SliceReader& reader_;
  std::set<Flow> flows_;
  std::set<std::tuple<IpAddress, IpAddress, std::uint32_t>> fragments_;
};

TEST_F(AclTest, mutated_frames_pass_only_where_a_slow_reading_lets_them) {
  const auto compiled = network.compile(kAdaMay);
  ASSERT_NE(compiled, nullptr);
  const auto mine = maplayout::RandomSlice::of(*compiled, NodeId(1));
  const maplayout::SliceReader reader(mine);
  enforce(kAdaMay);
  const auto valid = valid_packets();
  Mutator mutator(kSeed);
  SlowFilter filter(reader);
  const int frames = policy::cases(200'000);
  long passed[2] = {};
  for (int i = 0; i < frames && !HasFailure(); ++i) {
    const bool leaves = mutator.below(2) == 0;
    const Bytes frame = mutator.mutated(valid[mutator.below(valid.size())].frame());
    const TestRun ran = run(acl->program_fd(leaves ? "acl_out" : "acl_in"), frame);
    if (ran.error != 0) {  // a test run wants a whole IP header
      ASSERT_LT(frame.size(), 14u + (get16(frame, 12) == 0x86dd ? 40 : 20)) << to_text(frame);
      continue;
    }
    ASSERT_TRUE(ran.verdict == kNext || ran.verdict == kDrop || ran.verdict == kRedirect);
    if (ran.verdict != kNext) continue;
    ++passed[leaves];
    ASSERT_EQ(ran.out, frame);
    const Reading r = read_frame(frame);
    ASSERT_EQ(leaves ? filter.fault_out(r) : filter.fault_in(r), "")
        << (leaves ? "left: " : "came in: ") << to_text(frame) << "\nframe " << i << " of seed "
        << kSeed;
  }
  std::cout << frames << " frames of seed " << kSeed << ": " << passed[0] << " came in, "
            << passed[1] << " left" << std::endl;
  EXPECT_GT(passed[0], frames / 50);
  EXPECT_GT(passed[1], frames / 20);
}

}  // namespace
}  // namespace kernmesh::bpf::test
