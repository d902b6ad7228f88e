// SPDX-License-Identifier: Apache-2.0
// Network namespaces (L2): the private one that holds WireGuard's socket, and standing in one for
// the time of a call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::netlink {

// The calling thread's own.
Result<UniqueFd> open_current_netns();
// The number that names a namespace for the kernel and in `lsns` (inode of the nsfs file).
Result<std::uint64_t> netns_inode(int netns_fd);

// Opens the namespace held at /run/netns/NAME in the mount namespace of process 1; creates it when
// there is none. It is bind-mounted there, so that it outlives this process and every private mount
// namespace it may run in (`ip netns exec`, systemd's PrivateMounts). `ip netns list` shows it.
Result<UniqueFd> open_or_create_netns(const std::string& name);
// kNotFound when there is none.
Result<UniqueFd> open_netns(const std::string& name);
// Unmounts and removes the file; success when there is none.
Status delete_netns(const std::string& name);

// Runs `body` on a thread of its own that stands in the namespace, and returns what it returned.
// Sockets opened there go on speaking for that namespace.
Status run_in_netns(int netns_fd, const std::function<Status()>& body);

}  // namespace kernmesh::netlink
