// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/event_stream.h"

#include <algorithm>
#include <chrono>

#include "controller/bpf/convert.h"

namespace kernmesh::bpf {

Result<EventStream> EventStream::open(int map_fd) {
  MESH_TRY_ASSIGN(auto ring, Ring<mesh_unknown_initiation>::open(map_fd));
  return EventStream(std::move(ring));
}

Result<std::vector<UnknownInitiation>> EventStream::read() {
  MESH_TRY_ASSIGN(const auto records, ring_.read());
  std::vector<UnknownInitiation> initiations;
  initiations.reserve(records.size());
  for (const auto& e : records) {
    initiations.push_back({.source = {from_abi(e.src), port_from_be(e.sport)},
                           .destination = from_abi(e.dst),
                           .interface = IfIndex(e.ifindex),
                           .at = MonoTime(std::chrono::nanoseconds(e.boot_ns))});
  }
  return initiations;
}

Result<HandshakeStream> HandshakeStream::open(int map_fd) {
  MESH_TRY_ASSIGN(auto ring, Ring<mesh_handshake>::open(map_fd));
  return HandshakeStream(std::move(ring));
}

Result<std::vector<OwnHandshake>> HandshakeStream::read() {
  MESH_TRY_ASSIGN(const auto records, ring_.read());
  std::vector<OwnHandshake> handshakes;
  handshakes.reserve(records.size());
  for (const auto& e : records) {
    const auto length = std::min<std::size_t>(e.length, sizeof e.message);
    handshakes.push_back({.synth = synth_from_be(e.synth),
                          .at = MonoTime(std::chrono::nanoseconds(e.boot_ns)),
                          .message = Bytes(e.message, e.message + length),
                          .was_sent = e.sent != 0});
  }
  return handshakes;
}

}  // namespace kernmesh::bpf
