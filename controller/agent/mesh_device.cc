// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/mesh_device.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>

#include "controller/agent/underlay_links.h"
#include "controller/netlink/address.h"
#include "controller/netlink/netns.h"
#include "controller/netlink/route.h"

namespace kernmesh::agent {
namespace {

Result<bpf::Underlay> open_underlay(const Instance& instance, const UnderlayLinks& links,
                                    Port public_port) {
  MESH_TRY_ASSIGN(auto underlay, bpf::Underlay::open({instance.id}));
  MESH_TRY(underlay.set_config(
      {links.meshu, public_port, reconcile::kSyntheticPort, reconcile::kSyntheticPort}));
  MESH_TRY(underlay.replace_predecessors());
  MESH_TRY(underlay.attach(links.meshu, bpf::UnderlayProgram::kOut));
  return underlay;
}

// What an upgrade or a downgrade took along, and what is missing now.
void report(const bpf::Succession& succession, const char* what, const char* consequence) {
  if (const bpf::Layout* from = succession.from(); from != nullptr) {
    spdlog::info(
        "{}: state of layout {} taken over, {} entries converted, {} without a counterpart", what,
        from->version, succession.carried().entries, succession.carried().refused);
  } else if (succession.unreadable() && succession.has_state()) {
    spdlog::info("{}: taken over as a build of layout {} left it", what, *succession.unreadable());
  } else if (succession.unreadable()) {
    spdlog::warn("{}: layout {} runs, which this build cannot read; {}", what,
                 *succession.unreadable(), consequence);
  }
}

// The other version's programs hold their maps for as long as they hang anywhere.
void retire_other_versions(const std::string& instance) {
  const auto pins = bpf::PinFolder::open(instance);
  const Status removed = pins ? pins->remove_other_versions() : Status(pins.error());
  if (!removed) spdlog::warn("pins of another version stay: {}", removed.error().message());
}

}  // namespace

MeshDevice::MeshDevice(Instance instance, netlink::RouteSocket host,
                       netlink::WireguardSocket wireguard, bpf::Underlay underlay,
                       AccessControl access, IfIndex mesh, IfIndex meshu)
    : instance_(std::move(instance)),
      host_(std::move(host)),
      wireguard_(std::move(wireguard)),
      underlay_(std::move(underlay)),
      access_(std::move(access)),
      mesh_(mesh),
      meshu_(meshu),
      uplinks_({mesh, meshu}) {}

Result<MeshDevice> MeshDevice::open(const Instance& instance, Port public_port) {
  MESH_TRY_ASSIGN(auto host, netlink::RouteSocket::open());
  MESH_TRY_ASSIGN(const auto links, open_underlay_links(instance, host));
  MESH_TRY_ASSIGN(auto wireguard, netlink::WireguardSocket::open());
  MESH_TRY_ASSIGN(auto underlay, open_underlay(instance, links, public_port));
  MESH_TRY_ASSIGN(auto access, AccessControl::open(instance, links.mesh));
  report(underlay.succession(), "paths", "packets may find no path for a moment");
  report(
      access.programs().succession(), "access control",
      "its policy stays until this build has one, and flows that this node opened may break then");
  retire_other_versions(instance.id);
  return MeshDevice(instance, std::move(host), std::move(wireguard), std::move(underlay),
                    std::move(access), links.mesh, links.meshu);
}

Status MeshDevice::apply(const reconcile::Desired& desired, const X25519SecretKey& private_key) {
  MESH_TRY(apply_wireguard(desired, private_key));
  MESH_TRY(apply_link(desired));
  return apply_routing(desired);
}

Status MeshDevice::apply_wireguard(const reconcile::Desired& desired,
                                   const X25519SecretKey& private_key) {
  if (!observed_) {
    MESH_TRY_ASSIGN(observed_, wireguard_.dump(mesh_));
  }
  return send_wireguard(reconcile::diff(desired.device, *observed_), private_key);
}

Status MeshDevice::send_wireguard(const reconcile::WireguardChange& change,
                                  const X25519SecretKey& private_key) {
  if (change.empty()) return {};
  const auto [first, later] = reconcile::split(change);
  Status applied = wireguard_.apply(mesh_, first, private_key);
  if (applied && !later.empty()) applied = wireguard_.apply(mesh_, later, private_key);
  if (!applied) {
    observed_.reset();
    return applied;
  }
  reconcile::record(change, node_public_key(private_key), *observed_);
  return {};
}

Status MeshDevice::apply(const reconcile::Step& step, const X25519SecretKey& private_key) {
  return send_wireguard(reconcile::diff(step, *observed_), private_key);
}

Result<bool> MeshDevice::recheck_wireguard() {
  MESH_TRY_ASSIGN(auto found, wireguard_.dump(mesh_));
  const bool is_same = observed_ && *observed_ == found;
  observed_ = std::move(found);
  return is_same;
}

Status MeshDevice::apply_link(const reconcile::Desired& desired) {
  MESH_TRY_ASSIGN(const auto link, netlink::find_link(host_, instance_.mesh_name));
  if (!link || link->index != mesh_) {
    return Error(ErrorCode::kNotFound, "interface " + instance_.mesh_name + " is gone");
  }
  if (link->mtu != desired.mtu) MESH_TRY(netlink::set_link_mtu(host_, mesh_, desired.mtu));
  MESH_TRY_ASSIGN(const auto present, netlink::list_addresses(host_));
  std::vector<Prefix> observed;
  for (const auto& address : present) {
    if (address.device != mesh_ || address.address.is_link_local()) continue;
    MESH_TRY_ASSIGN(const auto prefix, Prefix::make(address.address, address.prefix_length));
    observed.push_back(prefix);
  }
  const auto change = reconcile::diff_sets(desired.addresses, observed);
  for (const auto& prefix : change.removed) {
    MESH_TRY(netlink::remove_address(host_, mesh_, prefix.address(), prefix.length()));
  }
  // Before an address is there, so that nothing in the clear reaches it.
  std::vector<IpAddress> own;
  for (const auto& prefix : desired.addresses) own.push_back(prefix.address());
  MESH_TRY(underlay_.set_overlay(own));
  for (const auto& prefix : change.added) {
    MESH_TRY(netlink::add_address(host_, mesh_, prefix.address(), prefix.length()));
  }
  if (!link->up()) MESH_TRY(netlink::set_link_state(host_, mesh_, netlink::LinkState::kUp));
  return {};
}

Status MeshDevice::apply_routes(const std::vector<reconcile::Route>& desired) {
  MESH_TRY_ASSIGN(const auto routes, installed_routes());
  const auto change = reconcile::diff_sets(desired, routes);
  for (const auto& route : change.removed) MESH_TRY(netlink::remove_route(host_, route));
  for (const auto& route : change.added) MESH_TRY(netlink::add_route(host_, route));
  return {};
}

Status MeshDevice::apply_routing(const reconcile::Desired& desired) {
  MESH_TRY(apply_routes(desired.routes));
  MESH_TRY_ASSIGN(const auto all_rules, netlink::list_rules(host_));
  std::vector<reconcile::Rule> rules;
  std::copy_if(all_rules.begin(), all_rules.end(), std::back_inserter(rules),
               [](const auto& rule) { return rule.table == reconcile::kRouteTable; });
  detours_.clear();
  for (const auto& own : desired.rules) {
    const auto ahead = reconcile::detours(all_rules, own);
    detours_.insert(detours_.end(), ahead.begin(), ahead.end());
  }
  const auto rule_change = reconcile::diff_sets(desired.rules, rules);
  for (const auto& rule : rule_change.removed) MESH_TRY(netlink::remove_rule(host_, rule));
  for (const auto& rule : rule_change.added) MESH_TRY(netlink::add_rule(host_, rule));
  return {};
}

Status MeshDevice::keep_attached() {
  Status first = access_.keep_attached();
  const auto attempt = [&](const Status& status) {
    if (!status && first) first = status;
  };
  attempt(underlay_.attach(meshu_, bpf::UnderlayProgram::kOut));
  attempt(uplinks_.keep_attached(underlay_));
  return first;
}

bool MeshDevice::is_whole() const {
  const auto mesh = netlink::find_link(host_, instance_.mesh_name);
  const auto meshu = netlink::find_link(host_, instance_.underlay_name);
  // A question that failed is no answer: only an interface that is known to be gone counts.
  const auto is_gone = [](const auto& found, IfIndex index) {
    return found && (!*found || (*found)->index != index);
  };
  return !is_gone(mesh, mesh_) && !is_gone(meshu, meshu_);
}

Result<std::vector<reconcile::Route>> MeshDevice::installed_routes() const {
  MESH_TRY_ASSIGN(auto routes, netlink::list_routes(host_, reconcile::kRouteTable));
  // Other agents of this network namespace share the table.
  std::erase_if(routes, [this, backstop = backstop_metric()](const reconcile::Route& route) {
    return route.device != mesh_ && route.metric != backstop;
  });
  return routes;
}

std::string MeshDevice::attach_kind() const {
  const auto state = underlay_.query(meshu_, bpf::UnderlayProgram::kOut);
  if (!state) return "unknown";
  return state->mechanism == bpf::Mechanism::kTcx ? "tcx" : "cls_bpf";
}

std::vector<std::string> MeshDevice::foreign_programs() const {
  std::vector<std::string> names;
  for (const auto index : uplinks_.interfaces()) {
    const auto state = underlay_.query(index, bpf::UnderlayProgram::kIn);
    if (state) names.insert(names.end(), state->ahead.begin(), state->ahead.end());
  }
  return names;
}

}  // namespace kernmesh::agent
