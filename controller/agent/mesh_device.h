// SPDX-License-Identifier: Apache-2.0
// Everything that the agent owns in the kernel (L3): the private namespace, the veth pair, the
// WireGuard interface, the programs and their maps, addresses, routes, rules. Made or taken over,
// reconciled, removed. Destroying a MeshDevice changes nothing in the kernel. Not thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "controller/agent/access_control.h"
#include "controller/agent/instance.h"
#include "controller/agent/uplink_hooks.h"
#include "controller/base/key.h"
#include "controller/bpf/underlay.h"
#include "controller/core/reconcile/desired.h"
#include "controller/core/reconcile/detour.h"
#include "controller/core/reconcile/step.h"
#include "controller/core/reconcile/uplink.h"
#include "controller/netlink/link.h"
#include "controller/netlink/wireguard.h"

namespace kernmesh::agent {

class MeshDevice {
 public:
  // An init ladder; what is there already and ours is kept as it is, traffic included. The
  // interface stays down until apply(), with access control attached; without a policy nothing
  // passes.
  static Result<MeshDevice> open(const Instance& instance, Port public_port);

  const std::string& mesh_name() const { return instance_.mesh_name; }
  IfIndex mesh_index() const { return mesh_; }
  IfIndex underlay_index() const { return meshu_; }

  // Makes the kernel so. Idempotent; on an error some of it is done and the next call does the
  // rest.
  Status apply(const reconcile::Desired& desired, const X25519SecretKey& private_key);
  // The same for a step from what was applied last, without looking at the rest. Only while
  // can_step(); after an error apply() has to set things right.
  Status apply(const reconcile::Step& step, const X25519SecretKey& private_key);
  // Begins a session with this peer at once, for which nobody may have anything to send yet.
  Status greet(const NodePublicKey& peer) { return wireguard_.greet(mesh_, peer); }
  // Makes our routes these and no others.
  Status apply_routes(const std::vector<reconcile::Route>& desired);
  // Whether what the kernel holds is known: not before the first apply(), nor after an error.
  bool can_step() const { return observed_.has_value(); }
  // Reads WireGuard's peers anew, which costs time in proportion to them. Whether they are what was
  // applied last; if not, apply() sets them right.
  Result<bool> recheck_wireguard();
  // Makes the uplinks' addresses ours, and takes the inbound program off all other interfaces;
  // keep_attached() puts it on these. As UplinkHooks::follow().
  Status set_uplinks(const reconcile::Uplinks& uplinks) {
    return uplinks_.follow(underlay_, host_, uplinks);
  }
  // Attaches what is not there: on new uplinks, and again what root or another program took
  // away. Goes on past errors; does nothing when all is there.
  Status keep_attached();
  // Whether mesh0 and meshu0 are still there, with the same indices.
  bool is_whole() const;

  AccessControl& access() { return access_; }
  const AccessControl& access() const { return access_; }
  bpf::Underlay& underlay() { return underlay_; }
  const bpf::Underlay& underlay() const { return underlay_; }
  const netlink::RouteSocket& routes() const { return host_; }
  // Routes of ours that are in the kernel now.
  Result<std::vector<reconcile::Route>> installed_routes() const;
  // "tcx" or "cls_bpf".
  std::string attach_kind() const;
  // Of this instance's routes that hold when the interface is gone.
  std::uint32_t backstop_metric() const { return reconcile::backstop_metric(instance_.id); }
  // Rules of others that may lead packets around the mesh; as of the last apply().
  const std::vector<reconcile::Rule>& detours() const { return detours_; }
  // Programs of others that run before ours on an uplink and may swallow our packets.
  std::vector<std::string> foreign_programs() const;

 private:
  MeshDevice(Instance instance, netlink::RouteSocket host, netlink::WireguardSocket wireguard,
             bpf::Underlay underlay, AccessControl access, IfIndex mesh, IfIndex meshu);
  Status apply_link(const reconcile::Desired& desired);
  Status apply_wireguard(const reconcile::Desired& desired, const X25519SecretKey& private_key);
  Status apply_routing(const reconcile::Desired& desired);
  Status send_wireguard(const reconcile::WireguardChange& change,
                        const X25519SecretKey& private_key);

  Instance instance_;
  netlink::RouteSocket host_;
  netlink::WireguardSocket wireguard_;
  bpf::Underlay underlay_;
  AccessControl access_;
  IfIndex mesh_;
  IfIndex meshu_;
  std::optional<reconcile::WireguardDevice> observed_;
  UplinkHooks uplinks_;
  std::vector<reconcile::Rule> detours_;
};

}  // namespace kernmesh::agent
