// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/kernel_path.h"

#include <fcntl.h>
#include <net/if.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "controller/base/unique_fd.h"
#include "controller/relay/neighbour.h"

namespace kernmesh::relay {
namespace {

constexpr int kProbes = 3;
constexpr int kChecksOfProbe = 40;
constexpr timespec kPause{0, 10'000'000};  // a neighbour on the same Ethernet answers in a few ms

struct Try {
  bpf::XdpMode mode;
  bpf::SendBack send_back;
  const char* name;
};
// Best first. On a veth whose peer has no program XDP_TX is lost and a redirect may not be.
constexpr std::array<Try, 3> kTries{{{bpf::XdpMode::kNative, bpf::SendBack::kTx, "native"},
                                     {bpf::XdpMode::kNative, bpf::SendBack::kRedirect, "native"},
                                     {bpf::XdpMode::kGeneric, bpf::SendBack::kTx, "generic"}}};

Status write_setting(const char* path) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), "1", 1) != 1)
    return Error::from_errno(std::string("set ") + path, errno);
  return {};
}

std::uint64_t count_of(const bpf::Relay& relay, std::string_view label) {
  const auto counters = relay.counters();
  if (!counters) return 0;
  for (const auto& counter : *counters) {
    if (counter.reason.label == label) return counter.packets;
  }
  return 0;
}

// Drivers that hand frames to a peer without a wire: there an unproven native path is not taken.
bool is_virtual(const std::string& interface) {
  return access(("/sys/class/net/" + interface + "/device").c_str(), F_OK) != 0;
}

}  // namespace

Status allow_lookups_from_lo() {
  MESH_TRY(write_setting("/proc/sys/net/ipv4/conf/lo/forwarding"));
  // Without IPv6 there is nothing to allow.
  (void)write_setting("/proc/sys/net/ipv6/conf/lo/forwarding");
  return {};
}

Result<KernelPath> KernelPath::open(const KernelPathOptions& options) {
  MESH_TRY_ASSIGN(auto relay, bpf::Relay::open({options.instance, options.max_channels}));
  MESH_TRY(allow_lookups_from_lo());
  KernelPath path(std::move(relay), options.config);
  MESH_TRY_ASSIGN(const auto send_back, path.relay_.send_back());
  path.config_.send_back = send_back;
  path.must_redirect_ = send_back == bpf::SendBack::kRedirect;
  if (!path.adopted()) path.config_.port = Port(0);
  MESH_TRY(path.relay_.set_config(path.config_));
  for (const auto& interface : options.interfaces) path.ports_.push_back(path.take(interface));
  MESH_TRY(path.relay_.end_predecessors());
  return path;
}

std::vector<std::string> KernelPath::names() const {
  std::vector<std::string> out;
  for (const auto& port : ports_) out.push_back(port.interface);
  return out;
}

bool KernelPath::carries() const {
  return std::any_of(ports_.begin(), ports_.end(),
                     [](const PortState& port) { return port.mode != "none"; });
}

Result<bool> KernelPath::comes_back(const std::string& interface, const IpAddress& neighbour) {
  config_.probe = neighbour;
  MESH_TRY(relay_.set_config(config_));
  const auto before = count_of(relay_, "probe_back");
  bool back = false;
  for (int i = 0; i < kProbes && !back; ++i) {
    MESH_TRY(send_arp_request(interface, neighbour));
    for (int j = 0; j < kChecksOfProbe && !back; ++j) {
      nanosleep(&kPause, nullptr);
      back = count_of(relay_, "probe_back") > before;
    }
  }
  config_.probe = IpAddress();
  MESH_TRY(relay_.set_config(config_));
  return back;
}

PortState KernelPath::take(const std::string& interface) {
  const IfIndex index(if_nametoindex(interface.c_str()));
  if (index.value() == 0) return {interface, "none", "no such interface"};
  PortState port = take(interface, index);
  port.index = index;
  return port;
}

bool KernelPath::is_as_it_was(const PortState& port) const {
  const IfIndex index(if_nametoindex(port.interface.c_str()));
  if (index != port.index) return false;
  if (port.mode == "none") return true;
  const auto there = relay_.query(index);
  if (!there) return true;  // what cannot be asked is left alone
  return *there && relay_.shares_maps((*there)->program);
}

bool KernelPath::lacks_interface() const {
  return std::any_of(ports_.begin(), ports_.end(),
                     [](const PortState& port) { return port.index == IfIndex(); });
}

std::vector<PortState> KernelPath::tend(const std::vector<std::string>& interfaces) {
  std::vector<PortState> news;
  for (auto& port : ports_) {
    if (is_as_it_was(port)) continue;
    if (port.mode != "none" && port.index.value() != 0) (void)relay_.detach(port.index);
    port = take(port.interface);
    news.push_back(port);
  }
  for (const auto& interface : interfaces) {
    const bool known = std::any_of(ports_.begin(), ports_.end(), [&](const PortState& port) {
      return port.interface == interface;
    });
    if (known) continue;
    news.push_back(ports_.emplace_back(take(interface)));
  }
  return news;
}

PortState KernelPath::take(const std::string& interface, IfIndex index) {
  const auto there = relay_.query(index);
  if (there && *there && relay_.shares_maps((*there)->program)) {
    const auto kept = relay_.attach(index, (*there)->mode);
    if (kept) {
      const bool native = (*there)->mode == bpf::XdpMode::kNative;
      return {interface, native ? "native" : "generic", "taken over from an earlier run"};
    }
  }
  const auto neighbour = find_neighbour(interface);
  std::string why;
  bool is_taken = false;
  for (const Try& attempt : kTries) {
    const bool native = attempt.mode == bpf::XdpMode::kNative;
    if (!neighbour && native && is_virtual(interface)) continue;
    config_.send_back = must_redirect_ ? bpf::SendBack::kRedirect : attempt.send_back;
    if (const auto attached = relay_.attach(index, attempt.mode); !attached) {
      why = attached.error().message();
      is_taken = attached.error().code() == ErrorCode::kConflict;
      continue;
    }
    if (!neighbour) {
      (void)relay_.set_config(config_);
      return {interface, attempt.name, "not tested: no neighbour is known"};
    }
    const auto back = comes_back(interface, *neighbour);
    if (back && *back) {
      must_redirect_ = config_.send_back == bpf::SendBack::kRedirect;
      return {interface, attempt.name, "a frame came back from " + to_string(*neighbour)};
    }
    why = back ? "no frame came back from " + to_string(*neighbour) : back.error().message();
    (void)relay_.detach(index);
  }
  config_.send_back = must_redirect_ ? bpf::SendBack::kRedirect : bpf::SendBack::kTx;
  (void)relay_.set_config(config_);
  return {interface, "none", why, is_taken};
}

std::uint64_t KernelPath::forwarded() const {
  const auto counters = relay_.counters();
  std::uint64_t sum = 0;
  for (const auto& counter : counters ? *counters : std::vector<bpf::Counter>()) {
    if (counter.reason.label == "sent_back" || counter.reason.label == "redirected")
      sum += counter.packets;
  }
  return sum;
}

Status KernelPath::begin(const std::set<bpf::RelaySource>& wanted) {
  MESH_TRY_ASSIGN(const auto there, relay_.channels());
  for (const auto& source : there) {
    if (!wanted.contains(source)) MESH_TRY(relay_.remove_channel(source));
  }
  config_.port = port_;
  return relay_.set_config(config_);
}

}  // namespace kernmesh::relay
