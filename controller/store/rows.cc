// SPDX-License-Identifier: Apache-2.0
#include "controller/store/rows.h"

#include <map>

#include "controller/store/row_codec.h"

namespace kernmesh::store {
namespace {

Status write_groups(Database& db, const topology::User& user) {
  const auto id = signed_of(user.id.value());
  MESH_TRY(db.prepare("DELETE FROM user_group WHERE user_id=?1").bind(id).run());
  for (const auto& group : user.groups) {
    MESH_TRY(db.prepare("INSERT INTO user_group (user_id, name) VALUES (?1,?2)")
                 .bind(id)
                 .bind(group)
                 .run());
  }
  return {};
}

// In the order of their bytes, as users have them.
Result<std::map<UserId, std::vector<std::string>>> read_groups(Database& db) {
  std::map<UserId, std::vector<std::string>> groups;
  constexpr auto kSql = "SELECT user_id, name FROM user_group ORDER BY user_id, name";
  MESH_TRY(each_row(db, kSql, [&](Statement& row) -> Status {
    const UserId user(unsigned_of(row.number()));
    groups[user].push_back(row.text());
    return {};
  }));
  return groups;
}

}  // namespace

Status write_row(Database& db, const MetaRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement =
      db.prepare(fresh ? "INSERT INTO meta (id, epoch, overlay_v4, overlay_v6, token_secret,"
                         " admin_token_hash, device_approval, written)"
                         " VALUES (1,?1,?2,?3,?4,?5,?6,?7)"
                       : "UPDATE meta SET epoch=?1, overlay_v4=?2, overlay_v6=?3, token_secret=?4,"
                         " admin_token_hash=?5, device_approval=?6, written=?7"
                         " WHERE id=1 AND written=?8");
  statement.bind(signed_of(record.epoch.value()))
      .bind(to_string(record.overlay.v4))
      .bind(to_string(record.overlay.v6))
      .bind_blob(record.token_secret.bytes())
      .bind_blob(record.admin_token_hash)
      .bind(record.device_approval ? 1 : 0)
      .bind(signed_of(now.value()));
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  return replaced(db, "meta", 1);
}

Status write_row(Database& db, const UserRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement = db.prepare(
      fresh ? "INSERT INTO user (id, name, created_at, email, roles, issuer, subject, written)"
              " VALUES (?1,?2,?3,?4,?5,nullif(?6,''),nullif(?7,''),?8)"
            : "UPDATE user SET name=?2, created_at=?3, email=?4, roles=?5, issuer=nullif(?6,''),"
              " subject=nullif(?7,''), written=?8 WHERE id=?1 AND written=?9");
  statement.bind(signed_of(record.user.id.value()))
      .bind(record.user.name)
      .bind(seconds_of(record.user.created_at))
      .bind(record.user.email)
      .bind(join(record.user.roles))
      .bind(record.issuer)
      .bind(record.subject)
      .bind(signed_of(now.value()));
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  MESH_TRY(replaced(db, "user", record.user.id.value()));
  return write_groups(db, record.user);
}

Status write_row(Database& db, const NodeRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement = db.prepare(
      fresh ? "INSERT INTO node (id, name, user_id, state, machine_key, node_key, disco_key,"
              " addresses, endpoints, ephemeral, online, created_at, last_seen_at, key_expires_at,"
              " applied_epoch, applied_revision, agent_version, kernel_release, tags, home_relay,"
              " join_key, key_expiry, key_rotation_due, machine_key_shared_at, alarmed_for,"
              " endorsement, written) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
              "?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27)"
            : "UPDATE node SET name=?2, user_id=?3, state=?4, machine_key=?5, node_key=?6,"
              " disco_key=?7, addresses=?8, endpoints=?9, ephemeral=?10, online=?11,"
              " created_at=?12, last_seen_at=?13, key_expires_at=?14, applied_epoch=?15,"
              " applied_revision=?16, agent_version=?17, kernel_release=?18, tags=?19,"
              " home_relay=?20, join_key=?21, key_expiry=?22, key_rotation_due=?23,"
              " machine_key_shared_at=?24, alarmed_for=?25, endorsement=?26, written=?27"
              " WHERE id=?1 AND written=?28");
  const auto& node = record.node;
  const auto& facts = record.facts;
  statement.bind(signed_of(node.id.value())).bind(node.name);
  statement.bind(signed_of(node.user_id.value())).bind(static_cast<std::int64_t>(node.state));
  statement.bind_blob(node.machine_key.bytes());
  statement.bind_blob(node.node_key.bytes()).bind_blob(node.disco_key.bytes());
  statement.bind(join(node.addresses)).bind(join(node.endpoints));
  statement.bind(node.ephemeral ? 1 : 0).bind(node.online ? 1 : 0);
  statement.bind(seconds_of(node.created_at)).bind(seconds_of(node.last_seen_at));
  statement.bind(seconds_of(node.key_expires_at));
  statement.bind(signed_of(facts.applied.epoch.value()));
  statement.bind(signed_of(facts.applied.revision.value()));
  statement.bind(facts.agent_version).bind(facts.kernel_release).bind(join(node.tags));
  statement.bind(node.home_relay.value()).bind(signed_of(record.join_key.value()));
  statement.bind(static_cast<std::int64_t>(node.key_expiry)).bind(node.key_rotation_due ? 1 : 0);
  statement.bind(seconds_of(node.machine_key_shared_at)).bind(seconds_of(record.alarmed_for));
  statement.bind_blob(node.endorsement).bind(signed_of(now.value()));
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  return replaced(db, "node", node.id.value());
}

Status write_row(Database& db, const JoinKeyRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement = db.prepare(
      fresh ? "INSERT INTO join_key (id, hash, hint, admits, user_id, reusable, ephemeral,"
              " created_at, expires_at, revoked_at, use_count, tags, pre_approved, written)"
              " VALUES (?1,?2,?3,?4,nullif(?5,0),?6,?7,?8,?9,?10,?11,?12,?13,?14)"
            : "UPDATE join_key SET hash=?2, hint=?3, admits=?4, user_id=nullif(?5,0), reusable=?6,"
              " ephemeral=?7, created_at=?8, expires_at=?9, revoked_at=?10, use_count=?11,"
              " tags=?12, pre_approved=?13, written=?14 WHERE id=?1 AND written=?15");
  statement.bind(signed_of(record.id.value())).bind_blob(record.hash).bind(record.hint);
  statement.bind(static_cast<std::int64_t>(record.admits));
  statement.bind(signed_of(record.user_id.value()));
  statement.bind(record.reusable ? 1 : 0).bind(record.ephemeral ? 1 : 0);
  statement.bind(seconds_of(record.created_at)).bind(seconds_of(record.expires_at));
  statement.bind(seconds_of(record.revoked_at)).bind(record.use_count).bind(join(record.tags));
  statement.bind(record.pre_approved ? 1 : 0).bind(signed_of(now.value()));
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  return replaced(db, "join key", record.id.value());
}

Status write_row(Database& db, const AllocationRecord& record, Revision) {
  return db.prepare("INSERT INTO allocation (slot, node_id) VALUES (?1, ?2)")
      .bind(record.slot)
      .bind(signed_of(record.node_id.value()))
      .run();
}

Status write_row(Database& db, const PolicyRecord& record, Revision) {
  const auto& head = record.head;
  MESH_TRY(db.prepare("INSERT INTO policy (revision, text, created_at, author, comment)"
                      " SELECT ?1,?2,?3,?4,?5"
                      " WHERE ?1 = (SELECT coalesce(max(revision), 0) + 1 FROM policy)")
               .bind(head.revision.value())
               .bind(record.text)
               .bind(seconds_of(head.created_at))
               .bind(head.author)
               .bind(head.comment)
               .run());
  if (db.changed() == 1) return {};
  return Error(ErrorCode::kConflict,
               "policy " + to_string(head.revision) + " is not the next one any more");
}

Status remove_row(Database& db, const Removal<UserId>& removal) {
  return remove_from(db, "DELETE FROM user WHERE id=?1 AND written=?2", "user", removal);
}
Status remove_row(Database& db, const Removal<NodeId>& removal) {
  return remove_from(db, "DELETE FROM node WHERE id=?1 AND written=?2", "node", removal);
}
Status remove_row(Database& db, const Removal<JoinKeyId>& removal) {
  return remove_from(db, "DELETE FROM join_key WHERE id=?1 AND written=?2", "join key", removal);
}

Status read_rows(Database& db, std::vector<MetaRecord>& records) {
  constexpr auto kSql =
      "SELECT epoch, overlay_v4, overlay_v6, token_secret, admin_token_hash, device_approval,"
      " written FROM meta";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    MetaRecord record;
    record.epoch = Epoch(unsigned_of(row.number()));
    MESH_TRY_ASSIGN(record.overlay.v4, Prefix::parse(row.text()));
    MESH_TRY_ASSIGN(record.overlay.v6, Prefix::parse(row.text()));
    MESH_TRY(read_bytes(row, record.token_secret.mutable_bytes()));
    MESH_TRY(read_bytes(row, record.admin_token_hash));
    record.device_approval = row.number() != 0;
    record.written = Revision(unsigned_of(row.number()));
    records.push_back(std::move(record));
    return {};
  });
}

Status read_rows(Database& db, std::vector<UserRecord>& records) {
  MESH_TRY_ASSIGN(auto groups, read_groups(db));
  constexpr auto kSql =
      "SELECT id, name, created_at, email, roles, coalesce(issuer, ''), coalesce(subject, ''),"
      " written FROM user";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    UserRecord record;
    record.user.id = UserId(unsigned_of(row.number()));
    record.user.name = row.text();
    record.user.created_at = time_of(row.number());
    record.user.email = row.text();
    record.user.roles = words_of(row.text());
    record.issuer = row.text();
    record.subject = row.text();
    record.user.groups = std::move(groups[record.user.id]);
    record.written = Revision(unsigned_of(row.number()));
    records.push_back(std::move(record));
    return {};
  });
}

Status read_rows(Database& db, std::vector<NodeRecord>& records) {
  constexpr auto kSql =
      "SELECT id, name, user_id, state, machine_key, node_key, disco_key, addresses, endpoints,"
      " ephemeral, online, created_at, last_seen_at, key_expires_at, applied_epoch,"
      " applied_revision, agent_version, kernel_release, tags, home_relay, join_key, key_expiry,"
      " key_rotation_due, machine_key_shared_at, alarmed_for, endorsement, written FROM node";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    NodeRecord record;
    auto& node = record.node;
    node.id = NodeId(unsigned_of(row.number()));
    node.name = row.text();
    node.user_id = UserId(unsigned_of(row.number()));
    const auto state = row.number();
    if (state < 1 || state > 3) {
      return Error(ErrorCode::kCorrupt, "node state " + std::to_string(state));
    }
    node.state = static_cast<topology::NodeState>(state);
    MESH_TRY_ASSIGN(node.machine_key, read_key<MachinePublicKey>(row));
    MESH_TRY_ASSIGN(node.node_key, read_key<NodePublicKey>(row));
    MESH_TRY_ASSIGN(node.disco_key, read_key<DiscoPublicKey>(row));
    MESH_TRY_ASSIGN(node.addresses, split<IpAddress>(row.text()));
    MESH_TRY_ASSIGN(node.endpoints, split<Endpoint>(row.text()));
    node.ephemeral = row.number() != 0;
    node.online = row.number() != 0;
    node.created_at = time_of(row.number());
    node.last_seen_at = time_of(row.number());
    node.key_expires_at = time_of(row.number());
    record.facts.applied.epoch = Epoch(unsigned_of(row.number()));
    record.facts.applied.revision = Revision(unsigned_of(row.number()));
    record.facts.agent_version = row.text();
    record.facts.kernel_release = row.text();
    node.tags = words_of(row.text());
    node.home_relay = netmap::RelayId(static_cast<std::uint32_t>(row.number()));
    record.join_key = JoinKeyId(unsigned_of(row.number()));
    const auto key_expiry = row.number();
    if (key_expiry < 1 || key_expiry > 4) {
      return Error(ErrorCode::kCorrupt, "key expiry " + std::to_string(key_expiry));
    }
    node.key_expiry = static_cast<topology::KeyExpiry>(key_expiry);
    node.key_rotation_due = row.number() != 0;
    node.machine_key_shared_at = time_of(row.number());
    record.alarmed_for = time_of(row.number());
    const std::string endorsement = row.blob();
    node.endorsement.assign(endorsement.begin(), endorsement.end());
    record.written = Revision(unsigned_of(row.number()));
    records.push_back(std::move(record));
    return {};
  });
}

Status read_rows(Database& db, std::vector<JoinKeyRecord>& records) {
  constexpr auto kSql =
      "SELECT id, hash, hint, admits, coalesce(user_id, 0), reusable, ephemeral, created_at,"
      " expires_at, revoked_at, use_count, tags, pre_approved, written FROM join_key";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    JoinKeyRecord record;
    record.id = JoinKeyId(unsigned_of(row.number()));
    MESH_TRY(read_bytes(row, record.hash));
    record.hint = row.text();
    const auto admits = row.number();
    if (admits < 1 || admits > 2) {
      return Error(ErrorCode::kCorrupt, "a join key admits " + std::to_string(admits));
    }
    record.admits = static_cast<Admits>(admits);
    record.user_id = UserId(unsigned_of(row.number()));
    record.reusable = row.number() != 0;
    record.ephemeral = row.number() != 0;
    record.created_at = time_of(row.number());
    record.expires_at = time_of(row.number());
    record.revoked_at = time_of(row.number());
    record.use_count = static_cast<std::uint32_t>(row.number());
    record.tags = words_of(row.text());
    record.pre_approved = row.number() != 0;
    record.written = Revision(unsigned_of(row.number()));
    records.push_back(std::move(record));
    return {};
  });
}

Status read_rows(Database& db, std::vector<PolicyHead>& heads) {
  constexpr auto kSql =
      "SELECT revision, created_at, author, comment FROM policy ORDER BY revision";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    PolicyHead head;
    head.revision = PolicyRevision(static_cast<std::uint32_t>(row.number()));
    head.created_at = time_of(row.number());
    head.author = row.text();
    head.comment = row.text();
    heads.push_back(std::move(head));
    return {};
  });
}

Result<std::string> read_policy_text(Database& db, PolicyRevision revision) {
  auto row = db.prepare("SELECT text FROM policy WHERE revision=?1");
  row.bind(revision.value());
  MESH_TRY_ASSIGN(const bool found, row.step());
  if (found) return row.text();
  return Error(ErrorCode::kNotFound, "there is no policy " + to_string(revision));
}

}  // namespace kernmesh::store
