// SPDX-License-Identifier: Apache-2.0
// Where the relay forwards (L3): in XDP on the interfaces that somebody named or that default
// routes lead to, else in userspace; and what an interface that cannot do it means.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controller/relay/kernel_path.h"

namespace kernmesh::relay {

struct Forwarding {
  std::optional<KernelPath> kernel;  // none: the daemon forwards alone
  std::vector<PortState> ports;      // also of those that carry no program
};

// options.interfaces: empty means those of default_interfaces(), and what cannot be done there is
// logged and done in userspace. One that was named and cannot carry the program is an error, unless
// another's program is there. "none" alone means userspace. In userspace nothing of an earlier run
// stays in the kernel, where nobody would renew its channels, nor of a version with another layout
// of the maps; kConflict when such a program cannot be taken off its interface. Logs what became of
// each interface.
Result<Forwarding> open_forwarding(KernelPathOptions options);

// Looks after it while the relay runs: see KernelPath::tend(). `names` as options.interfaces above.
// Logs what is new of an interface, and says whether anything is.
bool tend_forwarding(KernelPath& path, const std::vector<std::string>& names);

// "forwards in XDP on eth0 (native), in userspace on eth1", or "forwards in userspace".
std::string describe(const std::vector<PortState>& ports);

// Takes the program off every interface and removes its maps, whatever version made them.
Status remove_relay(const std::string& instance);

}  // namespace kernmesh::relay
