// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/route.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>
#include <sys/socket.h>

#include <set>

#include "controller/netlink/libnl_values.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270  // include/linux/socket.h
#endif

namespace kernmesh::netlink {
namespace {

using reconcile::RouteKind;

// Dumps honour the header's table only with strict checking (kernel >= 4.20). Not for the whole
// life of a socket: libnl 3.7 asks for addresses and rules with a short header, which strict
// checking refuses.
class StrictChecking {
 public:
  explicit StrictChecking(nl_sock* socket) : fd_(nl_socket_get_fd(socket)) { set(1); }
  ~StrictChecking() { set(0); }
  StrictChecking(const StrictChecking&) = delete;
  StrictChecking& operator=(const StrictChecking&) = delete;

 private:
  void set(int on) const { setsockopt(fd_, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on); }
  int fd_;
};

// One dump: calls `visit(rtnl_route*)` for each; libnl's result, 0 or negative.
template <typename Visit>
Result<int> dump_routes(const RouteSocket& socket, IpFamily family, std::uint32_t table,
                        const Visit& visit) {
  Owned<nl_msg> message(nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP));
  if (!message) return no_memory();
  rtmsg header{};
  header.rtm_family = static_cast<unsigned char>(to_af(family));
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  if (table != 0) nla_put_u32(message.get(), RTA_TABLE, table);
  if (const int e = nl_send_auto(socket.get(), message.get()); e < 0)
    return nl_error("cannot ask for routes", e);
  std::unique_ptr<nl_cb, decltype(&nl_cb_put)> callbacks(
      nl_cb_clone(nl_socket_get_cb(socket.get())), &nl_cb_put);
  const auto parse = [](nl_msg* m, void* argument) -> int {
    rtnl_route* raw = nullptr;
    if (rtnl_route_parse(nlmsg_hdr(m), &raw) < 0)
      return NL_SKIP;  // a kind that libnl does not know
    Owned<rtnl_route> route(raw);
    (*static_cast<const Visit*>(argument))(route.get());
    return NL_OK;
  };
  nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, parse, const_cast<Visit*>(&visit));
  return nl_recvmsgs(socket.get(), callbacks.get());
}

// Appends convert(rtnl_route*) of each route of a family and table (0: every table) that gives a
// value. A dump that the kernel interrupted, because routes changed meanwhile, is done again.
template <typename T, typename Convert>
Status collect_routes(const RouteSocket& socket, IpFamily family, std::uint32_t table,
                      std::vector<T>& out, Convert convert) {
  constexpr int kTries = 5;
  const StrictChecking strict(socket.get());
  const std::size_t before = out.size();
  const auto visit = [&](rtnl_route* route) {
    // A kernel without IPv6 answers with every family that it has (rtnl_dump_all()).
    if (rtnl_route_get_family(route) != to_af(family)) return;
    if (auto value = convert(route)) out.push_back(std::move(*value));
  };
  int e = 0;
  for (int i = 0; i < kTries; ++i) {
    out.resize(before);
    MESH_TRY_ASSIGN(e, dump_routes(socket, family, table, visit));
    if (e != -NLE_DUMP_INTR) break;
  }
  // A table that never had a route does not exist for the kernel.
  if (e < 0 && e != -NLE_OBJ_NOTFOUND) return nl_error("cannot list routes", e);
  return {};
}

std::optional<Prefix> destination_of(rtnl_route* route) {
  nl_addr* dst = rtnl_route_get_dst(route);
  auto address = from_nl_addr(dst);
  if (!address) return std::nullopt;
  if (rtnl_route_get_family(route) == AF_INET6 && address->is_v4())
    address = IpAddress::from_v6_bytes({});
  const auto prefix = Prefix::make(*address, static_cast<int>(nl_addr_get_prefixlen(dst)));
  return prefix ? std::optional<Prefix>(*prefix) : std::nullopt;
}

IfIndex device_of(rtnl_route* route) {
  rtnl_nexthop* hop = rtnl_route_nexthop_n(route, 0);
  return IfIndex(hop ? static_cast<std::uint32_t>(rtnl_route_nh_get_ifindex(hop)) : 0);
}

std::vector<IfIndex> devices_of(rtnl_route* route) {
  std::vector<IfIndex> devices;
  for (int i = 0; i < rtnl_route_get_nnexthops(route); ++i) {
    const int index = rtnl_route_nh_get_ifindex(rtnl_route_nexthop_n(route, i));
    if (index > 0) devices.emplace_back(static_cast<std::uint32_t>(index));
  }
  return devices;
}

Status set_way(rtnl_route& r, const reconcile::Route& route) {
  if (route.kind == RouteKind::kUnreachable) {
    rtnl_route_set_type(&r, RTN_UNREACHABLE);
    rtnl_route_set_scope(&r, RT_SCOPE_UNIVERSE);
    rtnl_route_set_priority(&r, route.metric);
    return {};
  }
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  if (hop == nullptr) return no_memory();
  rtnl_route_nh_set_ifindex(hop, static_cast<int>(route.device.value()));
  rtnl_route_add_nexthop(&r, hop);  // owned by the route from here on
  rtnl_route_set_scope(&r, RT_SCOPE_LINK);
  return {};
}

Result<Owned<rtnl_route>> make_route(const reconcile::Route& route) {
  Owned<rtnl_route> r(rtnl_route_alloc());
  nl_addr* dst = to_nl_addr(route.destination.address(), route.destination.length());
  if (!r || dst == nullptr) return no_memory();
  rtnl_route_set_dst(r.get(), dst);
  nl_addr_put(dst);
  rtnl_route_set_table(r.get(), route.table);
  rtnl_route_set_protocol(r.get(), kProtocol);
  if (route.mtu != 0) rtnl_route_set_metric(r.get(), RTAX_MTU, route.mtu);
  MESH_TRY(set_way(*r, route));
  return r;
}

reconcile::Route from_route(rtnl_route* r, const Prefix& destination) {
  if (rtnl_route_get_type(r) == RTN_UNREACHABLE) {
    return {destination, IfIndex(0), rtnl_route_get_table(r), RouteKind::kUnreachable,
            rtnl_route_get_priority(r)};
  }
  reconcile::Route route{destination, device_of(r), rtnl_route_get_table(r)};
  std::uint32_t mtu = 0;
  if (rtnl_route_get_metric(r, RTAX_MTU, &mtu) == 0) route.mtu = mtu;
  return route;
}

bool is_own_backstop(rtnl_route* r) {
  return rtnl_route_get_type(r) == RTN_UNREACHABLE && rtnl_route_get_protocol(r) == kProtocol;
}

std::string describe(const reconcile::Route& route) {
  const bool is_backstop = route.kind == RouteKind::kUnreachable;
  return std::string(is_backstop ? "unreachable " : "") + "route to " +
         to_string(route.destination) + " in table " + std::to_string(route.table);
}

Result<Owned<rtnl_rule>> make_rule(const reconcile::Rule& rule) {
  Owned<rtnl_rule> r(rtnl_rule_alloc());
  if (!r) return no_memory();
  rtnl_rule_set_family(r.get(), to_af(rule.family));
  rtnl_rule_set_prio(r.get(), rule.priority);
  rtnl_rule_set_table(r.get(), rule.table);
  rtnl_rule_set_action(r.get(), FR_ACT_TO_TBL);
  rtnl_rule_set_protocol(r.get(), kProtocol);
  return r;
}

std::string describe(const reconcile::Rule& rule) {
  return "rule " + std::to_string(rule.priority) + " (IPv" +
         std::to_string(static_cast<int>(rule.family)) + ", lookup " + std::to_string(rule.table) +
         ")";
}

}  // namespace

Result<std::vector<reconcile::Route>> list_routes(const RouteSocket& socket, std::uint32_t table) {
  std::vector<reconcile::Route> routes;
  for (const auto family : {IpFamily::kV4, IpFamily::kV6}) {
    MESH_TRY(collect_routes(socket, family, table, routes,
                            [&](rtnl_route* r) -> std::optional<reconcile::Route> {
                              const auto destination = destination_of(r);
                              if (!destination || rtnl_route_get_table(r) != table)
                                return std::nullopt;
                              return from_route(r, *destination);
                            }));
  }
  return routes;
}

Status add_route(const RouteSocket& socket, const reconcile::Route& route) {
  MESH_TRY_ASSIGN(auto r, make_route(route));
  const int e = rtnl_route_add(socket.get(), r.get(), NLM_F_CREATE | NLM_F_REPLACE);
  if (e < 0 && e != -NLE_EXIST) return nl_error("cannot add " + describe(route), e);
  return {};
}

Status remove_route(const RouteSocket& socket, const reconcile::Route& route) {
  MESH_TRY_ASSIGN(auto r, make_route(route));
  const int e = rtnl_route_delete(socket.get(), r.get(), 0);
  if (e < 0 && e != -NLE_OBJ_NOTFOUND && e != -NLE_NODEV)
    return nl_error("cannot remove " + describe(route), e);
  return {};
}

Result<std::vector<reconcile::Rule>> list_rules(const RouteSocket& socket) {
  nl_cache* raw = nullptr;
  if (const int e = rtnl_rule_alloc_cache(socket.get(), AF_UNSPEC, &raw); e < 0) {
    return nl_error("cannot list routing rules", e);
  }
  Owned<nl_cache> cache(raw);
  std::vector<reconcile::Rule> rules;
  for (nl_object* o = nl_cache_get_first(cache.get()); o != nullptr; o = nl_cache_get_next(o)) {
    auto* rule = reinterpret_cast<rtnl_rule*>(o);
    const int family = rtnl_rule_get_family(rule);
    if (rtnl_rule_get_l3mdev(rule) > 0) continue;
    if (family != AF_INET && family != AF_INET6) continue;
    rules.push_back({family == AF_INET ? IpFamily::kV4 : IpFamily::kV6, rtnl_rule_get_prio(rule),
                     rtnl_rule_get_table(rule)});
  }
  return rules;
}

Status add_rule(const RouteSocket& socket, const reconcile::Rule& rule) {
  MESH_TRY_ASSIGN(auto r, make_rule(rule));
  const int e = rtnl_rule_add(socket.get(), r.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (e < 0 && e != -NLE_EXIST) return nl_error("cannot add " + describe(rule), e);
  return {};
}

Status remove_rule(const RouteSocket& socket, const reconcile::Rule& rule) {
  MESH_TRY_ASSIGN(auto r, make_rule(rule));
  const int e = rtnl_rule_delete(socket.get(), r.get(), 0);
  if (e < 0 && e != -NLE_OBJ_NOTFOUND) return nl_error("cannot remove " + describe(rule), e);
  return {};
}

Result<RouteAnswer> look_up_route(const RouteSocket& socket, const IpAddress& destination) {
  nl_addr* dst = to_nl_addr(destination, destination.bits());
  if (dst == nullptr) return no_memory();
  rtnl_route* raw = nullptr;
  const int e = rtnl_route_lookup(socket.get(), dst, &raw);
  nl_addr_put(dst);
  if (e < 0) return Error(ErrorCode::kNotFound, "no route to " + to_string(destination));
  Owned<rtnl_route> route(raw);
  RouteAnswer answer;
  answer.device = device_of(route.get());
  const auto source = from_nl_addr(rtnl_route_get_pref_src(route.get()));
  if (answer.device.value() == 0 || !source) {
    return Error(ErrorCode::kNotFound,
                 "the route to " + to_string(destination) + " has no device or source address");
  }
  answer.source = *source;
  answer.via = from_nl_addr(rtnl_route_nh_get_gateway(rtnl_route_nexthop_n(route.get(), 0)));
  return answer;
}

Result<std::vector<IfIndex>> default_route_devices(const RouteSocket& socket) {
  std::vector<std::vector<IfIndex>> found;
  const auto devices_of_default = [](rtnl_route* r) -> std::optional<std::vector<IfIndex>> {
    const auto destination = destination_of(r);
    if (!destination || destination->length() != 0 || rtnl_route_get_type(r) != RTN_UNICAST ||
        rtnl_route_get_table(r) != RT_TABLE_MAIN) {
      return std::nullopt;
    }
    return devices_of(r);
  };
  for (const auto family : {IpFamily::kV4, IpFamily::kV6})
    MESH_TRY(collect_routes(socket, family, RT_TABLE_MAIN, found, devices_of_default));
  std::set<IfIndex> all;
  for (const auto& devices : found) all.insert(devices.begin(), devices.end());
  return std::vector<IfIndex>(all.begin(), all.end());
}

Result<std::vector<Prefix>> foreign_routes_inside(const RouteSocket& socket, const Prefix& range,
                                                  IfIndex own_device) {
  std::vector<Prefix> found;
  MESH_TRY(collect_routes(
      socket, range.address().family(), 0, found, [&](rtnl_route* r) -> std::optional<Prefix> {
        const auto destination = destination_of(r);
        const bool inside = destination && destination->length() >= range.length() &&
                            range.contains(destination->address());
        const bool is_ours = device_of(r) == own_device || is_own_backstop(r);
        return inside && !is_ours ? destination : std::nullopt;
      }));
  return found;
}

}  // namespace kernmesh::netlink
