// SPDX-License-Identifier: Apache-2.0
// C11: the store on a disk that loses power at any point, is full, or fails. What was acknowledged
// is there; a commit that was under way is there whole or not at all; the database opens.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <tuple>

#include "controller/store/sqlite_store.h"
#include "tests/unit/store/crashed_disk.h"

namespace kernmesh::store {
namespace {

// A folder of its own, in memory: the disk that is tested is the recorded one.
class Folder {
 public:
  Folder() {
    char name[] = "/dev/shm/kernmesh-crash-XXXXXX";
    if (mkdtemp(name) != nullptr) path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string database() const { return path_ + "/server.db"; }
  void fill(const std::map<std::string, std::string>& files) const {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
    for (const auto& [name, content] : files) std::ofstream(path_ + "/" + name) << content;
  }

 private:
  std::string path_;
};

// Random letters, so that no two pages are alike.
std::string letters(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(count, ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
  return text;
}

// Everything that is kept, to compare; as a text the counts, for people.
struct Account {
  std::string fault;  // why it was not loaded
  Contents contents;
  std::vector<AuditRecord> audit;
};

bool operator==(const HighestIds& a, const HighestIds& b) {
  return std::tie(a.user, a.node, a.join_key, a.relay, a.slot, a.token) ==
         std::tie(b.user, b.node, b.join_key, b.relay, b.slot, b.token);
}

bool operator==(const Account& a, const Account& b) {
  const auto all = [](const Account& account) {
    const Contents& held = account.contents;
    return std::tie(account.fault, held.revision, held.network_revision, held.meta, held.users,
                    held.nodes, held.join_keys, held.relays, held.tokens, held.policies,
                    held.policy_text, account.audit);
  };
  return all(a) == all(b) && a.contents.highest == b.contents.highest;
}

std::ostream& operator<<(std::ostream& out, const Account& account) {
  const Contents& held = account.contents;
  if (!account.fault.empty()) return out << account.fault;
  return out << "revision " << held.revision.value() << ", " << held.users.size() << " users, "
             << held.nodes.size() << " nodes, " << held.join_keys.size() << " keys, "
             << held.relays.size() << " relays, " << held.tokens.size() << " tokens, "
             << held.policies.size() << " policies, " << account.audit.size() << " events, "
             << (held.meta ? "with" : "without") << " settings";
}

Account account_of(Store& store) {
  AuditQuery query;
  query.most = 1000;
  auto contents = store.load();
  auto audit = store.audit(query);
  if (!contents) return {"not loaded: " + contents.error().message(), {}, {}};
  if (!audit) return {"not loaded: " + audit.error().message(), {}, {}};
  return {"", std::move(*contents), std::move(*audit)};
}

UserRecord user_named(std::uint64_t id, std::string name) {
  return {{UserId(id), std::move(name), WallTime(std::chrono::seconds(5))}, {}};
}

MetaRecord settings() {
  MetaRecord meta;
  meta.epoch = Epoch(1);
  meta.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};
  meta.token_secret.mutable_bytes()[0] = 7;
  meta.admin_token_hash.fill(3);
  return meta;
}

// Settings, a token, a relay; each is changed, the token, the relay and the node are removed.
// `before`: commits that went ahead.
std::vector<Commit> later_life(std::uint64_t before) {
  auto meta = settings(), approving = settings();
  approving.device_approval = true;
  approving.written = Revision(before + 1);
  TokenRecord token;
  token.id = TokenId(1);
  token.hash.fill(5);
  token.user_id = UserId(1);
  token.role = topology::Role::kAuditor;
  TokenRecord used = token;
  used.last_used_at = WallTime(std::chrono::seconds(60));
  used.written = Revision(before + 1);
  RelayRecord relay;
  relay.relay.id = netmap::RelayId(1);
  relay.relay.name = "fra1";
  RelayRecord draining = relay;
  draining.relay.draining = true;
  draining.written = Revision(before + 2);
  const auto event = [](const std::string& action) {
    return AuditEvent{WallTime(), "user ada", action, "subject", "detail of " + action, ""};
  };
  return {
      {{meta, token}, {}, {event("token.create")}, Audience::kServer},
      {{approving, relay}, {}, {event("settings.set"), event("relay.join")}, Audience::kNetwork},
      {{used, draining}, {}, {event("relay.drain")}, Audience::kNetwork},
      {{},
       {Removal<TokenId>{TokenId(1), Revision(before + 3)},
        Removal<NodeId>{NodeId(1), Revision(2)}},
       {event("token.revoke"), event("node.remove")},
       Audience::kNetwork},
      {{},
       {Removal<netmap::RelayId>{netmap::RelayId(1), Revision(before + 3)}},
       {event("relay.remove")},
       Audience::kNetwork},
  };
}

// A life of a store: a key, the node that used it up, policies of which three are larger together
// than the log may grow, and what comes after.
std::vector<Commit> life() {
  JoinKeyRecord key;
  key.id = JoinKeyId(1);
  key.hash.fill(1);
  key.user_id = UserId(1);
  JoinKeyRecord used = key;
  used.use_count = 1;
  used.written = Revision(1);
  NodeRecord node;
  node.node.id = NodeId(1);
  node.node.name = "alpha";
  node.node.user_id = UserId(1);
  std::vector<Commit> commits;
  commits.push_back({{user_named(1, "ada"), key}, {}, {}, Audience::kServer});
  commits.push_back({{used, node, AllocationRecord{1, NodeId(1)}},
                     {},
                     {{WallTime(), "node 1", "node.join", "alpha", "with join key 1"}},
                     Audience::kNetwork});
  for (std::uint32_t i = 1; i <= 4; ++i) {
    PolicyRecord policy;
    policy.head.revision = PolicyRevision(i);
    policy.head.comment = "of " + std::to_string(i);
    policy.text = letters(i == 1 ? 100 : 1'500'000, i);
    commits.push_back({{policy}, {}, {}, Audience::kNetwork});
  }
  commits.push_back({{user_named(2, "bob")}, {}, {}, Audience::kServer});
  commits.push_back({{}, {Removal<UserId>{UserId(2), Revision(7)}}, {}, Audience::kServer});
  commits.push_back({{user_named(3, "cleo")}, {}, {}, Audience::kServer});
  for (auto& commit : later_life(commits.size())) commits.push_back(std::move(commit));
  return commits;
}

struct Recording {
  std::vector<DiskOperation> operations;
  std::vector<std::size_t> acknowledged;  // operations that were done when commit N returned
  std::vector<Account> accounts;          // after N commits
};

// Opens what `folder` holds and commits `commits`.
Recording record(const Folder& folder, const std::vector<Commit>& commits) {
  Recording recording;
  RecordedDisk disk;
  {
    const auto store = open_sqlite_store(folder.database());
    EXPECT_TRUE(store) << store.error().message();
    recording.accounts.push_back(account_of(**store));
    for (const auto& commit : commits) {
      const auto status = (*store)->commit(commit);
      EXPECT_TRUE(status) << status.error().message();
      recording.acknowledged.push_back(disk.operations().size());
      recording.accounts.push_back(account_of(**store));
    }
  }
  recording.operations = disk.operations();
  return recording;
}

bool is_long() {
  const char* const word = std::getenv("KERNMESH_LONG");
  return word != nullptr && *word != '\0';
}

// Every point where the log or the database is synced, its neighbours, and each `stride`th of the
// others; all of them with --long.
bool is_looked_at(const std::vector<DiskOperation>& operations, std::size_t point,
                  std::size_t stride) {
  if (is_long()) return true;
  const auto notable = [&](std::size_t at) {
    return at < operations.size() && operations[at].kind != DiskOperation::Kind::kWrite;
  };
  return point % stride == 0 || notable(point) || notable(point + 1) || notable(point - 1);
}

// Crashes after each operation, opens what is left, and compares. Counts the crashes.
int crash_everywhere(const Recording& recording, std::map<std::string, std::string> before,
                     std::size_t stride) {
  Folder folder;
  CrashedDisk disk(std::move(before));
  std::mt19937 random(20261122);
  std::size_t acknowledged = 0;
  int crashes = 0;
  for (std::size_t point = 0; point < recording.operations.size(); ++point) {
    disk.apply(recording.operations[point]);
    while (acknowledged < recording.acknowledged.size() &&
           recording.acknowledged[acknowledged] <= point + 1) {
      ++acknowledged;
    }
    if (!is_looked_at(recording.operations, point, stride)) continue;
    for (const auto fate : {Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn}) {
      folder.fill(disk.files(fate, random));
      const auto store = open_sqlite_store(folder.database());
      if (!store) {
        ADD_FAILURE() << "after operation " << point << ": " << store.error().message();
        return crashes;
      }
      const Account found = account_of(**store);
      const auto next = std::min(acknowledged + 1, recording.accounts.size() - 1);
      if (!(found == recording.accounts[acknowledged] || found == recording.accounts[next])) {
        ADD_FAILURE() << "after operation " << point << " of " << recording.operations.size()
                      << " with " << acknowledged << " commits acknowledged, fate "
                      << static_cast<int>(fate) << ": " << found << "\nexpected "
                      << recording.accounts[acknowledged];
        return crashes;
      }
      ++crashes;
    }
  }
  return crashes;
}

TEST(StoreCrash, c11_power_lost_at_any_point_of_a_life_keeps_what_was_acknowledged) {
  const Folder folder;
  const auto recording = record(folder, life());
  ASSERT_EQ(recording.accounts.size(), life().size() + 1);
  ASSERT_TRUE(recording.accounts.back().contents.meta->device_approval)
      << "it was lived to its end";
  ASSERT_EQ(recording.accounts.back().audit.size(), 8U);
  EXPECT_GT(crash_everywhere(recording, {}, 199), 150);
}

// What a crash left is recovered by the next start, which may lose power as well.
TEST(StoreCrash, c11_power_lost_while_a_crash_is_recovered_keeps_what_was_acknowledged) {
  const Folder first;
  const auto recording = record(first, life());
  std::mt19937 random(7);
  int crashes = 0;
  for (const std::size_t commit : {1U, 4U, 5U, 8U}) {
    CrashedDisk disk({});
    const std::size_t point = recording.acknowledged[commit];
    for (std::size_t i = 0; i < point; ++i) disk.apply(recording.operations[i]);
    const auto left = disk.files(Unsynced::kTorn, random);
    const Folder second;
    second.fill(left);
    const auto again = record(second, {{{user_named(9, "zoe")}, {}, {}, Audience::kServer}});
    ASSERT_EQ(again.accounts[0], recording.accounts[commit + 1]);
    crashes += crash_everywhere(again, left, 199);
  }
  EXPECT_GT(crashes, 60);
}

// What the commits of a disturbed life came to.
struct Outcome {
  std::vector<bool> acknowledged;
  std::vector<std::string> errors;
};

constexpr int kUsers = 40;

// A user and a policy of some pages a commit, until the log is folded into the database and
// further.
Commit numbered(int number) {
  PolicyRecord policy;
  policy.head.revision = PolicyRevision(static_cast<std::uint32_t>(number + 1));
  policy.text = letters(150'000, static_cast<unsigned>(number));
  return {
      {user_named(static_cast<std::uint64_t>(number + 1), "u" + std::to_string(number)), policy},
      {},
      {},
      Audience::kNetwork};
}

Outcome commit_all(Store& store) {
  Outcome outcome;
  int next = 0;
  for (int i = 0; i < kUsers; ++i) {
    const auto status = store.commit(numbered(next));
    outcome.acknowledged.push_back(bool(status));
    if (status) {
      ++next;
    } else {
      outcome.errors.push_back(status.error().message());
    }
  }
  return outcome;
}

// Users that the store must hold: one for each commit that was acknowledged.
std::size_t acknowledged_in(const Outcome& outcome) {
  return static_cast<std::size_t>(
      std::count(outcome.acknowledged.begin(), outcome.acknowledged.end(), true));
}

using Kind = DiskOperation::Kind;

TEST(StoreCrash, c11_full_disk_refuses_commits_and_keeps_all_others) {
  for (const int full_from : {1, 2, 5, 40, 400, 1000, 2500, 2600}) {
    const Folder folder;
    int seen = 0;
    bool opened = false;
    Outcome outcome;
    {
      // Full for a while, then somebody makes room.
      RecordedDisk disk([&](const DiskOperation& operation) {
        if (!opened || operation.kind != Kind::kWrite) return SQLITE_OK;
        ++seen;
        return seen >= full_from && seen < full_from + 12 ? SQLITE_FULL : SQLITE_OK;
      });
      const auto store = open_sqlite_store(folder.database());
      ASSERT_TRUE(store) << store.error().message();
      opened = true;
      outcome = commit_all(**store);
      EXPECT_EQ((*store)->load()->users.size(), acknowledged_in(outcome));
    }
    const auto store = open_sqlite_store(folder.database());
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ((*store)->load()->users.size(), acknowledged_in(outcome)) << full_from;
    EXPECT_GT(acknowledged_in(outcome), kUsers / 2U) << full_from;
  }
}

// After a sync that failed the kernel has forgotten what it did not write, so that a second try
// succeeds and means nothing: whoever goes on has to write it all once more.
TEST(StoreCrash, c11_failed_sync_loses_nothing_that_was_acknowledged) {
  std::mt19937 random(11);
  for (int failing = 3; failing < 60; failing += is_long() ? 1 : 6) {
    const Folder folder;
    int syncs = 0;
    bool opened = false;
    Outcome outcome;
    std::vector<DiskOperation> operations;
    {
      RecordedDisk disk([&](const DiskOperation& operation) {
        if (!opened || operation.kind != Kind::kSync) return SQLITE_OK;
        return ++syncs == failing ? SQLITE_IOERR_FSYNC : SQLITE_OK;
      });
      const auto store = open_sqlite_store(folder.database());
      ASSERT_TRUE(store) << store.error().message();
      opened = true;
      outcome = commit_all(**store);
      operations = disk.operations();  // power is lost here
    }
    CrashedDisk crashed({});
    for (const auto& operation : operations) crashed.apply(operation);
    const Folder after;
    after.fill(crashed.files(Unsynced::kLost, random));
    const auto store = open_sqlite_store(after.database());
    ASSERT_TRUE(store) << "sync " << failing << ": " << store.error().message();
    EXPECT_GE((*store)->load()->users.size(), acknowledged_in(outcome)) << "sync " << failing;
    // At most the one that it failed on may be there without having been acknowledged.
    EXPECT_LE((*store)->load()->users.size(), acknowledged_in(outcome) + 1);
  }
}

TEST(StoreCrash, c11_broken_disk_refuses_commits_and_keeps_all_others) {
  for (const int broken_from : {1, 2, 5, 40, 400, 1000, 2500, 2600}) {
    const Folder folder;
    int seen = 0;
    bool opened = false;
    Outcome outcome;
    {
      RecordedDisk disk([&](const DiskOperation& operation) {
        if (!opened || operation.kind == Kind::kSync) return SQLITE_OK;
        ++seen;
        return seen >= broken_from && seen < broken_from + 12 ? SQLITE_IOERR_WRITE : SQLITE_OK;
      });
      const auto store = open_sqlite_store(folder.database());
      ASSERT_TRUE(store) << store.error().message();
      opened = true;
      outcome = commit_all(**store);
      EXPECT_EQ((*store)->load()->users.size(), acknowledged_in(outcome));
    }
    for (const auto& error : outcome.errors) EXPECT_NE(error.find("disk I/O error"), error.npos);
    const auto store = open_sqlite_store(folder.database());
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ((*store)->load()->users.size(), acknowledged_in(outcome)) << broken_from;
    EXPECT_GT(acknowledged_in(outcome), kUsers / 2U) << broken_from;
  }
}

TEST(StoreCrash, c11_disk_that_is_full_or_broken_at_the_start_is_named) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC}) {
    const Folder folder;
    {
      RecordedDisk disk([&](const DiskOperation& operation) {
        return operation.kind == Kind::kDelete ? SQLITE_OK : code;
      });
      const auto store = open_sqlite_store(folder.database());
      ASSERT_FALSE(store);
      EXPECT_NE(store.error().message().find(folder.database()), std::string::npos);
    }
    const auto store = open_sqlite_store(folder.database());
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_TRUE((*store)->commit(numbered(0)));
  }
}

}  // namespace
}  // namespace kernmesh::store
