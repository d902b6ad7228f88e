// SPDX-License-Identifier: Apache-2.0
// WireGuard's packets of peers that are reached over TLS (L3): taken off the underlay device, where
// its programs find no path for them, and put onto it as if they had come from the peer. Everything
// else passes by: a socket filter lets only those peers' packets up.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "controller/base/byte_order.h"
#include "controller/base/ids.h"
#include "controller/base/result.h"
#include "controller/host/event_loop.h"

namespace kernmesh::agent {

class StreamBridge {
 public:
  struct Events {
    // A message of WireGuard's to the peer, and after the last of those that came together.
    std::function<void(NodeId peer, std::span<const std::uint8_t> message)> on_message;
    std::function<void()> on_read;
  };
  // `underlay` is the host's end of the pair. Needs CAP_NET_RAW.
  static Result<std::unique_ptr<StreamBridge>> open(host::EventLoop& loop, IfIndex underlay,
                                                    Events events);
  ~StreamBridge();
  StreamBridge(const StreamBridge&) = delete;
  StreamBridge& operator=(const StreamBridge&) = delete;

  // Whose packets are taken; at most kMostFiltered (synthetic_frame.h).
  Status set_peers(const std::set<NodeId>& peers);
  // Queues a message of the peer for WireGuard; flush() hands all of them over.
  void deliver(NodeId peer, std::span<const std::uint8_t> message);
  void flush();

 private:
  StreamBridge(host::EventLoop& loop, UniqueFd socket, IfIndex underlay, Events events);
  void receive();

  host::EventLoop& loop_;
  UniqueFd socket_;
  const IfIndex underlay_;
  const Events events_;
  std::vector<Bytes> out_;  // frames
};

}  // namespace kernmesh::agent
