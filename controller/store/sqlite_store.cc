// SPDX-License-Identifier: Apache-2.0
#include "controller/store/sqlite_store.h"

#include <mutex>
#include <utility>

#include "controller/store/migrations.h"
#include "controller/store/rows.h"
#include "controller/store/sqlite_db.h"

namespace kernmesh::store {
namespace {

Result<std::int64_t> counter(Database& db, std::string_view name) {
  auto statement = db.prepare("SELECT value FROM counter WHERE name=?1");
  statement.bind(name);
  MESH_TRY_ASSIGN(const bool found, statement.step());
  if (!found) return Error(ErrorCode::kCorrupt, "counter " + std::string(name) + " is missing");
  return statement.number();
}

Status raise_counter(Database& db, std::string_view name, std::uint64_t at_least) {
  return db.prepare("UPDATE counter SET value=max(value, ?2) WHERE name=?1")
      .bind(name)
      .bind(static_cast<std::int64_t>(at_least))
      .run();
}

// Sets the revision at which a record was written; allocations and policies have none.
void stamp(Record& record, Revision revision) {
  std::visit(
      [&](auto& typed) {
        if constexpr (requires { typed.written; }) typed.written = revision;
      },
      record);
}

// Ids that a commit brings in are never given again.
struct RaiseHighest {
  Database& db;
  Status operator()(const UserRecord& r) { return raise_counter(db, "user", r.user.id.value()); }
  Status operator()(const NodeRecord& r) { return raise_counter(db, "node", r.node.id.value()); }
  Status operator()(const JoinKeyRecord& r) { return raise_counter(db, "join_key", r.id.value()); }
  Status operator()(const RelayRecord& r) { return raise_counter(db, "relay", r.relay.id.value()); }
  Status operator()(const TokenRecord& r) { return raise_counter(db, "token", r.id.value()); }
  Status operator()(const MetaRecord&) { return {}; }
  Status operator()(const AllocationRecord&) { return {}; }
  Status operator()(const PolicyRecord&) { return {}; }
  Status operator()(const RequestRecord&) { return {}; }
  Status operator()(const LockStatementRecord&) { return {}; }
  Status operator()(const LockProposalRecord&) { return {}; }
};

class SqliteStore : public Store {
 public:
  explicit SqliteStore(Database db) : db_(std::move(db)) {}

  Result<Contents> load() override {
    const std::lock_guard lock(mutex_);
    Transaction snapshot(db_);
    MESH_TRY(snapshot.begin());
    Contents contents;
    MESH_TRY(load_counters(contents));
    std::vector<MetaRecord> metas;
    MESH_TRY(read_rows(db_, metas));
    if (!metas.empty()) contents.meta = metas.front();
    MESH_TRY(read_rows(db_, contents.users));
    MESH_TRY(read_rows(db_, contents.nodes));
    MESH_TRY(read_rows(db_, contents.join_keys));
    MESH_TRY(read_rows(db_, contents.relays));
    MESH_TRY(read_rows(db_, contents.tokens));
    MESH_TRY(read_rows(db_, contents.policies));
    MESH_TRY(read_rows(db_, contents.lock_statements));
    MESH_TRY(read_rows(db_, contents.lock_proposals));
    if (!contents.policies.empty()) {
      MESH_TRY_ASSIGN(contents.policy_text,
                      read_policy_text(db_, contents.policies.back().revision));
    }
    return contents;
  }

  Result<std::string> policy_text(PolicyRevision revision) override {
    const std::lock_guard lock(mutex_);
    return read_policy_text(db_, revision);
  }

  Result<std::vector<AuditRecord>> audit(const AuditQuery& query) override {
    const std::lock_guard lock(mutex_);
    return read_audit(db_, query);
  }

  Result<AuditId> newest_audit() override {
    const std::lock_guard lock(mutex_);
    return read_newest_audit(db_);
  }

  Result<std::optional<RequestRecord>> find_request(const Hash& key, WallTime now) override {
    const std::lock_guard lock(mutex_);
    return read_request(db_, key, now);
  }

  Status commit(const Commit& commit) override {
    const std::lock_guard lock(mutex_);
    MESH_TRY_ASSIGN(const Change change, write(commit));
    if (feed_) feed_(change);
    return {};
  }

  void subscribe(Feed feed) override {
    const std::lock_guard lock(mutex_);
    feed_ = std::move(feed);
  }

 private:
  Status load_counters(Contents& contents) {
    MESH_TRY_ASSIGN(const auto revision, counter(db_, "revision"));
    MESH_TRY_ASSIGN(const auto network, counter(db_, "network_revision"));
    MESH_TRY_ASSIGN(const auto user, counter(db_, "user"));
    MESH_TRY_ASSIGN(const auto node, counter(db_, "node"));
    MESH_TRY_ASSIGN(const auto join_key, counter(db_, "join_key"));
    MESH_TRY_ASSIGN(const auto relay, counter(db_, "relay"));
    MESH_TRY_ASSIGN(const auto token, counter(db_, "token"));
    auto statement = db_.prepare("SELECT coalesce(max(slot), 0) FROM allocation");
    MESH_TRY(statement.step());
    contents.revision = Revision(revision);
    contents.network_revision = Revision(network);
    contents.highest = {UserId(user),
                        NodeId(node),
                        JoinKeyId(join_key),
                        netmap::RelayId(static_cast<std::uint32_t>(relay)),
                        static_cast<topology::Slot>(statement.number()),
                        TokenId(token)};
    return {};
  }

  Result<Change> write(const Commit& commit) {
    Transaction transaction(db_);
    MESH_TRY(transaction.begin());
    MESH_TRY_ASSIGN(const auto last, counter(db_, "revision"));
    MESH_TRY_ASSIGN(const auto network, counter(db_, "network_revision"));
    if (commit.only_at && *commit.only_at != Revision(network)) {
      return Error(ErrorCode::kConflict, "the network has changed meanwhile");
    }
    Change change{Revision(last + 1), Revision(network), commit.puts,
                  commit.removals,    commit.audience,   AuditId()};
    MESH_TRY(raise_counter(db_, "revision", change.revision.value()));
    if (commit.audience == Audience::kNetwork) {
      change.network_revision = change.revision;
      MESH_TRY(raise_counter(db_, "network_revision", change.revision.value()));
    }
    for (const auto& removal : commit.removals) {
      MESH_TRY(std::visit([&](const auto& typed) { return remove_row(db_, typed); }, removal));
    }
    for (auto& record : change.puts) {
      MESH_TRY(std::visit([&](const auto& typed) { return write_row(db_, typed, change.revision); },
                          record));
      MESH_TRY(std::visit(RaiseHighest{db_}, record));
      stamp(record, change.revision);
    }
    for (const auto& event : commit.audit) MESH_TRY(write_row(db_, event));
    if (!commit.audit.empty()) {
      change.audited = AuditId(static_cast<std::uint64_t>(sqlite3_last_insert_rowid(db_.handle())));
    }
    MESH_TRY(transaction.commit());
    return change;
  }

  std::mutex mutex_;  // held during the feed, which keeps its order
  Database db_;
  Feed feed_;
};

// SQLite does not refuse a mode that the file system cannot give, it goes on with another.
Status demand(Database& db, const char* set, const char* ask, const std::string& wanted) {
  MESH_TRY(db.execute(set));
  auto answer = db.prepare(ask);
  MESH_TRY(answer.step());
  const std::string got = answer.text();
  if (got == wanted) return {};
  return Error(ErrorCode::kUnsupported, std::string(set) + " leaves it at " + got +
                                            ": commits would not be safe on this file system");
}

Result<Database> open_checked(const std::string& path) {
  MESH_TRY_ASSIGN(auto db, Database::open(path));
  MESH_TRY(db.execute("PRAGMA busy_timeout=5000"));
  MESH_TRY(check_integrity(db));
  MESH_TRY(demand(db, "PRAGMA journal_mode=WAL", "PRAGMA journal_mode", "wal"));
  MESH_TRY(demand(db, "PRAGMA synchronous=FULL", "PRAGMA synchronous", "2"));
  MESH_TRY(db.execute("PRAGMA foreign_keys=ON"));
  MESH_TRY(migrate(db));
  return db;
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const std::string& path) {
  auto db = open_checked(path);
  if (!db) return db.error().with_context("open the database " + path);
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(*db)));
}

}  // namespace kernmesh::store
