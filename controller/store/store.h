// SPDX-License-Identifier: Apache-2.0
// The server's memory as an interface (L2): typed records, commits by compare-and-set, a feed of
// changes. Nothing of SQL is in it, so that a replicated key-value store can implement it.
// Implementations are thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "controller/base/result.h"
#include "controller/store/audit_event.h"
#include "controller/store/record.h"
#include "controller/store/removal.h"

namespace kernmesh::store {

// Whether nodes are to hear of a commit: only those raise the network's revision.
enum class Audience { kServer, kNetwork };

// Written whole or not at all.
struct Commit {
  std::vector<Record> puts;
  std::vector<AnyRemoval> removals;
  std::vector<AuditEvent> audit;
  Audience audience = Audience::kServer;
  // Only while this is the network's revision, so that what nodes were told is still what the
  // commit was planned from.
  std::optional<Revision> only_at{};
};

// A commit that is durable. `puts` carry their new `written`.
struct Change {
  Revision revision;          // of the store: every commit raises it by one
  Revision network_revision;  // the newest revision that nodes are to hear of
  std::vector<Record> puts;
  std::vector<AnyRemoval> removals;
  Audience audience = Audience::kServer;
  AuditId audited;  // the newest event of the log; only when the commit has added one
};

// Ids are never given twice, also not after a removal: the highest ever used, by kind.
struct HighestIds {
  UserId user;
  NodeId node;
  JoinKeyId join_key;
  netmap::RelayId relay;
  topology::Slot slot = 0;
  TokenId token;
};

// How long requests are remembered, and how many at most: the oldest go first.
inline constexpr auto kRequestMemory = std::chrono::hours(24);
inline constexpr std::int64_t kMostRequests = 10'000;

struct Contents {
  Revision revision;
  Revision network_revision;
  std::optional<MetaRecord> meta;  // absent in a new store
  std::vector<UserRecord> users;
  std::vector<NodeRecord> nodes;
  std::vector<JoinKeyRecord> join_keys;
  std::vector<RelayRecord> relays;
  std::vector<TokenRecord> tokens;
  std::vector<PolicyHead> policies;  // ascending; without texts, which may be 10 MB each
  std::string policy_text;           // of the newest
  HighestIds highest;
  std::vector<LockStatementRecord> lock_statements;  // ascending
  std::vector<LockProposalRecord> lock_proposals;
};

class Store {
 public:
  using Feed = std::function<void(const Change&)>;

  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  // Everything, of one revision. kCorrupt when a record is not what it should be.
  virtual Result<Contents> load() = 0;

  // One policy's text. kNotFound when there is none of that revision.
  virtual Result<std::string> policy_text(PolicyRevision revision) = 0;

  // At most `query.most` events, in its order.
  virtual Result<std::vector<AuditRecord>> audit(const AuditQuery& query) = 0;
  // 0 while there is none.
  virtual Result<AuditId> newest_audit() = 0;

  // The request of that key; nothing when there was none since kRequestMemory.
  virtual Result<std::optional<RequestRecord>> find_request(const Hash& key, WallTime now) = 0;

  // Durable when it returns. Errors, after each of which nothing was written:
  //   kConflict       a record is not (or not any more) as of `written`, or a policy is not the
  //                   next one, or the network has moved on: read again and retry
  //   kAlreadyExists  a name, key or slot belongs to another record (the message names the field)
  //   kExhausted      the disk is full
  //   kCorrupt, kSystem, kPermissionDenied   the store's files
  virtual Status commit(const Commit& commit) = 0;

  // Called once before the first commit. The feed hears every commit in order, before commit()
  // returns; it may lock but must not call the store.
  virtual void subscribe(Feed feed) = 0;
};

}  // namespace kernmesh::store
