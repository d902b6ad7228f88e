// SPDX-License-Identifier: Apache-2.0
// Access control on mesh0 from user space (L2): loads or takes over bpf/acl.bpf.c, switches the
// policy's image, reads what the programs remember and count. Nothing passes before the first
// image. Destroying an Acl changes nothing in the kernel. Not thread-safe; calls mean the calling
// thread's network namespace.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/abi/acl.h"
#include "bpf/abi/acl_state.h"
#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/result.h"
#include "controller/bpf/acl_image_map.h"
#include "controller/bpf/attachment.h"
#include "controller/bpf/counter.h"
#include "controller/bpf/object.h"
#include "controller/bpf/ring.h"
#include "controller/bpf/settled_hooks.h"
#include "controller/bpf/succession.h"

namespace kernmesh::bpf {

// What stands in front of the IP header: nothing on WireGuard's interface.
enum class LinkHeader : std::uint32_t { kNone = 0, kEthernet = 14 };

struct AclOptions {
  std::string instance;  // the same as the underlay's
  IfIndex mesh;          // where to look for a predecessor when the pins are gone; 0: nowhere
  std::uint32_t max_flows = 65536;          // of each kind; one costs about 150 bytes
  std::uint32_t max_counted_rules = 16384;  // 16 bytes each and CPU; rules past it are not counted
  LinkHeader link_header = LinkHeader::kNone;
};

// What an agent may set at any time; all zero is right.
struct AclSettings {
  bool quiet = false;         // denied packets get no answer
  bool follow_flows = false;  // new flows are reported among the events
  MonoTime deny_after{};      // from then on everything drops; 0: never
};

struct RuleCount {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
};

enum class Opener { kThisNode, kPeer };
struct Flow {
  Opener opener = Opener::kThisNode;
  mesh_flow_key key{};
  mesh_flow state{};
};

struct FlowCounts {
  std::uint64_t opened = 0;  // by this node
  std::uint64_t served = 0;  // by peers, without connections
};

class Acl {
 public:
  // Takes over what an earlier agent left, as Underlay::open() does.
  static Result<Acl> open(const AclOptions& options);

  // Both sides of the interface. Attach before the interface comes up. Programs of another layout
  // version stay as long as there is no policy to judge by in their place.
  Status attach(IfIndex mesh);
  const Succession& succession() const { return succession_; }
  Status detach(IfIndex mesh);
  Result<std::pair<AttachmentState, AttachmentState>> query(IfIndex mesh) const;  // ingress, egress
  // For `down`: detaches from every interface of this namespace and removes the pins.
  Status remove();

  // Fills a map of its own and makes it the policy in one step; when it returns no packet is judged
  // by the one before. On an error the one before stays. kExhausted: no memory for it.
  Status switch_to(std::span<const mesh_acl_line> image);
  // The lines that the programs read now; empty when there is no policy. What may be written there
  // says bpf/abi/acl.h. Valid until the next switch_to(), disarm() or move.
  std::span<mesh_acl_line> live() { return live_.lines(); }
  std::span<const mesh_acl_line> live() const { return live_.lines(); }
  // Takes the policy away: nothing passes.
  Status disarm();

  Status set(const AclSettings& settings);

  Result<std::vector<Counter>> counters() const;
  // Of a counter slot; nothing for one that is not counted.
  Result<RuleCount> rule_count(std::uint32_t slot) const;
  // By counter slot, up to `slots` of them.
  Result<std::vector<RuleCount>> rule_counts(std::uint32_t slots) const;
  // Starts a slot again from nothing, before another rule gets it; one that is not counted is none.
  Status clear_count(std::uint32_t slot);
  // What the tables hold, those included that have run out of patience. Costs a walk of the table.
  Result<std::vector<Flow>> flows() const;
  // How many of each; a few system calls for thousands.
  Result<FlowCounts> count_flows() const;
  std::uint32_t max_flows() const { return max_flows_; }

  // Denials, and new flows while they are followed; sampled by a budget a second.
  Result<Ring<mesh_acl_event>> events() const {
    return Ring<mesh_acl_event>::open(object_.map_fd("acl_events"));
  }
  // For tests that run a program on a packet. Borrowed.
  int program_fd(const char* name) const { return object_.program_fd(name); }

 private:
  Acl(Object object, PinFolder pins, Succession succession)
      : object_(std::move(object)), pins_(std::move(pins)), succession_(std::move(succession)) {}
  Result<OwnProgram> own_program(Hook hook) const;
  Status claim();
  Status find_policy();
  Status carry_policy(const Layout& from);

  Object object_;
  PinFolder pins_;
  Succession succession_;
  SettledHooks settled_;
  AclImageMap live_;
  std::uint64_t owner_ = 0;
  std::uint32_t max_flows_ = 0;
  std::uint32_t counted_rules_ = 0;  // slots that a CPU has counters for
};

// Label and meaning of a number of enum mesh_acl_reason.
Reason acl_reason(std::uint32_t reason);

}  // namespace kernmesh::bpf
