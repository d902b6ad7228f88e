// SPDX-License-Identifier: Apache-2.0
// Which of the peers that the server names a locked node takes in (L1, pure; docs/adr/0012).
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "controller/core/lock/endorsement.h"
#include "controller/core/netmap/netmap.h"

namespace kernmesh::lock {

// The highest number of a rotation that was seen of each machine: what it replaced does not come
// back.
using Rotations = std::map<MachinePublicKey, std::uint64_t>;

struct LeftOut {
  NodeId id;
  std::string name;
  std::string reason;
  bool operator==(const LeftOut&) const = default;
};

// Keeps which endorsements were verified, so that a map in which one peer changed costs one
// verification.
class Admission {
 public:
  struct Outcome {
    std::vector<LeftOut> left_out;  // ascending by id
    Rotations risen;                // of peers that were let in, above what was seen
  };
  // Moves peers without a valid endorsement from map.peers to map.left_out; a chain that has ended
  // lets everybody in.
  Outcome sort(const Chain& chain, const Rotations& seen, netmap::Netmap& map);

  std::uint64_t verifications() const { return verifications_; }  // of endorsements so far

 private:
  struct Verified {
    Bytes bytes;
    Endorsement endorsement;
  };
  Result<const Endorsement*> verified(const netmap::Peer& peer);

  std::unordered_map<NodeId, Verified> verified_;  // of the peers of the last map
  std::uint64_t verifications_ = 0;
};

}  // namespace kernmesh::lock
