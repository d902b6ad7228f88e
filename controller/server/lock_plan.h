// SPDX-License-Identifier: Apache-2.0
// What the server does with statements and endorsements of the network lock (L3, pure;
// docs/adr/0012). It checks all of them so that mistakes are told at once; agents check again for
// themselves.
#pragma once

#include <string>
#include <vector>

#include "controller/core/lock/endorsement.h"
#include "controller/server/directory.h"

namespace kernmesh::server {

// More at a time is somebody's mistake.
inline constexpr std::size_t kMostLockProposals = 16;

struct LockOffer {
  lock::Statement statement;
  std::vector<lock::Endorsement> endorsements;
};

// What to write for a statement: the statement itself when nothing lacks, and then every node of
// the network has a valid endorsement in the same moment; else a proposal. Audit events have
// neither actor nor origin yet. Errors: those of core/lock/history.h; kConflict, with names, when
// nodes would lose their only valid endorsement by it; kExhausted for one proposal too many.
Result<store::Commit> plan_statement(const View& view, const LockOffer& offer, WallTime now);

// All of them or none. kNotFound for a machine that is no node, kPermissionDenied in words for one
// that does not hold, kConflict when there is no lock and none is proposed that they are of.
Result<store::Commit> plan_endorsements(const View& view,
                                        const std::vector<lock::Endorsement>& endorsements,
                                        WallTime now);

// What keeps the proposal from being in force, in words.
std::string lacks_of(const View& view, const lock::Statement& proposal);

// Why peers do not take the node in under the lock in force; empty: they do, or there is no lock.
std::string lock_problem(const View& view, const topology::Node& node);

// Gives the node the endorsement that its own agent has brought along, if that covers it as it is
// now, and is no older than a valid one that the server has; anything else changes nothing.
void take_own_endorsement(const View& view, const Bytes& endorsement, topology::Node& node);

}  // namespace kernmesh::server
