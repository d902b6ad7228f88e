// SPDX-License-Identifier: Apache-2.0
// Programs on interfaces (L2): attached so that they outlive this process and every pin. With tcx
// (kernel >= 6.6) at the head of the chain and without a link, otherwise with cls_bpf at
// priority 1. Interface indices mean the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "controller/base/ids.h"
#include "controller/base/result.h"
#include "controller/bpf/object.h"

namespace kernmesh::bpf {

enum class Hook { kIngress, kEgress };
enum class Mechanism { kTcx, kClsBpf };

// Something on a hook.
struct HookEntry {
  std::uint32_t program_id = 0;  // 0: not a BPF filter, or one in the old bytecode
  std::uint32_t priority = 0;    // cls_bpf only
  std::uint32_t handle = 0;      // cls_bpf only
  bool operator==(const HookEntry&) const = default;
};

// The same with what the kernel says of the program.
struct AttachedProgram {
  ProgramInfo info;
  std::uint32_t priority = 0;
  std::uint32_t handle = 0;
};

// In the order in which the kernel runs them, through the mechanism that this kernel offers.
struct HookList {
  Mechanism mechanism = Mechanism::kTcx;
  std::vector<HookEntry> entries;
};
struct HookState {
  Mechanism mechanism = Mechanism::kTcx;
  std::vector<AttachedProgram> programs;
};

// Every interface of the namespace; empty when the kernel does not say.
std::vector<IfIndex> interfaces();

// What hangs on a hook. kNotFound: no such interface.
Result<HookList> list_hook(IfIndex interface, Hook hook);
Result<HookState> query_hook(IfIndex interface, Hook hook);

struct AttachmentState {
  Mechanism mechanism = Mechanism::kTcx;
  bool attached = false;           // a program of this name with our maps is there
  bool current = false;            // and it is this build
  std::vector<std::string> ahead;  // names of others' programs that run first and may end the chain
};

// A loaded program of ours, and how to know its predecessors: same name, and sharing one of
// `state_maps` (sorted map ids) or claimed by `also_ours` (an orphan: other maps, same owner).
struct OwnProgram {
  int fd = -1;
  ProgramInfo info;
  const std::vector<std::uint32_t>& state_maps;
  std::function<bool(const ProgramInfo&)> also_ours = {};
};

// Whether it is that program or a predecessor of it.
bool is_own(const ProgramInfo& there, const OwnProgram& own);

Result<AttachmentState> query_attachment(IfIndex interface, Hook hook, const OwnProgram& program);
// Nothing changes when this build is attached already; an older build is replaced in one step, and
// no packet passes in between. Further programs of ours on the hook are detached. Needs
// CAP_NET_ADMIN.
Status attach_program(IfIndex interface, Hook hook, const OwnProgram& program);
// Detaches every program of ours. Detaching what is not attached succeeds, also when the interface
// is gone.
Status detach_program(IfIndex interface, Hook hook, const OwnProgram& program);

}  // namespace kernmesh::bpf
