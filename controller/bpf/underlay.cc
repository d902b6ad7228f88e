// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/underlay.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <set>

#include "bpf/abi/underlay.h"
#include "bpf/underlay.skel.h"
#include "controller/base/unique_fd.h"
#include "controller/bpf/convert.h"
#include "controller/bpf/map.h"
#include "controller/bpf/predecessor.h"

namespace kernmesh::bpf {
namespace {

constexpr std::array<Reason, MESH_UNDERLAY_REASON_COUNT> kUnderlayReasons = {{
#define MESH_REASON_ROW(name, label, meaning) {label, meaning},
    MESH_UNDERLAY_REASONS(MESH_REASON_ROW)
#undef MESH_REASON_ROW
}};

constexpr const char* kOutName = "underlay_out";
constexpr const char* kInName = "underlay_in";
constexpr const char* kInL3Name = "underlay_in_l3";

// Entries of `locals` that the host's own addresses leave to those inside the mesh, of which a node
// has one of each family.
constexpr std::uint32_t kOverlayRoom = 16;

Map<std::uint32_t, mesh_underlay_config> underlay_config(const Object& o) {
  return {o.map_fd("config"), "config"};
}
Map<mesh_addr, std::uint32_t> local_map(const Object& o) { return {o.map_fd("locals"), "locals"}; }

// Whether packets of the interface start with an Ethernet header; kUnsupported for other links.
Result<bool> is_ethernet(IfIndex interface) {
  // Not if_indextoname(), which says that there is none when it cannot ask.
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  request.ifr_ifindex = static_cast<int>(interface.value());
  if (!socket || ioctl(socket.get(), SIOCGIFNAME, &request) != 0) {
    return Error::from_errno("find interface " + to_string(interface), errno);
  }
  if (ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0) {
    return Error::from_errno(std::string("read type of ") + request.ifr_name, errno);
  }
  switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      return true;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_RAWIP:
      return false;
    default:
      return Error(ErrorCode::kUnsupported, std::string(request.ifr_name) + " has link type " +
                                                std::to_string(request.ifr_hwaddr.sa_family) +
                                                "; only Ethernet and bare IP links carry paths");
  }
}

bool contains(const std::vector<IpAddress>& addresses, const IpAddress& address) {
  return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
}

// How many entries an array map really has; it may be an earlier agent's.
std::uint32_t entries_of(int map_fd) {
  bpf_map_info info{};
  __u32 size = sizeof(info);
  return bpf_obj_get_info_by_fd(map_fd, &info, &size) == 0 ? info.max_entries : 0;
}

}  // namespace

IpAddress synthetic_self() { return IpAddress::from_v4_number(MESH_SYNTH_SELF); }

IpAddress synthetic_peer(std::uint32_t number) {
  assert(number > 0 && MESH_SYNTH_NET + number < MESH_SYNTH_SELF);
  return IpAddress::from_v4_number(MESH_SYNTH_NET + number);
}

Result<Underlay> Underlay::open(const UnderlayOptions& options) {
  MESH_TRY_ASSIGN(PinFolder pins, PinFolder::open(options.instance));
  std::size_t size = 0;
  const void* bytes = underlay_bpf__elf_bytes(&size);
  MESH_TRY_ASSIGN(Object object, Object::open("underlay", {static_cast<const char*>(bytes), size}));
  for (const auto& [map, factor] : {std::pair{"paths", 1U}, {"sources", 4U}, {"indices", 4U}}) {
    MESH_TRY(object.set_max_entries(map, options.max_peers * factor));
  }
  MESH_TRY(object.set_max_entries("traffic", 2 * options.max_peers + 1));
  const std::uint64_t owner = owner_of(options.instance);
  MESH_TRY_ASSIGN(auto succession,
                  Succession::begin(object, pins, find_underlay_predecessors(owner)));
  MESH_TRY(object.load(options.parts));
  MESH_TRY(object.pin(pins));
  MESH_TRY(succession.fill(object));
  Underlay out(std::move(object), std::move(pins), owner, std::move(succession));
  MESH_TRY(out.claim());
  MESH_TRY(out.read_slots());
  return out;
}

Underlay::Underlay(Object object, PinFolder pins, std::uint64_t owner, Succession succession)
    : object_(std::move(object)),
      pins_(std::move(pins)),
      owner_(owner),
      succession_(std::move(succession)),
      slots_(std::max(entries_of(object_.map_fd("traffic")), 1U) - 1) {}

Status Underlay::replace_predecessors() {
  if (!succession_.is_of_other_version() || !succession_.has_state()) return {};
  for (const auto program : {UnderlayProgram::kIn, UnderlayProgram::kOut}) {
    for (const IfIndex interface : interfaces()) {
      // A link that carries no packets of ours, or is gone by now.
      const auto state = query(interface, program);
      if (state && state->attached && !state->current) MESH_TRY(attach(interface, program));
    }
    MESH_TRY(succession_.catch_up(object_));
  }
  succession_.finish();
  return {};
}

Status Underlay::claim() {
  const auto map = underlay_config(object_);
  MESH_TRY_ASSIGN(auto value, map.get(0));
  if (!value) return Error(ErrorCode::kConflict, "the programs' configuration cannot be read");
  if (value->owner == owner_ && value->abi == MESH_ABI_VERSION) return {};
  if (value->owner != 0) {
    return Error(ErrorCode::kConflict,
                 "the maps in " + pins_.path() + " belong to another instance or version");
  }
  value->owner = owner_;
  value->abi = MESH_ABI_VERSION;
  return map.set(0, *value);
}

Result<OwnProgram> Underlay::own_program(IfIndex interface, UnderlayProgram program) const {
  const char* name = kOutName;
  if (program == UnderlayProgram::kIn) {
    MESH_TRY_ASSIGN(const bool ethernet, is_ethernet(interface));
    name = ethernet ? kInName : kInL3Name;
  }
  const int fd = object_.program_fd(name);
  MESH_TRY_ASSIGN(ProgramInfo info, program_info(fd));
  return OwnProgram{fd, std::move(info), object_.map_ids(), [owner = owner_](const ProgramInfo& p) {
                      const auto claimed = ownership(p);
                      return claimed && claimed->owner == owner;
                    }};
}

Status Underlay::attach(IfIndex interface, UnderlayProgram program) {
  if (settled_.is_settled(interface, Hook::kIngress)) return {};
  MESH_TRY_ASSIGN(const OwnProgram own, own_program(interface, program));
  MESH_TRY(attach_program(interface, Hook::kIngress, own));
  settled_.settle(interface, Hook::kIngress, own);
  return {};
}

Status Underlay::detach(IfIndex interface, UnderlayProgram program) {
  const auto own = own_program(interface, program);
  if (!own) {
    // It is gone, or of a kind to which none of ours can have been attached.
    const ErrorCode code = own.error().code();
    if (code == ErrorCode::kNotFound || code == ErrorCode::kUnsupported) return {};
    return own.error();
  }
  return detach_program(interface, Hook::kIngress, *own);
}

Result<AttachmentState> Underlay::query(IfIndex interface, UnderlayProgram program) const {
  MESH_TRY_ASSIGN(const OwnProgram own, own_program(interface, program));
  return query_attachment(interface, Hook::kIngress, own);
}

Status Underlay::remove() {
  for (const IfIndex interface : interfaces()) {
    MESH_TRY(detach(interface, UnderlayProgram::kOut));
    MESH_TRY(detach(interface, UnderlayProgram::kIn));
  }
  return pins_.remove_all_versions();
}

Status Underlay::set_config(const UnderlayConfig& config) {
  if (config.meshu.value() == 0 || config.public_port.value() == 0 ||
      config.synth_port.value() == 0 || config.wg_port.value() == 0) {
    return Error(ErrorCode::kInvalid, "underlay configuration without interface or port");
  }
  const mesh_underlay_config value{.owner = owner_,
                                   .abi = MESH_ABI_VERSION,
                                   .meshu_ifindex = config.meshu.value(),
                                   .self_synth = htobe32(MESH_SYNTH_SELF),
                                   .public_port = to_abi_be(config.public_port),
                                   .synth_port = to_abi_be(config.synth_port),
                                   .wg_port = to_abi_be(config.wg_port),
                                   .zero = {}};
  return underlay_config(object_).set(0, value);
}

Result<std::optional<UnderlayConfig>> Underlay::config() const {
  MESH_TRY_ASSIGN(const auto value, underlay_config(object_).get(0));
  if (!value || value->meshu_ifindex == 0) return std::optional<UnderlayConfig>();
  return std::optional<UnderlayConfig>(
      UnderlayConfig{.meshu = IfIndex(value->meshu_ifindex),
                     .public_port = port_from_be(value->public_port),
                     .synth_port = port_from_be(value->synth_port),
                     .wg_port = port_from_be(value->wg_port)});
}

std::size_t Underlay::most_locals() const {
  const std::uint32_t entries = entries_of(object_.map_fd("locals"));
  return entries > kOverlayRoom ? entries - kOverlayRoom : 0;
}

Status Underlay::set_locals(const std::vector<IpAddress>& addresses) {
  const auto map = local_map(object_);
  MESH_TRY_ASSIGN(const auto present, map.dump());
  const std::size_t most = std::min(addresses.size(), most_locals());
  const std::set<IpAddress> fitting(addresses.begin(), addresses.begin() + most);
  std::set<IpAddress> others;
  for (const auto& [key, kind] : present) {
    const IpAddress address = from_abi(key);
    if (kind != MESH_LOCAL_UNDERLAY) {
      others.insert(address);
    } else if (!fitting.contains(address)) {
      MESH_TRY(map.erase(key));
    }
  }
  for (const IpAddress& a : fitting) {
    if (!others.contains(a)) MESH_TRY(map.set(to_abi(a), MESH_LOCAL_UNDERLAY));
  }
  return {};
}

Status Underlay::set_overlay(const std::vector<IpAddress>& addresses) {
  const auto map = local_map(object_);
  for (const IpAddress& a : addresses) MESH_TRY(map.set(to_abi(a), MESH_LOCAL_OVERLAY));
  MESH_TRY_ASSIGN(const auto present, map.dump());
  for (const auto& [key, kind] : present) {
    if (kind == MESH_LOCAL_OVERLAY && !contains(addresses, from_abi(key))) {
      MESH_TRY(map.erase(key));
    }
  }
  return {};
}

Result<std::vector<Counter>> Underlay::counters() const {
  return read_counters(object_.map_fd("counters"), kUnderlayReasons);
}

Result<EventStream> Underlay::events() const { return EventStream::open(object_.map_fd("events")); }

Result<HandshakeStream> Underlay::handshakes() const {
  return HandshakeStream::open(object_.map_fd("handshakes"));
}

}  // namespace kernmesh::bpf
