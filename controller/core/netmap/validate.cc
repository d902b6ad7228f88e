// SPDX-License-Identifier: Apache-2.0
#include "controller/core/netmap/validate.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "controller/core/path/candidate.h"

namespace kernmesh::netmap {
namespace {

struct Reserved {
  std::uint32_t network;
  int length;
  std::string_view what;
};
// IPv4 ranges that an overlay may not touch (RFC 6890). Class E holds the synthetic endpoints.
constexpr Reserved kReservedV4[] = {
    {0x00000000, 8, "0.0.0.0/8 (this network)"},
    {0x7f000000, 8, "127.0.0.0/8 (loopback)"},
    {0xa9fe0000, 16, "169.254.0.0/16 (link-local)"},
    {0xe0000000, 4, "224.0.0.0/4 (multicast)"},
    {0xf0000000, 4, "240.0.0.0/4 (synthetic endpoints)"},
};

// Who holds a value: a peer, or this node itself (nullptr).
using Owner = const Peer*;

std::string name_of(Owner owner) {
  if (owner == nullptr) return "this node";
  return "peer " + to_string(owner->id) + " (\"" + owner->name.substr(0, 64) + "\")";
}

Error refuse(ErrorCode code, Owner owner, std::string_view field, std::string_view problem) {
  return {code, name_of(owner) + ": " + std::string(field) + " " + std::string(problem)};
}

Status bounded(Owner owner, std::string_view field, std::size_t count, std::size_t most) {
  if (count <= most) return {};
  return refuse(ErrorCode::kExhausted, owner, field,
                "has " + std::to_string(count) + " entries, at most " + std::to_string(most) +
                    " are accepted");
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

// Names reach terminals and DNS, so nothing but letters, digits and "-_." is let in.
Status check_name(Owner owner, const std::string& name, const Limits& limits) {
  if (name.empty()) return refuse(ErrorCode::kInvalid, owner, "name", "is empty");
  if (name.size() > limits.name_bytes) {
    return refuse(ErrorCode::kInvalid, owner, "name",
                  "has " + std::to_string(name.size()) + " bytes, at most " +
                      std::to_string(limits.name_bytes) + " are accepted");
  }
  if (!std::all_of(name.begin(), name.end(), is_name_char)) {
    const std::string who = owner ? "peer " + to_string(owner->id) : name_of(owner);
    return Error(ErrorCode::kInvalid,
                 who + ": name holds a character other than A-Z a-z 0-9 - _ .");
  }
  return {};
}

Status check_user_name(Owner owner, const std::string& name, const Limits& limits) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
  if (printable && name.size() <= limits.user_name_bytes) return {};
  return refuse(ErrorCode::kInvalid, owner, "user name",
                printable ? "is longer than " + std::to_string(limits.user_name_bytes) + " bytes"
                          : "holds control characters");
}

Status check_id(Owner owner, NodeId id) {
  if (id.value() >= 1 && id.value() <= kLastNodeId) return {};
  return refuse(ErrorCode::kInvalid, owner, "node id",
                to_string(id) + " is not in 1.." + std::to_string(kLastNodeId));
}

std::string_view unusable_because(const IpAddress& address) {
  if (address.is_unspecified()) return "is unspecified";
  if (address.is_loopback()) return "is a loopback address";
  if (address.is_link_local()) return "is a link-local address";
  if (address.is_multicast()) return "is a multicast address";
  if (address.is_v4_mapped()) return "is an IPv4-mapped IPv6 address";
  return {};
}

Status check_addresses(Owner owner, const std::vector<IpAddress>& addresses, const Self& self) {
  for (const auto& address : addresses) {
    const auto reason = unusable_because(address);
    if (!reason.empty()) {
      return refuse(ErrorCode::kInvalid, owner, "address",
                    to_string(address) + " " + std::string(reason));
    }
    const bool inside = std::any_of(self.overlay_prefixes.begin(), self.overlay_prefixes.end(),
                                    [&](const Prefix& p) { return p.contains(address); });
    if (!inside) {
      return refuse(ErrorCode::kInvalid, owner, "address",
                    to_string(address) + " is outside every overlay prefix");
    }
  }
  return {};
}

Status check_overlay_prefix(const Prefix& prefix, const Limits& limits) {
  const bool v4 = prefix.address().is_v4();
  const int shortest = v4 ? limits.shortest_v4_overlay : limits.shortest_v6_overlay;
  const auto refuse_prefix = [&](const std::string& why) {
    return refuse(ErrorCode::kInvalid, nullptr, "overlay prefix", to_string(prefix) + " " + why);
  };
  if (prefix.length() < shortest)
    return refuse_prefix("is wider than the accepted /" + std::to_string(shortest));
  if (v4) {
    for (const auto& reserved : kReservedV4) {
      const auto range = Prefix::make(IpAddress::from_v4_number(reserved.network), reserved.length);
      if (range->overlaps(prefix)) return refuse_prefix("overlaps " + std::string(reserved.what));
    }
    return {};
  }
  const auto& bytes = prefix.address().bytes();
  if (bytes[0] == 0) return refuse_prefix("overlaps ::/8 (loopback, IPv4-mapped)");
  if (prefix.address().is_link_local()) return refuse_prefix("overlaps fe80::/10 (link-local)");
  if (prefix.address().is_multicast()) return refuse_prefix("overlaps ff00::/8 (multicast)");
  return {};
}

Status check_self(const Self& self, const Limits& limits) {
  MESH_TRY(check_id(nullptr, self.id));
  MESH_TRY(check_name(nullptr, self.name, limits));
  MESH_TRY(check_user_name(nullptr, self.user_name, limits));
  if (self.overlay_prefixes.empty())
    return refuse(ErrorCode::kInvalid, nullptr, "overlay prefix", "is missing");
  for (const auto& prefix : self.overlay_prefixes) MESH_TRY(check_overlay_prefix(prefix, limits));
  if (self.addresses.empty()) return refuse(ErrorCode::kInvalid, nullptr, "address", "is missing");
  return check_addresses(nullptr, self.addresses, self);
}

Status check_peer(NodeId key, const Peer& peer, const Self& self, const Limits& limits) {
  MESH_TRY(check_id(&peer, peer.id));
  if (key != peer.id) {
    return refuse(ErrorCode::kInvalid, &peer, "node id", "is filed under " + to_string(key));
  }
  if (peer.id == self.id)
    return refuse(ErrorCode::kConflict, &peer, "node id", to_string(peer.id) + " is our own");
  MESH_TRY(check_name(&peer, peer.name, limits));
  MESH_TRY(check_user_name(&peer, peer.user_name, limits));
  if (peer.machine_key.is_zero())
    return refuse(ErrorCode::kInvalid, &peer, "machine key", "is all zero");
  if (peer.node_key.is_zero()) return refuse(ErrorCode::kInvalid, &peer, "node key", "is all zero");
  if (peer.disco_key.is_zero())
    return refuse(ErrorCode::kInvalid, &peer, "disco key", "is all zero");
  MESH_TRY(bounded(&peer, "addresses", peer.addresses.size(), limits.addresses_per_peer));
  MESH_TRY(bounded(&peer, "endorsement", peer.endorsement.size(), limits.endorsement_bytes));
  MESH_TRY(bounded(&peer, "endpoints", peer.endpoints.size(), limits.endpoints_per_peer));
  return check_addresses(&peer, peer.addresses, self);
}

// Values that must be unique, with who holds them. Sorted, not hashed: the keys come from outside,
// and a sort has no bad case that somebody could aim for.
template <typename T>
using Holdings = std::vector<std::pair<T, Owner>>;

std::string text_of(const std::string& name) { return "\"" + name + "\""; }
template <typename T>
std::string text_of(const T& value) {
  return to_string(value);
}

template <typename T>
Status check_unique(Holdings<T> held, std::string_view field) {
  const auto by_value = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(held.begin(), held.end(), by_value);
  const auto twice = std::adjacent_find(
      held.begin(), held.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice == held.end()) return {};
  return refuse(ErrorCode::kConflict, std::next(twice)->second, field,
                text_of(twice->first) + " is also that of " + name_of(twice->second));
}

std::string lower(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

template <typename T>
Status check_unique_key(const Netmap& map, T Peer::*member, const T& own, std::string_view field) {
  Holdings<T> held;
  held.reserve(map.peers.size() + 1);
  if (!own.is_zero()) held.emplace_back(own, nullptr);
  for (const auto& [id, peer] : map.peers) held.emplace_back(peer.*member, &peer);
  return check_unique(std::move(held), field);
}

Status check_uniqueness(const Netmap& map, const OwnKeys& own) {
  MESH_TRY(check_unique_key(map, &Peer::machine_key, own.machine_key, "machine key"));
  MESH_TRY(check_unique_key(map, &Peer::node_key, own.node_key, "node key"));
  MESH_TRY(check_unique_key(map, &Peer::disco_key, own.disco_key, "disco key"));
  Holdings<std::string> names{{lower(map.self.name), nullptr}};
  Holdings<IpAddress> addresses;
  for (const auto& address : map.self.addresses) addresses.emplace_back(address, nullptr);
  for (const auto& [id, peer] : map.peers) {
    names.emplace_back(lower(peer.name), &peer);
    for (const auto& address : peer.addresses) addresses.emplace_back(address, &peer);
  }
  MESH_TRY(check_unique(std::move(names), "name"));
  return check_unique(std::move(addresses), "address");
}

Status check_sets(const Netmap& map) {
  for (const auto& [id, set] : map.sets) {
    const auto refuse_set = [id = id](const std::string& why) {
      return Error(ErrorCode::kInvalid, "set " + to_string(id) + ": " + why);
    };
    if (id != set.id) return refuse_set("is filed under another id");
    if (!std::is_sorted(set.members.begin(), set.members.end())) {
      return refuse_set("its members are not in order");
    }
    for (const auto member : set.members) {
      if (member.value() < 1 || member.value() > kLastNodeId) {
        return refuse_set("member " + to_string(member) + " is not in 1.." +
                          std::to_string(kLastNodeId));
      }
    }
  }
  return {};
}

Status check_rules(const Netmap& map) {
  for (const auto& [id, rule] : map.rules) {
    const auto refuse_rule = [id = id](const std::string& why) {
      return Error(ErrorCode::kInvalid, "rule " + to_string(id) + ": " + why);
    };
    if (id == RuleId{}) return refuse_rule("id 0 is the default-deny rule's");
    if (id != rule.id) return refuse_rule("is filed under another id");
    for (const auto set : rule.sources) {
      if (!map.sets.contains(set)) {
        return refuse_rule("names set " + to_string(set) + ", which the map has not");
      }
    }
    for (const auto& target : rule.targets) {
      for (const auto& service : target.services) {
        for (const auto& ports : service.ports) {
          if (ports.first > ports.last) return refuse_rule("a range of ports runs backwards");
        }
      }
    }
  }
  return {};
}

Status check_relays(const Relays& relays, const Limits& limits) {
  std::vector<RelayPublicKey> keys;
  for (const auto& [id, relay] : relays.known) {
    const auto refuse_relay = [id = id](const std::string& why) {
      return Error(ErrorCode::kInvalid, "relay " + to_string(id) + ": " + why);
    };
    if (id == RelayId()) return refuse_relay("id 0 names no relay");
    if (id != relay.id) return refuse_relay("is filed under another id");
    if (relay.key.is_zero()) return refuse_relay("its key is all zero");
    for (const auto& word : {relay.name, relay.region}) {
      const bool whole =
          word.size() <= limits.name_bytes && std::all_of(word.begin(), word.end(), is_name_char);
      if (!whole) return refuse_relay("its name or region is no label");
    }
    if (relay.name.empty()) return refuse_relay("has no name");
    if (relay.endpoints.size() > limits.endpoints_per_relay) {
      return Error(ErrorCode::kExhausted, "relay " + to_string(id) + ": has " +
                                              std::to_string(relay.endpoints.size()) +
                                              " endpoints");
    }
    keys.push_back(relay.key);
  }
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return {};
  return Error(ErrorCode::kConflict, "two relays have the key " + to_string(*twice));
}

}  // namespace

std::vector<Endpoint> usable_endpoints(const Relay& relay, const Self& self) {
  std::vector<Endpoint> usable;
  std::copy_if(relay.endpoints.begin(), relay.endpoints.end(), std::back_inserter(usable),
               [&](const Endpoint& endpoint) {
                 return path::is_usable(endpoint, path::Loopback::kRefuse, self.overlay_prefixes);
               });
  return usable;
}

Status check_sizes(const Netmap& map, const Limits& limits) {
  const auto most = [](std::string_view what, std::size_t count, std::size_t limit) -> Status {
    if (count <= limit) return {};
    return Error(ErrorCode::kExhausted, "the netmap has " + std::to_string(count) + " " +
                                            std::string(what) + ", at most " +
                                            std::to_string(limit) + " are accepted");
  };
  MESH_TRY(most("peers", map.peers.size(), limits.peers));
  MESH_TRY(most("rules", map.rules.size(), limits.rules));
  MESH_TRY(most("relays", map.relays.known.size(), limits.relays));
  MESH_TRY(most("overlay prefixes", map.self.overlay_prefixes.size(), limits.overlay_prefixes));
  MESH_TRY(most("addresses of this node", map.self.addresses.size(), limits.addresses_per_peer));
  std::size_t parts = 0;
  for (const auto& [id, rule] : map.rules) {
    parts += rule.sources.size() + rule.capabilities.size();
    for (const auto& target : rule.targets) {
      parts += 1 + target.prefixes.size() + target.services.size();
    }
  }
  MESH_TRY(most("parts of rules", parts, limits.rule_parts));
  MESH_TRY(most("sets", map.sets.size(), limits.sets));
  parts = 0;
  for (const auto& [id, set] : map.sets) parts += set.members.size() + set.prefixes.size();
  MESH_TRY(most("members of sets", parts, limits.set_parts));
  MESH_TRY(most("statements of the lock", map.lock.size(), limits.lock_statements));
  parts = 0;
  for (const auto& statement : map.lock) parts += statement.size();
  return most("bytes of the lock", parts, limits.lock_bytes);
}

Status validate(const Netmap& map, const OwnKeys& own, const Limits& limits) {
  MESH_TRY(check_sizes(map, limits));
  MESH_TRY(check_self(map.self, limits));
  for (const auto& [id, peer] : map.peers) MESH_TRY(check_peer(id, peer, map.self, limits));
  MESH_TRY(check_sets(map));
  MESH_TRY(check_rules(map));
  MESH_TRY(check_relays(map.relays, limits));
  return check_uniqueness(map, own);
}

}  // namespace kernmesh::netmap
