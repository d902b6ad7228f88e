// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/underlay.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>

#include "bpf/abi/underlay.h"
#include "bpf/underlay.skel.h"
#include "controller/base/unique_fd.h"
#include "controller/bpf/convert.h"
#include "controller/bpf/map.h"
#include "controller/bpf/path_codec.h"

namespace kernmesh::bpf {
namespace {

constexpr std::array<Reason, MESH_UNDERLAY_REASON_COUNT> kReasons = {{
#define MESH_REASON_ROW(name, label, meaning) {label, meaning},
    MESH_UNDERLAY_REASONS(MESH_REASON_ROW)
#undef MESH_REASON_ROW
}};

constexpr const char* kOutName = "underlay_out";
constexpr const char* kInName = "underlay_in";
constexpr const char* kInL3Name = "underlay_in_l3";

Map<std::uint32_t, mesh_underlay_config> config_map(const Object& o) {
  return {o.map_fd("config"), "config"};
}
Map<std::uint32_t, mesh_path> path_map(const Object& o) { return {o.map_fd("paths"), "paths"}; }
Map<mesh_source, std::uint32_t> source_map(const Object& o) {
  return {o.map_fd("sources"), "sources"};
}
Map<mesh_addr, std::uint32_t> local_map(const Object& o) { return {o.map_fd("locals"), "locals"}; }

// Whether packets of the interface start with an Ethernet header; kUnsupported for other links.
Result<bool> is_ethernet(IfIndex interface) {
  ifreq request{};
  if (if_indextoname(interface.value(), request.ifr_name) == nullptr) {
    return Error::from_errno("find interface " + to_string(interface), errno);
  }
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket || ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0) {
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

// The programs that an earlier agent left: underlay_out on meshu and every underlay_in of this
// namespace that shares a map with it. No program alone uses all maps.
std::vector<std::uint32_t> find_predecessors(IfIndex meshu) {
  std::vector<std::uint32_t> ids, maps;
  const auto programs_of = [](IfIndex interface) {
    const auto state = query_hook(interface, Hook::kIngress);
    return state ? state->programs : std::vector<AttachedProgram>();
  };
  if (meshu.value() == 0) return ids;
  for (const AttachedProgram& p : programs_of(meshu)) {
    if (p.info.name != kOutName) continue;
    ids.push_back(p.info.id);
    maps = p.info.map_ids;
  }
  const auto shared = [&](std::uint32_t id) {
    return std::binary_search(maps.begin(), maps.end(), id);
  };
  if (ids.empty()) return ids;
  for (const IfIndex interface : interfaces()) {
    for (const AttachedProgram& p : programs_of(interface)) {
      const bool in = p.info.name == kInName || p.info.name == kInL3Name;
      if (in && std::any_of(p.info.map_ids.begin(), p.info.map_ids.end(), shared)) {
        ids.push_back(p.info.id);
      }
    }
  }
  return ids;
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
  MESH_TRY_ASSIGN(int adopted, object.adopt_pins(pins));
  for (const std::uint32_t id : find_predecessors(options.meshu)) {
    MESH_TRY_ASSIGN(const int more, object.adopt_program(id));
    adopted += more;
  }
  for (const auto& [map, factor] :
       {std::pair{"paths", 1U}, {"traffic", 1U}, {"sources", 4U}, {"indices", 4U}}) {
    MESH_TRY(object.set_max_entries(map, options.max_peers * factor));
  }
  MESH_TRY(object.load());
  MESH_TRY(object.pin(pins));
  return Underlay(std::move(object), std::move(pins), adopted > 0);
}

Result<OwnProgram> Underlay::own_program(IfIndex interface, UnderlayProgram program) const {
  const char* name = kOutName;
  if (program == UnderlayProgram::kIn) {
    MESH_TRY_ASSIGN(const bool ethernet, is_ethernet(interface));
    name = ethernet ? kInName : kInL3Name;
  }
  const int fd = object_.program_fd(name);
  MESH_TRY_ASSIGN(ProgramInfo info, program_info(fd));
  return OwnProgram{fd, std::move(info), object_.map_ids()};
}

Status Underlay::attach(IfIndex interface, UnderlayProgram program) {
  MESH_TRY_ASSIGN(const OwnProgram own, own_program(interface, program));
  return attach_program(interface, Hook::kIngress, own);
}

Status Underlay::detach(IfIndex interface, UnderlayProgram program) {
  const auto own = own_program(interface, program);
  if (!own) {
    if (own.error().code() == ErrorCode::kNotFound) return {};
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
    const auto in = detach(interface, UnderlayProgram::kIn);
    if (!in && in.error().code() != ErrorCode::kUnsupported) return in.error();
  }
  return pins_.remove();
}

Status Underlay::set_config(const UnderlayConfig& config) {
  if (config.meshu.value() == 0 || config.public_port.value() == 0 ||
      config.synth_port.value() == 0 || config.wg_port.value() == 0) {
    return Error(ErrorCode::kInvalid, "underlay configuration without interface or port");
  }
  const mesh_underlay_config value{.meshu_ifindex = config.meshu.value(),
                                   .self_synth = htobe32(MESH_SYNTH_SELF),
                                   .public_port = to_abi_be(config.public_port),
                                   .synth_port = to_abi_be(config.synth_port),
                                   .wg_port = to_abi_be(config.wg_port),
                                   .zero = 0};
  return config_map(object_).set(0, value);
}

Result<std::optional<UnderlayConfig>> Underlay::config() const {
  MESH_TRY_ASSIGN(const auto value, config_map(object_).get(0));
  if (!value || value->meshu_ifindex == 0) return std::optional<UnderlayConfig>();
  return std::optional<UnderlayConfig>(
      UnderlayConfig{.meshu = IfIndex(value->meshu_ifindex),
                     .public_port = port_from_be(value->public_port),
                     .synth_port = port_from_be(value->synth_port),
                     .wg_port = port_from_be(value->wg_port)});
}

Status Underlay::set_locals(const std::vector<IpAddress>& addresses) {
  const auto map = local_map(object_);
  for (const IpAddress& a : addresses) MESH_TRY(map.set(to_abi(a), 1));
  MESH_TRY_ASSIGN(const auto present, map.dump());
  for (const auto& entry : present) {
    const IpAddress address = from_abi(entry.first);
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      MESH_TRY(map.erase(entry.first));
    }
  }
  return {};
}

Status Underlay::make_traffic(std::uint32_t synth_be) {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return Error::from_errno("count CPUs", -cpus);
  const std::vector<mesh_traffic> zero(static_cast<std::size_t>(cpus));
  // The kernel refills its reserve for such entries a little later than thousands of writes in a
  // row empty it, and says ENOMEM meanwhile.
  constexpr int kAttempts = 200;
  constexpr timespec kPause{0, 100'000};
  for (int attempt = 1;; ++attempt) {
    if (bpf_map_update_elem(object_.map_fd("traffic"), &synth_be, zero.data(), BPF_NOEXIST) == 0 ||
        errno == EEXIST) {
      return {};
    }
    if (errno != ENOMEM || attempt == kAttempts) {
      return Error::from_errno("make traffic counters", errno);
    }
    nanosleep(&kPause, nullptr);
  }
}

Status Underlay::set_path(const IpAddress& synth, const Path& path) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const mesh_path value, encode(path));
  MESH_TRY_ASSIGN(const auto current, config());
  if (current && (path.primary.interface == current->meshu ||
                  (path.secondary && path.secondary->interface == current->meshu))) {
    return Error(ErrorCode::kInvalid,
                 "a path cannot lead through the private namespace's own link");
  }
  MESH_TRY(make_traffic(key));
  return path_map(object_).set(key, value);
}

Status Underlay::remove_path(const IpAddress& synth) {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY(path_map(object_).erase(key));
  if (bpf_map_delete_elem(object_.map_fd("traffic"), &key) != 0 && errno != ENOENT) {
    return Error::from_errno("remove traffic counters", errno);
  }
  return {};
}

Result<std::optional<Path>> Underlay::path(const IpAddress& synth) const {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const auto value, path_map(object_).get(key));
  return value ? std::optional<Path>(decode(*value)) : std::nullopt;
}

Result<std::vector<std::pair<IpAddress, Path>>> Underlay::paths() const {
  MESH_TRY_ASSIGN(const auto entries, path_map(object_).dump());
  std::vector<std::pair<IpAddress, Path>> out;
  out.reserve(entries.size());
  for (const auto& [key, value] : entries) out.emplace_back(synth_from_be(key), decode(value));
  return out;
}

Status Underlay::set_source(const Source& source, const IpAddress& synth) {
  MESH_TRY_ASSIGN(const std::uint32_t value, synth_to_be(synth));
  return source_map(object_).set(encode(source), value);
}

Status Underlay::remove_source(const Source& source) {
  return source_map(object_).erase(encode(source));
}

Result<std::vector<std::pair<Source, IpAddress>>> Underlay::sources() const {
  MESH_TRY_ASSIGN(const auto entries, source_map(object_).dump());
  std::vector<std::pair<Source, IpAddress>> out;
  out.reserve(entries.size());
  for (const auto& [key, value] : entries) out.emplace_back(decode(key), synth_from_be(value));
  return out;
}

Result<std::optional<Traffic>> Underlay::traffic(const IpAddress& synth) const {
  MESH_TRY_ASSIGN(const std::uint32_t key, synth_to_be(synth));
  MESH_TRY_ASSIGN(const auto values, read_per_cpu<mesh_traffic>(object_.map_fd("traffic"), &key));
  if (!values) return std::optional<Traffic>();
  Traffic sum;
  for (const mesh_traffic& v : *values) {
    sum.rx_pkts += v.rx_pkts;
    sum.rx_bytes += v.rx_bytes;
    sum.tx_pkts += v.tx_pkts;
    sum.tx_bytes += v.tx_bytes;
    sum.rx_last = std::max(sum.rx_last, MonoTime(std::chrono::nanoseconds(v.rx_last_ns)));
    sum.tx_last = std::max(sum.tx_last, MonoTime(std::chrono::nanoseconds(v.tx_last_ns)));
  }
  return std::optional<Traffic>(sum);
}

Result<std::vector<Counter>> Underlay::counters() const {
  return read_counters(object_.map_fd("counters"), kReasons);
}

Result<EventStream> Underlay::events() const { return EventStream::open(object_.map_fd("events")); }

}  // namespace kernmesh::bpf
