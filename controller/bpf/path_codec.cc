// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/path_codec.h"

#include "controller/bpf/convert.h"

namespace kernmesh::bpf {
namespace {

Result<mesh_hop> encode_hop(const Hop& hop) {
  const auto refuse = [&](const char* why) {
    return Error(ErrorCode::kInvalid, "path to " + to_string(hop.destination) + ": " + why);
  };
  if (hop.interface.value() == 0) return refuse("no interface");
  if (hop.destination.port.value() == 0) return refuse("no port");
  if (hop.source.family() != hop.destination.address.family()) {
    return refuse("source address of another family");
  }
  if (hop.destination.address.is_unspecified() || hop.destination.address.is_multicast() ||
      hop.destination.address.is_v4_mapped() || hop.source.is_v4_mapped() ||
      hop.source.is_unspecified()) {
    return refuse("not addresses of two hosts");
  }
  return mesh_hop{.src = to_abi(hop.source),
                  .dst = to_abi(hop.destination.address),
                  .ifindex = hop.interface.value(),
                  .channel = htobe32(hop.channel),
                  .dport = to_abi_be(hop.destination.port),
                  .mtu = hop.mtu_bytes,
                  .zero = 0};
}

Hop decode_hop(const mesh_hop& hop) {
  return {.interface = IfIndex(hop.ifindex),
          .source = from_abi(hop.src),
          .destination = {from_abi(hop.dst), port_from_be(hop.dport)},
          .mtu_bytes = hop.mtu,
          .channel = be32toh(hop.channel)};
}

}  // namespace

Result<mesh_path> encode(const Path& path) {
  if (path.use != Use::kPrimary && !path.secondary) {
    return Error(ErrorCode::kInvalid, "path uses a second hop that it does not have");
  }
  mesh_path out{};
  MESH_TRY_ASSIGN(out.hop[0], encode_hop(path.primary));
  if (path.secondary) {
    MESH_TRY_ASSIGN(out.hop[1], encode_hop(*path.secondary));
  }
  out.deadline_ns = static_cast<std::uint64_t>(path.deadline.time_since_epoch().count());
  out.use = static_cast<std::uint32_t>(path.use);
  return out;
}

Path decode(const mesh_path& path) {
  Path out{.primary = decode_hop(path.hop[0]),
           .secondary = std::nullopt,
           .use = static_cast<Use>(path.use & MESH_USE_BOTH),
           .deadline = MonoTime(std::chrono::nanoseconds(path.deadline_ns))};
  if (path.hop[1].ifindex != 0) out.secondary = decode_hop(path.hop[1]);
  return out;
}

mesh_source encode(const Source& source) {
  return {.addr = to_abi(source.endpoint.address),
          .channel = htobe32(source.channel),
          .port = to_abi_be(source.endpoint.port),
          .zero = 0};
}

Source decode(const mesh_source& source) {
  return {.endpoint = {from_abi(source.addr), port_from_be(source.port)},
          .channel = be32toh(source.channel)};
}

}  // namespace kernmesh::bpf
