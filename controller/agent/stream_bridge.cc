// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/stream_bridge.h"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "controller/agent/synthetic_frame.h"

namespace kernmesh::agent {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kMostQueued = 1024;  // frames; more are lost, as in any queue

Status set_filter(int socket, const std::set<NodeId>& peers) {
  auto program = synthetic_filter(peers);
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) == 0) return {};
  return Error::from_errno("filter the packets of peers that are reached over TLS", errno);
}

}  // namespace

StreamBridge::StreamBridge(host::EventLoop& loop, UniqueFd socket, IfIndex underlay, Events events)
    : loop_(loop), socket_(std::move(socket)), underlay_(underlay), events_(std::move(events)) {}

StreamBridge::~StreamBridge() { loop_.unwatch(socket_.get()); }

// Of all protocols: one of IPv4 alone would see what the programs have left over, which is nothing.
// The filter comes before the device, so that nothing else is ever taken.
Result<std::unique_ptr<StreamBridge>> StreamBridge::open(host::EventLoop& loop, IfIndex underlay,
                                                         Events events) {
  const std::string attempt = "open a packet socket on the underlay device";
  UniqueFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return Error::from_errno(attempt, errno);
  MESH_TRY(set_filter(socket.get(), {}));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(underlay.value());
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error::from_errno(attempt, errno);
  const int number = socket.get();
  std::unique_ptr<StreamBridge> bridge(
      new StreamBridge(loop, std::move(socket), underlay, std::move(events)));
  MESH_TRY(loop.watch(number, [b = bridge.get()] { b->receive(); }));
  return bridge;
}

Status StreamBridge::set_peers(const std::set<NodeId>& peers) {
  if (peers.size() > kMostFiltered)
    return Error(ErrorCode::kExhausted, std::to_string(peers.size()) + " peers over TLS, at most " +
                                            std::to_string(kMostFiltered) + " can be");
  return set_filter(socket_.get(), peers);
}

void StreamBridge::receive() {
  static thread_local std::array<std::array<std::uint8_t, kMostSyntheticFrame>, kBatch> buffers;
  std::array<iovec, kBatch> parts;
  std::array<mmsghdr, kBatch> messages{};
  std::array<sockaddr_ll, kBatch> sources{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {buffers[i].data(), buffers[i].size()};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &sources[i];
    messages[i].msg_hdr.msg_namelen = sizeof sources[i];
  }
  const int got = recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < got; ++i) {
    const auto n = static_cast<std::size_t>(i);
    if (sources[n].sll_pkttype == PACKET_OUTGOING) continue;  // towards WireGuard
    const std::span<const std::uint8_t> frame(buffers[n].data(), messages[n].msg_len);
    const auto [peer, message] = read_synthetic_frame(frame);
    if (!message.empty()) events_.on_message(peer, message);
  }
  events_.on_read();
}

void StreamBridge::deliver(NodeId peer, std::span<const std::uint8_t> message) {
  if (out_.size() >= kMostQueued) return;
  if (auto frame = synthetic_frame(peer, message); !frame.empty()) out_.push_back(std::move(frame));
}

// What the device does not take now is lost.
void StreamBridge::flush() {
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(underlay_.value());
  const auto frames = std::exchange(out_, {});
  for (std::size_t begin = 0; begin < frames.size(); begin += kBatch) {
    const std::size_t count = std::min(kBatch, frames.size() - begin);
    std::array<iovec, kBatch> parts;
    std::array<mmsghdr, kBatch> messages{};
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes& frame = frames[begin + i];
      parts[i] = {const_cast<std::uint8_t*>(frame.data()), frame.size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &to;
      messages[i].msg_hdr.msg_namelen = sizeof to;
    }
    if (sendmmsg(socket_.get(), messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT) < 0)
      return;
  }
}

}  // namespace kernmesh::agent
