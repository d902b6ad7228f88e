// SPDX-License-Identifier: Apache-2.0
// Handshakes as the programs report them (L2): initiations from unknown sources, and this node's
// own. Not thread-safe.
#pragma once

#include <utility>
#include <vector>

#include "bpf/abi/handshake.h"
#include "bpf/abi/underlay.h"
#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/result.h"
#include "controller/bpf/ring.h"

namespace kernmesh::bpf {

// Somebody who wants to talk and whose address no path explains. Not authenticated, may be forged.
struct UnknownInitiation {
  Endpoint source;
  IpAddress destination;
  IfIndex interface;
  MonoTime at;
};

// An initiation or a response of WireGuard's.
struct OwnHandshake {
  IpAddress synth;  // the peer's
  MonoTime at;
  Bytes message;
  bool was_sent = false;  // else there was no path
};

class EventStream {
 public:
  static Result<EventStream> open(int ring_buffer_map_fd);

  // Readable when read() has something to return. Owned by the stream.
  int fd() const { return ring_.fd(); }
  // Everything that waits, without blocking; bounded by the size of the buffer.
  Result<std::vector<UnknownInitiation>> read();

 private:
  explicit EventStream(Ring<mesh_unknown_initiation> ring) : ring_(std::move(ring)) {}
  Ring<mesh_unknown_initiation> ring_;
};

class HandshakeStream {
 public:
  static Result<HandshakeStream> open(int ring_buffer_map_fd);

  // Both as in EventStream.
  int fd() const { return ring_.fd(); }
  Result<std::vector<OwnHandshake>> read();

 private:
  explicit HandshakeStream(Ring<mesh_handshake> ring) : ring_(std::move(ring)) {}
  Ring<mesh_handshake> ring_;
};

}  // namespace kernmesh::bpf
