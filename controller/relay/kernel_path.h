// SPDX-License-Identifier: Apache-2.0
// The relay's fast path on this host (L3): which interfaces carry the XDP program, in which mode,
// proven by a frame that went out through it and came back. Without it the daemon forwards alone.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "controller/bpf/relay.h"

namespace kernmesh::relay {

struct KernelPathOptions {
  std::string instance;
  std::vector<std::string> interfaces;
  bpf::RelayConfig config;
  std::uint32_t max_channels = 65536;
};

// What became of an interface.
struct PortState {
  std::string interface;
  std::string mode;       // "native", "generic", or "none"
  std::string why;        // for people
  bool is_taken = false;  // "none" because another's program is there
  IfIndex index{};        // which it was; 0: there was none of that name
};

class KernelPath {
 public:
  // What an earlier run attached stays as it is, but for maps of another layout: that is replaced,
  // and passes data up until begin(). An interface that cannot carry the program has mode "none";
  // that is no error. kUnsupported, kPermissionDenied: no BPF here at all.
  static Result<KernelPath> open(const KernelPathOptions& options);

  const std::vector<PortState>& ports() const { return ports_; }
  std::vector<std::string> names() const;  // of the interfaces that were asked
  bool carries() const;                    // whether any interface has the program
  bool adopted() const { return relay_.adopted(); }
  bpf::Relay& maps() { return relay_; }
  // Packets that the program has sent on; 0 when it cannot be read.
  std::uint64_t forwarded() const;

  // Puts the program back where it is missing by now: on an interface that came back or that
  // somebody took it off, and on those named that had not been asked. An interface that could not
  // carry it is asked again when it is another one. Waits up to 4 s for a frame on each; returns
  // the interfaces of which something is new.
  std::vector<PortState> tend(const std::vector<std::string>& interfaces);
  // Whether an interface that was asked is gone.
  bool lacks_interface() const;

  // When everything of an earlier run is set that was restored: from now on data on any other
  // channel is dropped. Removes channels of an earlier run that nobody restored.
  Status begin(const std::set<bpf::RelaySource>& wanted);
  // Takes the program off every interface and removes the maps' pins.
  Status remove() { return relay_.remove(); }

 private:
  KernelPath(bpf::Relay relay, const bpf::RelayConfig& config)
      : relay_(std::move(relay)), config_(config), port_(config.port) {}
  PortState take(const std::string& interface);
  PortState take(const std::string& interface, IfIndex index);
  bool is_as_it_was(const PortState& port) const;
  Result<bool> comes_back(const std::string& interface, const IpAddress& neighbour);

  bpf::Relay relay_;
  bpf::RelayConfig config_;
  Port port_;                   // config_ has it once the maps are filled
  bool must_redirect_ = false;  // one of the interfaces loses XDP_TX; the setting is for all
  std::vector<PortState> ports_;
};

// Lets the kernel's route look-up answer for `lo`; changes nothing for other interfaces.
Status allow_lookups_from_lo();

}  // namespace kernmesh::relay
