// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/uplink_hooks.h"

#include <algorithm>
#include <utility>

#include "controller/netlink/link.h"

namespace kernmesh::agent {
namespace {

bool is_among(const std::vector<IfIndex>& interfaces, IfIndex index) {
  return std::find(interfaces.begin(), interfaces.end(), index) != interfaces.end();
}

}  // namespace

Status UplinkHooks::follow(bpf::Underlay& underlay, const netlink::RouteSocket& host,
                           const reconcile::Uplinks& uplinks) {
  if (followed_ == uplinks) return {};
  followed_.reset();
  Status first = underlay.set_locals(reconcile::arrival_addresses(uplinks));
  const auto attempt = [&](const Status& status) {
    if (!status && first) first = status;
  };
  std::vector<IfIndex> wanted = uplinks.guarded;
  for (const auto& interface : uplinks.interfaces) wanted.push_back(interface.index);
  const auto before = std::exchange(wanted_, std::move(wanted));
  if (leaving_) {
    leaving_->insert(leaving_->end(), before.begin(), before.end());
  } else {
    attempt(find_leftovers(host));
  }
  attempt(leave(underlay));
  if (first) followed_ = uplinks;
  return first;
}

// Everything that an earlier agent may have attached to.
Status UplinkHooks::find_leftovers(const netlink::RouteSocket& host) {
  MESH_TRY_ASSIGN(const auto links, netlink::list_links(host));
  leaving_.emplace();
  for (const auto& link : links) {
    if (!is_among(own_, link.index)) leaving_->push_back(link.index);
  }
  return {};
}

Status UplinkHooks::leave(bpf::Underlay& underlay) {
  if (!leaving_) return {};
  Status first;
  std::vector<IfIndex> left;
  for (const auto index : *leaving_) {
    if (is_among(wanted_, index)) continue;
    const Status detached = underlay.detach(index, bpf::UnderlayProgram::kIn);
    if (detached) continue;
    left.push_back(index);
    if (first) first = detached;
  }
  leaving_ = std::move(left);
  return first;
}

Status UplinkHooks::keep_attached(bpf::Underlay& underlay) const {
  Status first;
  for (const auto index : wanted_) {
    const Status attached = underlay.attach(index, bpf::UnderlayProgram::kIn);
    if (!attached && first) first = attached;
  }
  return first;
}

}  // namespace kernmesh::agent
