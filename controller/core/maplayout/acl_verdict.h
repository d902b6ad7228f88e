// SPDX-License-Identifier: Apache-2.0
// What an image says of a packet that arrives (L1, pure): reads the very bytes that the programs
// read, for explaining a verdict and for holding the programs against.
#pragma once

#include <cstdint>
#include <span>

#include "bpf/abi/acl.h"
#include "controller/base/ids.h"
#include "controller/core/policy/packet.h"

namespace kernmesh::maplayout {

enum class AclOutcome : std::uint8_t {
  kAllowed,        // by `rule`
  kUnknownSource,  // no peer's address, and behind none
  kNotOurs,        // the destination is neither this node's nor behind it
  kDenied,         // no rule admits it
  kBadImage,       // not an image of this build, or one that contradicts itself
};

struct AclRule {
  RuleId id;
  std::uint32_t line = 0;  // in the policy file; 0: stands for an absent list
  PolicyRevision policy_revision;
};

struct AclVerdict {
  AclOutcome outcome = AclOutcome::kBadImage;
  NodeId node;             // whose source it is; 0: not known
  std::uint32_t slot = 0;  // kAllowed only, as `rule`
  AclRule rule;
};

// Never reads outside of the image, whatever is in it.
AclVerdict judge(std::span<const mesh_acl_line> image, const policy::Packet& packet);

}  // namespace kernmesh::maplayout
