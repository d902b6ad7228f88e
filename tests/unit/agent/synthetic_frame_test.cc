// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/synthetic_frame.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "controller/base/unique_fd.h"

namespace kernmesh::agent {
namespace {

const Bytes kMessage(60, 4);

// A frame that goes to the peer, as WireGuard's leave; the builder makes those that come from it.
Bytes frame_to(NodeId peer) {
  Bytes frame = synthetic_frame(peer, kMessage);
  std::swap_ranges(frame.begin() + 26, frame.begin() + 30, frame.begin() + 30);
  return frame;
}

TEST(SyntheticFrame, message_and_peer_are_read_again) {
  const Bytes frame = frame_to(NodeId(77));
  const auto read = read_synthetic_frame(frame);
  EXPECT_EQ(read.peer, NodeId(77));
  EXPECT_EQ(Bytes(read.message.begin(), read.message.end()), kMessage);
}

TEST(SyntheticFrame, header_adds_up) {
  const Bytes frame = synthetic_frame(NodeId(0x0abcde), kMessage);
  std::uint32_t sum = 0;
  for (std::size_t at = 14; at < 34; at += 2) sum += frame[at] << 8 | frame[at + 1];
  EXPECT_EQ((sum & 0xffff) + (sum >> 16), 0xffffU);
}

TEST(SyntheticFrame, one_that_would_be_longer_than_any_packet_is_not_made) {
  EXPECT_EQ(synthetic_frame(NodeId(1), Bytes(kMostSyntheticFrame - 42, 4)).size(),
            kMostSyntheticFrame);
  EXPECT_TRUE(synthetic_frame(NodeId(1), Bytes(kMostSyntheticFrame - 41, 4)).empty());
}

TEST(SyntheticFrame, cut_anywhere_gives_no_message) {
  const Bytes frame = frame_to(NodeId(77));
  for (std::size_t length = 0; length < frame.size(); ++length) {
    const Bytes cut(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_TRUE(read_synthetic_frame(cut).message.empty()) << length;
  }
}

TEST(SyntheticFrame, lengths_and_protocols_that_lie_give_no_message) {
  struct Change {
    const char* what;
    std::size_t at;
    std::uint8_t value;
  };
  for (const auto& [what, at, value] :
       {Change{"UDP length above what there is", 38, 0xff},
        Change{"UDP length below its header", 39, 7}, Change{"IPv6", 12, 0x86},
        Change{"IP options", 14, 0x46}, Change{"TCP", 23, 6}}) {
    Bytes frame = frame_to(NodeId(77));
    frame[at] = value;
    EXPECT_TRUE(read_synthetic_frame(frame).message.empty()) << what;
  }
}

// What the kernel lets through a socket with the filter for these peers.
bool passes(const std::set<NodeId>& peers, const Bytes& frame) {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd in(ends[0]), out(ends[1]);
  auto program = synthetic_filter(peers);
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  EXPECT_EQ(setsockopt(out.get(), SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached), 0)
      << std::strerror(errno) << " with " << peers.size() << " peers";
  // A second time, as when peers change: both are there for a moment.
  EXPECT_EQ(setsockopt(out.get(), SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached), 0)
      << std::strerror(errno) << " with " << peers.size() << " peers";
  (void)send(in.get(), frame.data(), frame.size(), 0);
  Bytes got(kMostSyntheticFrame);
  return recv(out.get(), got.data(), got.size(), 0) == static_cast<ssize_t>(frame.size());
}

std::set<NodeId> every_third(std::size_t count) {
  std::set<NodeId> peers;
  for (std::size_t i = 1; i <= count; ++i) peers.insert(NodeId(3 * i));
  return peers;
}

TEST(SyntheticFilter, lets_only_its_peers_through) {
  for (const std::size_t count : {1UL, 249UL, 250UL, 251UL, 500UL, kMostFiltered}) {
    const auto peers = every_third(count);
    for (const std::size_t i : {std::size_t{1}, count / 2 + 1, count}) {
      EXPECT_TRUE(passes(peers, frame_to(NodeId(3 * i)))) << i << " of " << count;
      EXPECT_FALSE(passes(peers, frame_to(NodeId(3 * i + 1)))) << i << " of " << count;
    }
  }
}

TEST(SyntheticFilter, lets_nothing_through_without_peers) {
  EXPECT_FALSE(passes({}, frame_to(NodeId(1))));
}

TEST(SyntheticFilter, keeps_out_what_comes_from_a_peer_and_what_is_not_ipv4) {
  const std::set<NodeId> peers = {NodeId(5)};
  EXPECT_FALSE(passes(peers, synthetic_frame(NodeId(5), kMessage)));
  Bytes frame = frame_to(NodeId(5));
  frame[30] = 0x30;  // the same address in another block
  EXPECT_FALSE(passes(peers, frame));
  frame = frame_to(NodeId(5));
  frame[12] = 0x86;
  EXPECT_FALSE(passes(peers, frame));
  EXPECT_FALSE(passes(peers, Bytes(20, 0)));
}

}  // namespace
}  // namespace kernmesh::agent
