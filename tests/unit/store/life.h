// SPDX-License-Identifier: Apache-2.0
// A life of a store as commits, in which each kind of record is written, and changed and removed
// when it can be.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "controller/store/store.h"

namespace kernmesh::store {

// Random letters, so that no two pages are alike.
inline std::string letters(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(count, ' ');
  for (char& letter : text) letter = static_cast<char>('a' + random() % 26);
  return text;
}

inline UserRecord user_named(std::uint64_t id, std::string name) {
  return {{UserId(id), std::move(name), WallTime(std::chrono::seconds(5))}, {}};
}

class Life {
 public:
  // Until everything is there. Policies have so many bytes: those of a crash are larger together
  // than the log may grow.
  explicit Life(std::size_t policy_bytes) {
    join();
    sign_in();
    begin_lock();
    write_policies(policy_bytes);
    let_users_come_and_go();
    set_up();
  }

  // What can be removed is.
  void leave() {
    const Removal<TokenId> token{token_.id, token_.written};
    const Removal<NodeId> node{node_.node.id, node_.written};
    const Removal<LockDigest> proposal{proposal_.digest, proposal_.written};
    const Removal<netmap::RelayId> relay{relay_.relay.id, relay_.written};
    const Removal<JoinKeyId> key{key_.id, key_.written};
    then({{}, {token, node}, {event("token.revoke"), event("node.remove")}, Audience::kNetwork});
    then({{LockStatementRecord{2, Bytes(300, 4)}}, {proposal}, {}, Audience::kNetwork});
    then({{}, {relay, key}, {event("relay.remove")}, Audience::kNetwork});
  }

  const std::vector<Commit>& commits() const { return commits_; }

 private:
  // The revision at which it writes.
  Revision then(Commit commit) {
    commits_.push_back(std::move(commit));
    return Revision(commits_.size());
  }
  static AuditEvent event(const std::string& action) {
    return {WallTime(), "user ada", action, "subject", "detail of " + action, ""};
  }
  static RequestRecord request(std::uint8_t number, WallTime at) {
    RequestRecord record;
    record.key.fill(number);
    record.digest.fill(static_cast<std::uint8_t>(number + 1));
    record.salt.fill(static_cast<std::uint8_t>(number + 2));
    record.subject = number;
    record.created_at = at;
    return record;
  }

  // By a key, which that uses up.
  void join() {
    key_.id = JoinKeyId(1);
    key_.hash.fill(1);
    key_.user_id = UserId(1);
    key_.written = then({{user_named(1, "ada"), key_}, {}, {}, Audience::kServer});
    key_.use_count = 1;
    node_.node.id = NodeId(1);
    node_.node.name = "alpha";
    node_.node.user_id = UserId(1);
    key_.written = node_.written = then({{key_, node_, AllocationRecord{1, NodeId(1)}},
                                         {},
                                         {event("node.join")},
                                         Audience::kNetwork});
  }

  void sign_in() {
    UserRecord ann = user_named(2, "ann");
    ann.issuer = "https://id.example";
    ann.subject = "id-of-ann";
    ann.user.email = "ann@example.org";
    ann.user.roles = {"admin"};
    ann.user.groups = {"dev", "ops"};
    ann.written =
        then({{ann, request(1, kFirstRequest)}, {}, {event("user.create")}, Audience::kServer});
    ann.user.groups = {"all hands", "ops"};
    then({{ann}, {}, {event("user.update")}, Audience::kNetwork});
  }

  void begin_lock() {
    node_.node.endorsement = Bytes(230, 5);
    proposal_.digest.bytes.fill(1);
    proposal_.bytes = Bytes(600, 1);
    proposal_.written = node_.written =
        then({{LockStatementRecord{1, Bytes(700, 2)}, node_, proposal_},
              {},
              {event("lock.init")},
              Audience::kNetwork});
    proposal_.bytes = Bytes(900, 3);  // signed once more
    proposal_.written = then({{proposal_}, {}, {}, Audience::kServer});
  }

  void write_policies(std::size_t bytes) {
    for (std::uint32_t i = 1; i <= 4; ++i) {
      PolicyRecord policy;
      policy.head.revision = PolicyRevision(i);
      policy.head.comment = "of " + std::to_string(i);
      policy.text = letters(i == 1 ? 100 : bytes, i);
      then({{policy}, {}, {}, Audience::kNetwork});
    }
  }

  // The first request is forgotten meanwhile.
  void let_users_come_and_go() {
    const auto later = kFirstRequest + kRequestMemory + std::chrono::seconds(1);
    const Revision made =
        then({{user_named(3, "bob"), request(2, later)}, {}, {}, Audience::kServer});
    then({{}, {Removal<UserId>{UserId(3), made}}, {}, Audience::kServer});
    then({{user_named(4, "cleo")}, {}, {}, Audience::kServer});
  }

  // Settings, a token, a relay; each is changed.
  void set_up() {
    MetaRecord meta;
    meta.epoch = Epoch(1);
    meta.overlay = {*Prefix::parse("100.64.0.0/10"), *Prefix::parse("fd7a::/48")};
    meta.token_secret.mutable_bytes()[0] = 7;
    meta.admin_token_hash.fill(3);
    token_.id = TokenId(1);
    token_.hash.fill(5);
    token_.user_id = UserId(1);
    token_.role = topology::Role::kAuditor;
    meta.written = token_.written =
        then({{meta, token_}, {}, {event("token.create")}, Audience::kServer});
    meta.device_approval = true;
    relay_.relay.id = netmap::RelayId(1);
    relay_.relay.name = "fra1";
    relay_.written = then(
        {{meta, relay_}, {}, {event("settings.set"), event("relay.join")}, Audience::kNetwork});
    token_.last_used_at = WallTime(std::chrono::seconds(60));
    relay_.relay.draining = true;
    token_.written = relay_.written =
        then({{token_, relay_}, {}, {event("relay.drain")}, Audience::kNetwork});
  }

  static constexpr WallTime kFirstRequest{std::chrono::seconds(1'000'000)};
  std::vector<Commit> commits_;
  // As they were last written.
  JoinKeyRecord key_;
  NodeRecord node_;
  LockProposalRecord proposal_;
  TokenRecord token_;
  RelayRecord relay_;
};

}  // namespace kernmesh::store
