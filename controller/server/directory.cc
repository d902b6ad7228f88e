// SPDX-License-Identifier: Apache-2.0
#include "controller/server/directory.h"

#include <algorithm>

namespace kernmesh::server {
namespace {

// Puts one record into the view; what concerns the network is collected, to be applied as one step.
struct Put {
  View& view;
  topology::NetworkChange& network;

  void operator()(const store::MetaRecord& record) const { view.meta = record; }
  void operator()(const store::UserRecord& record) const {
    view.users[record.user.id] = record;
    view.highest.user = std::max(view.highest.user, record.user.id);
    network.users.push_back(record.user);
  }
  void operator()(const store::NodeRecord& record) const {
    const auto& node = record.node;
    if (const auto old = view.nodes.find(node.id); old != view.nodes.end()) {
      view.by_node_key.erase(old->second.node.node_key);
      view.by_disco_key.erase(old->second.node.disco_key);
    }
    view.nodes[node.id] = record;
    view.by_node_key[node.node_key] = node.id;
    view.by_disco_key[node.disco_key] = node.id;
    view.highest.node = std::max(view.highest.node, node.id);
    network.nodes.push_back(node);
  }
  void operator()(const store::JoinKeyRecord& record) const {
    view.join_keys[record.id] = record;
    view.join_key_ids[record.hash] = record.id;
    view.highest.join_key = std::max(view.highest.join_key, record.id);
  }
  void operator()(const store::TokenRecord& record) const {
    view.tokens[record.id] = record;
    view.token_ids[record.hash] = record.id;
    view.highest.token = std::max(view.highest.token, record.id);
  }
  void operator()(const store::RequestRecord&) const {}  // asked of the store when it is needed
  void operator()(const store::RelayRecord& record) const {
    view.relays[record.relay.id] = record;
    view.highest.relay = std::max(view.highest.relay, record.relay.id);
  }
  // Whoever committed it has checked it.
  void operator()(const store::LockStatementRecord& record) const {
    static_cast<void>(append(view.lock, record.bytes));
  }
  void operator()(const store::LockProposalRecord& record) const {
    view.lock_proposals[record.digest] = record;
  }
  void operator()(const store::AllocationRecord& record) const {
    view.highest.slot = std::max(view.highest.slot, record.slot);
  }
  void operator()(const store::PolicyRecord& record) const {
    view.policies.push_back(record.head);
    view.policy = record.accepted;
    network.policy = record.accepted.compiled;
  }
};

struct Remove {
  View& view;
  topology::NetworkChange& network;

  void operator()(const store::Removal<UserId>& removal) const {
    view.users.erase(removal.id);
    network.removed_users.push_back(removal.id);
  }
  void operator()(const store::Removal<NodeId>& removal) const {
    const auto found = view.nodes.find(removal.id);
    if (found == view.nodes.end()) return;
    view.by_node_key.erase(found->second.node.node_key);
    view.by_disco_key.erase(found->second.node.disco_key);
    view.nodes.erase(found);
    network.removed_nodes.push_back(removal.id);
  }
  void operator()(const store::Removal<JoinKeyId>& removal) const {
    const auto found = view.join_keys.find(removal.id);
    if (found == view.join_keys.end()) return;
    view.join_key_ids.erase(found->second.hash);
    view.join_keys.erase(found);
  }
  void operator()(const store::Removal<TokenId>& removal) const {
    const auto found = view.tokens.find(removal.id);
    if (found == view.tokens.end()) return;
    view.token_ids.erase(found->second.hash);
    view.tokens.erase(found);
  }
  void operator()(const store::Removal<netmap::RelayId>& removal) const {
    view.relays.erase(removal.id);
  }
  void operator()(const store::Removal<store::LockDigest>& removal) const {
    view.lock_proposals.erase(removal.id);
  }
};

bool touches_relays(const store::Change& change) {
  const auto is_put = [](const store::Record& put) {
    return std::holds_alternative<store::RelayRecord>(put);
  };
  const auto is_removal = [](const store::AnyRemoval& removal) {
    return std::holds_alternative<store::Removal<netmap::RelayId>>(removal);
  };
  return std::any_of(change.puts.begin(), change.puts.end(), is_put) ||
         std::any_of(change.removals.begin(), change.removals.end(), is_removal);
}

bool touches_lock(const store::Change& change) {
  return std::any_of(change.puts.begin(), change.puts.end(), [](const store::Record& put) {
    return std::holds_alternative<store::LockStatementRecord>(put);
  });
}

topology::PolicyPlan plan_for(const View& view, const store::Change& change) {
  for (const auto& put : change.puts) {
    const auto* record = std::get_if<store::PolicyRecord>(&put);
    if (record != nullptr) return view.network.plan(record->accepted.compiled);
  }
  return {};
}

}  // namespace

std::unique_ptr<Directory> Directory::open(store::Store& store, store::Contents contents,
                                           policy::AcceptedPolicy policy, lock::History lock) {
  const MapVersion version{contents.meta->epoch, contents.network_revision};
  View view{*contents.meta,
            topology::Network(contents.meta->overlay, version),
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            contents.network_revision,
            {},
            {},
            contents.highest,
            std::move(contents.policies),
            std::move(policy),
            std::move(lock),
            contents.network_revision};
  topology::NetworkChange initial{version, {}, {}, {}, {}, view.policy.compiled};
  const Put put{view, initial};
  for (const auto& record : contents.users) put(record);
  for (const auto& record : contents.nodes) put(record);
  for (const auto& record : contents.join_keys) put(record);
  for (const auto& record : contents.relays) put(record);
  for (const auto& record : contents.tokens) put(record);
  for (const auto& record : contents.lock_proposals) put(record);
  view.network.apply(initial);
  std::unique_ptr<Directory> directory(new Directory(std::move(view)));
  store.subscribe([raw = directory.get()](const store::Change& change) { raw->apply(change); });
  return directory;
}

void Directory::apply(const store::Change& change) {
  // Only this function changes the view, and the store calls it for one commit after the other, so
  // that the plan is still for this state when the lock is taken. Readers go on meanwhile.
  auto plan = read([&](const View& view) { return plan_for(view, change); });
  {
    const std::unique_lock lock(mutex_);
    const MapVersion version{view_.meta.epoch, change.network_revision};
    topology::NetworkChange network{version, {}, {}, {}, {}, {}};
    for (const auto& removal : change.removals) std::visit(Remove{view_, network}, removal);
    for (const auto& record : change.puts) std::visit(Put{view_, network}, record);
    view_.network.apply(network, std::move(plan));
    if (change.audience == store::Audience::kNetwork && touches_relays(change))
      view_.relays_changed = change.network_revision;
    if (touches_lock(change)) view_.lock_changed = change.network_revision;
  }
  if (change.audience == store::Audience::kNetwork && listener_) listener_();
  if (change.audited != AuditId() && audit_listener_) audit_listener_();
}

}  // namespace kernmesh::server
