// SPDX-License-Identifier: Apache-2.0
// How many TLS connections a relay holds, and whose (L1, pure). Somebody who has shown no ticket
// can take all that is for strangers, never what is kept for clients that are bound; how long he
// can keep it, StrangerTime says.
#pragma once

#include <map>

#include "controller/core/relay/source_quota.h"

namespace kernmesh::relay {

class StreamQuota {
 public:
  struct Limits {
    std::size_t all = 4096;
    std::size_t unbound = 2048;  // of all
    std::size_t of_source = 64;  // as source_of() counts; many clients may share a NAT
  };
  enum class Standing { kUnbound, kBound };

  explicit StreamQuota(const Limits& limits) : limits_(limits) {}

  // Counts a new connection, unbound, unless there is no room for it.
  bool take(const IpAddress& source);
  // One that was unbound is bound from now on, and leaves its room to another.
  void bind_one() { --unbound_; }
  // One that was bound is a stranger's again, also when they have more than their part then.
  void unbind_one() { ++unbound_; }
  // A connection that was taken is gone.
  void give_back(const IpAddress& source, Standing standing);

 private:
  Limits limits_;
  std::size_t all_ = 0, unbound_ = 0;
  std::map<Prefix, std::size_t> by_source_;
};

}  // namespace kernmesh::relay
