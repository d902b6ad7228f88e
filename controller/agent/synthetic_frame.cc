// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/synthetic_frame.h"

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "bpf/abi/underlay.h"
#include "controller/core/reconcile/desired.h"

namespace kernmesh::agent {
namespace {

constexpr std::size_t kEthernet = ETH_HLEN, kIpv4 = sizeof(iphdr), kUdp = 8;
constexpr std::size_t kHeaders = kEthernet + kIpv4 + kUdp;
constexpr std::size_t kTypeAt = offsetof(ethhdr, h_proto);
constexpr std::size_t kDestinationAt = kEthernet + offsetof(iphdr, daddr);
constexpr std::size_t kProtocolAt = kEthernet + offsetof(iphdr, protocol);
constexpr std::uint32_t kSyntheticBlock = 0xf0000000;  // 240.0.0.0/4

std::uint16_t ip_checksum(std::span<const std::uint8_t> header) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < header.size(); at += 2) sum += header[at] << 8 | header[at + 1];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

Bytes synthetic_frame(NodeId peer, std::span<const std::uint8_t> message) {
  constexpr std::array<std::uint8_t, ETH_ALEN> kTo = MESH_MAC_PRIVATE, kFrom = MESH_MAC_HOST;
  Bytes frame;
  if (kHeaders + message.size() > kMostSyntheticFrame) return frame;
  frame.reserve(kHeaders + message.size());
  put_bytes(frame, kTo);
  put_bytes(frame, kFrom);
  put_number(frame, ETH_P_IP, 2);
  put_number(frame, 0x4500, 2);
  put_number(frame, kIpv4 + kUdp + message.size(), 2);
  put_number(frame, 0, 4);
  put_number(frame, IPDEFTTL << 8 | IPPROTO_UDP, 2);
  put_number(frame, 0, 2);
  put_number(frame, reconcile::synthetic_address(peer).to_v4_number(), 4);
  put_number(frame, MESH_SYNTH_SELF, 4);
  const std::uint16_t sum = ip_checksum(std::span(frame).subspan(kEthernet, kIpv4));
  constexpr std::size_t kSumAt = kEthernet + offsetof(iphdr, check);
  frame[kSumAt] = static_cast<std::uint8_t>(sum >> 8);
  frame[kSumAt + 1] = static_cast<std::uint8_t>(sum);
  put_number(frame, reconcile::kSyntheticPort.value(), 2);
  put_number(frame, reconcile::kSyntheticPort.value(), 2);
  put_number(frame, kUdp + message.size(), 2);
  put_number(frame, 0, 2);
  put_bytes(frame, message);
  return frame;
}

SyntheticMessage read_synthetic_frame(std::span<const std::uint8_t> frame) {
  constexpr std::uint8_t kPlainIpv4 = 0x45;  // without options, which WireGuard's socket sets none
  if (frame.size() < kHeaders || (frame[kTypeAt] << 8 | frame[kTypeAt + 1]) != ETH_P_IP ||
      frame[kEthernet] != kPlainIpv4 || frame[kProtocolAt] != IPPROTO_UDP) {
    return {};
  }
  ByteReader at(frame.subspan(kDestinationAt));
  const auto destination = static_cast<std::uint32_t>(at.take_number<4>());
  const auto udp = frame.subspan(kEthernet + kIpv4);
  const std::size_t length = udp[4] << 8 | udp[5];
  if (length < kUdp || length > udp.size()) return {};
  return {reconcile::node_of_synthetic(IpAddress::from_v4_number(destination)),
          udp.subspan(kUdp, length - kUdp)};
}

std::vector<sock_filter> synthetic_filter(const std::set<NodeId>& peers) {
  constexpr std::uint16_t kLoadWord = BPF_LD | BPF_W | BPF_ABS,
                          kLoadHalf = BPF_LD | BPF_H | BPF_ABS;
  constexpr std::uint16_t kIsEqual = BPF_JMP | BPF_JEQ | BPF_K, kReturn = BPF_RET | BPF_K;
  constexpr std::uint16_t kIsLeast = BPF_JMP | BPF_JGE | BPF_K, kAnd = BPF_ALU | BPF_AND | BPF_K;
  constexpr std::size_t kInReach = 250;  // jumps have a byte
  std::vector<sock_filter> program = {{kLoadHalf, 0, 0, kTypeAt},
                                      {kIsEqual, 1, 0, ETH_P_IP},
                                      {kReturn, 0, 0, 0},
                                      {kLoadWord, 0, 0, kDestinationAt},
                                      {kIsLeast, 1, 0, kSyntheticBlock},
                                      {kReturn, 0, 0, 0},
                                      // Constants with the sign bit cost the kernel another one.
                                      {kAnd, 0, 0, ~kSyntheticBlock}};
  auto next = peers.begin();
  for (std::size_t left = peers.size(); left > 0;) {
    const std::size_t batch = std::min(left, kInReach);
    for (std::size_t i = 0; i < batch; ++i, ++next) {
      const std::uint32_t address = reconcile::synthetic_address(*next).to_v4_number();
      const auto to_accept = static_cast<std::uint8_t>(batch - i);
      program.push_back({kIsEqual, to_accept, 0, address & ~kSyntheticBlock});
    }
    program.push_back({BPF_JMP | BPF_JA, 0, 0, 1});
    program.push_back({kReturn, 0, 0, kMostSyntheticFrame});
    left -= batch;
  }
  program.push_back({kReturn, 0, 0, 0});
  return program;
}

}  // namespace kernmesh::agent
