// SPDX-License-Identifier: Apache-2.0
// What rtnetlink says of a filter (L2, no socket): the part of RTM_NEWTFILTER that cls_bpf needs.
#pragma once

#include <linux/netlink.h>

#include <optional>

#include "controller/bpf/attachment.h"

namespace kernmesh::bpf::cls_bpf {

// One message of a dump; all of its nlmsg_len bytes are there to be read. Nothing when it is no
// filter, is shorter than a filter's header, or is the head of a chain (handle 0). A filter of
// another kind than bpf has the program id 0.
std::optional<HookEntry> decode_filter(const nlmsghdr& message);

}  // namespace kernmesh::bpf::cls_bpf
