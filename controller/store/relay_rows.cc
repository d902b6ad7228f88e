// SPDX-License-Identifier: Apache-2.0
// Relays as rows (the rest of rows.h).
#include "controller/store/row_codec.h"
#include "controller/store/rows.h"

namespace kernmesh::store {

Status write_row(Database& db, const RelayRecord& record, Revision now) {
  const bool fresh = record.written == Revision{};
  auto statement = db.prepare(
      fresh ? "INSERT INTO relay (id, name, region, machine_key, relay_key, endpoints, tls_port,"
              " draining, online, created_at, last_seen_at, version, written, tls_fingerprint)"
              " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"
            : "UPDATE relay SET name=?2, region=?3, machine_key=?4, relay_key=?5, endpoints=?6,"
              " tls_port=?7, draining=?8, online=?9, created_at=?10, last_seen_at=?11,"
              " version=?12, written=?13, tls_fingerprint=?14 WHERE id=?1 AND written=?15");
  const auto& relay = record.relay;
  statement.bind(relay.id.value()).bind(relay.name).bind(relay.region);
  statement.bind_blob(record.machine_key.bytes()).bind_blob(relay.key.bytes());
  statement.bind(join(relay.endpoints)).bind(relay.tls_port.value());
  statement.bind(relay.draining ? 1 : 0).bind(relay.online ? 1 : 0);
  statement.bind(seconds_of(record.created_at)).bind(seconds_of(record.last_seen_at));
  statement.bind(record.version).bind(signed_of(now.value()));
  statement.bind_blob(relay.tls_fingerprint);
  if (!fresh) statement.bind(signed_of(record.written.value()));
  MESH_TRY(statement.run());
  return replaced(db, "relay", relay.id.value());
}

Status remove_row(Database& db, const Removal<netmap::RelayId>& removal) {
  return remove_from(db, "DELETE FROM relay WHERE id=?1 AND written=?2", "relay", removal);
}

Status read_rows(Database& db, std::vector<RelayRecord>& records) {
  constexpr auto kSql =
      "SELECT id, name, region, machine_key, relay_key, endpoints, tls_port, draining, online,"
      " created_at, last_seen_at, version, written, tls_fingerprint FROM relay";
  return each_row(db, kSql, [&](Statement& row) -> Status {
    RelayRecord record;
    auto& relay = record.relay;
    relay.id = netmap::RelayId(static_cast<std::uint32_t>(row.number()));
    relay.name = row.text();
    relay.region = row.text();
    MESH_TRY_ASSIGN(record.machine_key, read_key<MachinePublicKey>(row));
    MESH_TRY_ASSIGN(relay.key, read_key<RelayPublicKey>(row));
    MESH_TRY_ASSIGN(relay.endpoints, split<Endpoint>(row.text()));
    relay.tls_port = Port(static_cast<std::uint16_t>(row.number()));
    relay.draining = row.number() != 0;
    relay.online = row.number() != 0;
    record.created_at = time_of(row.number());
    record.last_seen_at = time_of(row.number());
    record.version = row.text();
    record.written = Revision(unsigned_of(row.number()));
    const std::string fingerprint = row.blob();
    if (fingerprint.size() != relay.tls_fingerprint.size())
      return Error(ErrorCode::kCorrupt, "the table relay has a fingerprint that is none");
    std::copy(fingerprint.begin(), fingerprint.end(), relay.tls_fingerprint.begin());
    records.push_back(std::move(record));
    return {};
  });
}

}  // namespace kernmesh::store
