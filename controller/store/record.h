// SPDX-License-Identifier: Apache-2.0
// What the server remembers (L2, plain values). Each record knows the revision at which it was last
// written; that is what commits compare.
#pragma once

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/key.h"
#include "controller/core/netmap/relay.h"
#include "controller/core/policy/network_policy.h"
#include "controller/core/topology/node.h"
#include "controller/core/topology/overlay.h"
#include "controller/core/topology/role.h"
#include "controller/store/lock_record.h"
#include "controller/store/user_record.h"

namespace kernmesh::store {

using Hash = std::array<std::uint8_t, 32>;

// `written` of every record: 0 for one that must not exist yet.

struct MetaRecord {
  Epoch epoch;
  topology::OverlayRange overlay;
  SecretBytes<32> token_secret;  // keys of nonces and session tokens are derived from it
  Hash admin_token_hash{};
  bool device_approval = false;  // newcomers await an administrator's approval
  Revision written;
  bool operator==(const MetaRecord&) const = default;
};

// What a node tells about itself that no other node is told.
struct NodeFacts {
  MapVersion applied;
  std::string agent_version;
  std::string kernel_release;
  bool operator==(const NodeFacts&) const = default;
};

struct NodeRecord {
  topology::Node node;
  NodeFacts facts;
  JoinKeyId join_key;  // that it came in by last; 0: a person signed it in, or nobody wrote it down
  WallTime alarmed_for{};  // the end of its key that the audit log knows of
  Revision written;
  bool operator==(const NodeRecord&) const = default;
};

// What a join key lets in.
enum class Admits : std::uint8_t { kNode = 1, kRelay = 2 };

struct JoinKeyRecord {
  JoinKeyId id;
  Hash hash{};  // of the secret; the secret itself is nowhere
  std::string hint;
  Admits admits = Admits::kNode;
  UserId user_id;  // 0 when it is for a relay, which is nobody's
  bool reusable = false;
  bool ephemeral = false;
  bool pre_approved = false;      // its nodes await no approval
  std::vector<std::string> tags;  // of the nodes that join with it
  WallTime created_at{};
  WallTime expires_at{};
  WallTime revoked_at{};  // epoch 0: not revoked
  std::uint32_t use_count = 0;
  Revision written;
  bool operator==(const JoinKeyRecord&) const = default;
};

// An API token. Revoking one removes it.
struct TokenRecord {
  TokenId id;
  Hash hash{};  // of the secret
  std::string hint;
  UserId user_id;
  topology::Role role = topology::Role::kMember;  // the most that it carries
  topology::Scope scope = topology::Scope::kAll;
  std::string comment;
  WallTime created_at{};
  WallTime expires_at{};
  WallTime last_used_at{};  // coarse; epoch 0: never
  Revision written;
  bool operator==(const TokenRecord&) const = default;
};

// That a request which creates something was done, so that its repetition is known. Written once.
struct RequestRecord {
  Hash key{};                 // of caller and request id
  Hash digest{};              // of the request
  Hash salt{};                // of the secret that was made for it
  std::uint64_t subject = 0;  // the id of what was created
  WallTime created_at{};
  bool operator==(const RequestRecord&) const = default;
};

struct RelayRecord {
  netmap::Relay relay;
  MachinePublicKey machine_key;
  WallTime created_at{};
  WallTime last_seen_at{};  // epoch 0: never
  std::string version;      // of its program
  Revision written;
  bool operator==(const RelayRecord&) const = default;
};

// Written once and never changed or removed: a slot is its node's for ever, also after the node.
struct AllocationRecord {
  topology::Slot slot = 0;
  NodeId node_id;
  bool operator==(const AllocationRecord&) const = default;
};

// A policy of the network without its text.
struct PolicyHead {
  PolicyRevision revision;
  WallTime created_at{};
  std::string author;  // "administrator", "server"
  std::string comment;
  bool operator==(const PolicyHead&) const = default;
};

// Written once and never changed or removed. Its revision is one above the highest of before.
struct PolicyRecord {
  PolicyHead head;
  std::string text;
  // What whoever commits has made of the text, for the feed: it is not stored.
  policy::AcceptedPolicy accepted;
};

using Record =
    std::variant<MetaRecord, UserRecord, NodeRecord, JoinKeyRecord, AllocationRecord, PolicyRecord,
                 RelayRecord, TokenRecord, RequestRecord, LockStatementRecord, LockProposalRecord>;

}  // namespace kernmesh::store
