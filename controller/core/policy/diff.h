// SPDX-License-Identifier: Apache-2.0
// What one policy admits between the parts of a network that another does not (L1, pure): by
// meaning, whatever the texts look like. A way by routers, each capability and each login is
// compared apart from all else: that another rule opens the same is not looked at.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/policy/compiled.h"
#include "controller/core/policy/inventory.h"
#include "controller/core/policy/packet.h"

namespace kernmesh::policy {

enum class DifferenceKind { kAllowed, kDenied };

// Every source may newly (or no longer) reach every destination by these services.
struct Difference {
  DifferenceKind kind = DifferenceKind::kAllowed;
  std::vector<std::string> sources;       // users, groups, tags, nodes, addresses
  std::vector<std::string> destinations;  // or "autogroup:self": each source's own devices
  std::vector<Service> services;          // none for capabilities and logins
  bool except_own = false;         // but not a source's own devices, where nothing changes or more
  std::optional<IpFamily> family;  // only in this one
  // "via tag:router", a capability or a login (diff_terms.h); empty: packets, whatever their way.
  std::string terms;
  Packet sample;  // whose verdict changes; with terms, the addresses alone say something
};

// Addresses of the overlay that no node has count only where a policy names them as such. Work
// grows with classes of addresses that the rules do not tell apart, not with nodes.
std::vector<Difference> diff(const std::shared_ptr<const CompiledPolicy>& before,
                             const std::shared_ptr<const CompiledPolicy>& after,
                             const Inventory& inventory);

// "*", "tcp/443 udp/443", "icmp".
std::string to_string(const std::vector<Service>& services);

}  // namespace kernmesh::policy
