// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/device_removal.h"

#include <optional>

#include "controller/agent/underlay_links.h"
#include "controller/bpf/acl.h"
#include "controller/bpf/underlay.h"
#include "controller/core/reconcile/desired.h"
#include "controller/netlink/link.h"
#include "controller/netlink/netns.h"
#include "controller/netlink/route.h"
#include "controller/netlink/wireguard.h"

namespace kernmesh::agent {
namespace {

// The interface of that name when it is ours.
Result<std::optional<netlink::LinkInfo>> find_ours(const netlink::RouteSocket& host,
                                                   const std::string& name, std::string_view kind) {
  MESH_TRY_ASSIGN(auto link, netlink::find_link(host, name));
  if (link && !is_ours(*link, kind)) link.reset();
  return link;
}

// Peers first: deleting the interface costs a grace period for each that is left.
Status remove_mesh_interface(const netlink::RouteSocket& host, const Instance& instance) {
  MESH_TRY_ASSIGN(const auto link, find_ours(host, instance.mesh_name, "wireguard"));
  if (!link) return {};
  MESH_TRY_ASSIGN(auto wireguard, netlink::WireguardSocket::open());
  const Status emptied = wireguard.remove_all_peers(link->index);
  const Status deleted = netlink::delete_link(host, instance.mesh_name);
  return emptied ? deleted : emptied;
}

// The routes through the interface went with it.
Status remove_backstops(const netlink::RouteSocket& host, const Instance& instance) {
  MESH_TRY_ASSIGN(const auto routes, netlink::list_routes(host, reconcile::kRouteTable));
  for (const auto& route : routes) {
    if (route.metric == reconcile::backstop_metric(instance.id))
      MESH_TRY(netlink::remove_route(host, route));
  }
  return {};
}

// The rules serve every agent of this namespace: the last one, whose table is empty, takes them
// away.
Status remove_rules(const netlink::RouteSocket& host) {
  MESH_TRY_ASSIGN(const auto routes, netlink::list_routes(host, reconcile::kRouteTable));
  if (!routes.empty()) return {};
  MESH_TRY_ASSIGN(const auto rules, netlink::list_rules(host));
  for (const auto& rule : rules) {
    if (rule.table == reconcile::kRouteTable) MESH_TRY(netlink::remove_rule(host, rule));
  }
  return {};
}

Status remove_programs(const Instance& instance) {
  MESH_TRY_ASSIGN(auto access, bpf::Acl::open({.instance = instance.id, .mesh = IfIndex(0)}));
  const Status closed = access.remove();
  MESH_TRY_ASSIGN(auto underlay, bpf::Underlay::open({instance.id}));
  const Status removed = underlay.remove();
  return closed ? removed : closed;
}

}  // namespace

Status remove_device(const Instance& instance) {
  MESH_TRY_ASSIGN(const auto host, netlink::RouteSocket::open());
  Status first;
  const auto attempt = [&](const Status& status) {
    if (!status && first) first = status;
  };
  const auto meshu = find_ours(host, instance.underlay_name, "veth");
  if (!meshu) attempt(meshu.error());
  const bool has_meshu = meshu && *meshu;
  attempt(remove_mesh_interface(host, instance));
  attempt(remove_backstops(host, instance));
  attempt(remove_rules(host));
  attempt(remove_programs(instance));
  if (has_meshu) attempt(netlink::delete_link(host, instance.underlay_name));
  attempt(netlink::delete_netns(instance.private_netns()));
  return first;
}

}  // namespace kernmesh::agent
