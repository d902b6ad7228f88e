// SPDX-License-Identifier: Apache-2.0
// How a policy names who and what: "*", a user, group:x, tag:x, an autogroup, a prefix (L1, pure).
#pragma once

#include <string>
#include <string_view>

#include "controller/base/ip.h"
#include "controller/base/result.h"
#include "controller/core/policy/diagnostic.h"

namespace kernmesh::policy {

enum class Autogroup {
  kMember,     // all untagged nodes; "autogroup:members" is an alias
  kTagged,     // all tagged nodes
  kSelf,       // destination only: the source user's own untagged nodes
  kInternet,   // destination only: public addresses, through exit nodes
  kDangerAll,  // source only: every address there is
  kOwner,      // untagged nodes of users with the role
  kAdmin,
  kNetworkAdmin,
  kItAdmin,
  kBillingAdmin,
  kAuditor,
};

// As a policy spells it, e.g. "autogroup:member".
std::string_view to_string(Autogroup autogroup);

enum class SelectorKind {
  kAny,  // "*"
  kAutogroup,
  kUser,         // "ada@example.com"; "ada@" names the user ada of a network without addresses
  kDomainUsers,  // "user:*@example.com": `name` is the domain
  kGroup,        // `name` with its prefix: "group:dev"
  kTag,          // "tag:web"
  kHost,         // a name of `hosts`
  kIpSet,        // "ipset:x"
  kPrefix,       // an address or CIDR
};

struct Selector {
  SelectorKind kind = SelectorKind::kAny;
  Autogroup autogroup = Autogroup::kMember;  // kAutogroup only
  std::string name;                          // as written, alias resolved; empty for kAny, kPrefix
  Prefix prefix;                             // kPrefix only
  Position at;
};

inline bool is_autogroup(const Selector& selector, Autogroup autogroup) {
  return selector.kind == SelectorKind::kAutogroup && selector.autogroup == autogroup;
}
inline bool is_self(const Selector& selector) { return is_autogroup(selector, Autogroup::kSelf); }
inline bool is_internet(const Selector& selector) {
  return is_autogroup(selector, Autogroup::kInternet);
}

// Reads one name, white space around it trimmed. Whether groups, tags and hosts exist is not asked
// here. kInvalid says what would be right.
Result<Selector> parse_selector(std::string_view text, Position at);

// As a policy spells it.
std::string to_string(const Selector& selector);

}  // namespace kernmesh::policy
