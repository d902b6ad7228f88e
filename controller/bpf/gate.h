// SPDX-License-Identifier: Apache-2.0
// The gate on mesh0 from user space (L2): loads or takes over bpf/gate.bpf.c and fills its tables.
// Default deny until arm(). Destroying a Gate changes nothing in the kernel. Not thread-safe; calls
// mean the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/result.h"
#include "controller/bpf/attachment.h"
#include "controller/bpf/counter.h"
#include "controller/bpf/object.h"

namespace kernmesh::bpf {

struct GateOptions {
  std::string instance;  // the same as the underlay's
  IfIndex mesh;          // where to look for a predecessor when the pins are gone; 0: nowhere
  std::uint32_t max_addresses = 65536;
};

using Identities = std::map<IpAddress, NodeId>;  // a peer's overlay address -> the peer
using AllowedNodes = std::map<NodeId, RuleId>;   // who may send here, and which rule says so
constexpr NodeId kAnyNode{0};                    // as a key: every identity may

class Gate {
 public:
  static Result<Gate> open(const GateOptions& options);

  // Both sides of the interface. Attach before the interface comes up.
  Status attach(IfIndex mesh);
  Status detach(IfIndex mesh);
  Result<std::pair<AttachmentState, AttachmentState>> query(IfIndex mesh) const;  // ingress, egress
  // For `down`: detaches from every interface of this namespace and removes the pins.
  Status remove();

  // Makes the tables exactly these, writing only what differs. What is no longer allowed goes
  // first, so that no moment allows more than the old and the new tables together.
  Status set_identities(const Identities& wanted);
  // Changes those addresses alone; what is removed goes first here too.
  Status change_identities(const std::vector<IpAddress>& removed, const Identities& set);
  Status set_rules(const AllowedNodes& wanted);
  Status arm(std::uint64_t generation);
  Status disarm();
  Result<bool> armed() const;
  Result<std::vector<Counter>> counters() const;

  // For tests that run a program on a packet. Borrowed.
  int program_fd(const char* name) const { return object_.program_fd(name); }

 private:
  Gate(Object object, PinFolder pins) : object_(std::move(object)), pins_(std::move(pins)) {}
  Result<OwnProgram> own_program(Hook hook) const;

  Object object_;
  PinFolder pins_;
};

}  // namespace kernmesh::bpf
