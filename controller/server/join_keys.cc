// SPDX-License-Identifier: Apache-2.0
#include "controller/server/join_keys.h"

namespace kernmesh::server {
namespace {

Error denied(const std::string& why) { return {ErrorCode::kPermissionDenied, why}; }

}  // namespace

Result<store::JoinKeyRecord> find_join_key(const View& view, const topology::Ticket& ticket,
                                           const topology::CaFingerprint& ca,
                                           store::Admits newcomer, WallTime now) {
  if (ticket.kind != topology::TicketKind::kJoinKey) {
    return denied("this is an administrator token; a join key starts with \"mk-\"");
  }
  if (ticket.ca != ca) return denied("the join key is of another server");
  const auto id = view.join_key_ids.find(topology::ticket_hash(ticket));
  if (id == view.join_key_ids.end()) return denied("the join key is not known to this server");
  const auto& record = view.join_keys.at(id->second);
  if (record.admits != newcomer) {
    return denied(newcomer == store::Admits::kNode
                      ? "the join key is for a relay; a node's is made with `meshadm key create "
                        "--user USER`"
                      : "the join key is for a node; a relay's is made with `meshadm key create "
                        "--relay`");
  }
  if (record.revoked_at != WallTime{}) return denied("the join key was revoked");
  if (now >= record.expires_at) {
    return denied("the join key has expired: ask the administrator for a new one");
  }
  if (!record.reusable && record.use_count > 0) {
    return denied("the join key is for one use and was used already");
  }
  for (const auto& tag : record.tags) {
    if (view.policy.document->tag_owners.contains(tag)) continue;
    return denied("the join key is for nodes with " + tag +
                  ", and the policy names no owner of that tag any more");
  }
  return record;
}

topology::CameBy came_by(const store::NodeRecord& record) {
  return record.join_key == JoinKeyId() ? topology::CameBy::kPerson : topology::CameBy::kJoinKey;
}

void count_use(store::JoinKeyRecord key, store::Commit& commit) {
  ++key.use_count;
  commit.puts.emplace_back(std::move(key));
}

}  // namespace kernmesh::server
