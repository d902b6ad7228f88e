// SPDX-License-Identifier: Apache-2.0
// What befalls a node: approval, expiry, renewal, tags, and what is due before its key ends (L1,
// pure).
#pragma once

#include "controller/core/topology/node.h"

namespace kernmesh::topology {

inline constexpr auto kNodeKeyLifetime = std::chrono::days(180);
// A node that renews itself is asked for a new key in the last third, so that a machine that is off
// for a month misses nothing. One that does not answer to that, being of an older version, has its
// key renewed as it is when it comes in the last sixth.
inline constexpr auto kRotationLead = kNodeKeyLifetime / 3;
inline constexpr auto kRenewalLead = kNodeKeyLifetime / 6;
// The furthest date that may be set.
inline constexpr auto kMostKeyLifetime = std::chrono::days(3650);

// Whether the newcomer has to wait for an administrator.
enum class Approval { kNeeded, kGiven };
// Sets state and key expiry of a node that joins; its tags are set.
void admit(Node& node, Approval approval, WallTime now);

// Each takes the node through the state machine and sets its key's end; kConflict when the state
// does not allow it.
Status approve(Node& node, WallTime now);
// Also ahead of the end. A date or an end by hand gives way to the usual period.
Status renew(Node& node, WallTime now);
// Ends the key by hand; also one that has ended already, which no clock brings back then.
Status expire(Node& node, WallTime now);
// kConflict also for tagged nodes, which do not expire; kInvalid for a date that has passed or is
// further than kMostKeyLifetime. `date` is for kDate.
Status set_expiry(Node& node, KeyExpiry expiry, WallTime date, WallTime now);
// A node with tags does not expire, one that has lost them has a period before it.
void retag(Node& node, std::vector<std::string> tags, WallTime now);

// Whether the node key's time is over at `now`, whatever the state says.
bool key_has_lapsed(const Node& node, WallTime now);
// Whether it will be within netmap::kExpiryNotice: time to tell somebody.
bool key_expires_soon(const Node& node, WallTime now);
// Whether the node counts as expired by a clock that has been put right since.
bool has_expired_too_early(const Node& node, WallTime now);

// How the node came in, last.
enum class CameBy { kJoinKey, kPerson };
// Whether its agent renews it before its key ends, without anybody: proof of the machine key is
// enough for what came in with a join key; a person has to show himself again.
bool renews_itself(const Node& node, CameBy came_by);
// Whether its agent is to be asked for a new node key now.
bool rotation_is_due(const Node& node, CameBy came_by, WallTime now);
// What a node key that is told anew, or that is told again, does to a known and unexpired node.
void take_node_key(Node& node, const NodePublicKey& key, CameBy came_by, WallTime now);

}  // namespace kernmesh::topology
