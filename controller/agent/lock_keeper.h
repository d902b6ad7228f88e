// SPDX-License-Identifier: Apache-2.0
// This node's own idea of the network lock (L3, docs/adr/0012): what it has verified, kept on disk
// and only moved forward, whatever the server sends. Thread-safe: the receiver's thread admits
// peers, the loop reports, rotates and signs.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/lock/memory.h"
#include "controller/core/topology/registration.h"
#include "mesh/v1/local.pb.h"

namespace kernmesh::agent {

class LockKeeper {
 public:
  // What earlier runs have kept of the network of that authority. When that cannot be read nobody
  // is admitted: the node would not know any more whom not to believe.
  static std::unique_ptr<LockKeeper> open(const std::string& state_dir,
                                          const topology::CaFingerprint& ca,
                                          const Ed25519SecretKey& machine);
  LockKeeper(const LockKeeper&) = delete;
  LockKeeper& operator=(const LockKeeper&) = delete;

  bool is_of(const topology::CaFingerprint& ca) const { return ca == ca_; }

  // Follows the server's statements as far as they may be followed, then leaves out of the map
  // whom the lock does not admit. What is new is on disk before it counts.
  void admit(netmap::Netmap& map);  // one thread at a time

  // This node's endorsement for that key of its own, rotated by the machine key where it has to be;
  // empty without a lock, or while nobody has signed this node.
  Bytes endorsement_for(const NodePublicKey& key);
  // The same when the server has another one; each is offered once.
  std::optional<Bytes> announcement(const NodePublicKey& key);

  // Signs by the machine key what core/lock/signer.h lets a signer sign.
  Result<mesh::v1::LockSignResponse> sign(const mesh::v1::LockSignRequest& request);

  mesh::v1::LockShowResponse show(const NodePublicKey& key) const;
  mesh::v1::LockStatus status() const;
  // What is wrong, in words.
  std::vector<std::string> problems() const;

 private:
  LockKeeper(std::string path, const topology::CaFingerprint& ca, const Ed25519SecretKey& machine);
  void load();
  // Makes it what is remembered, on disk first.
  Status remember(lock::Memory next);
  void follow(const netmap::LockStatements& sent);
  void leave_out_all(netmap::Netmap& map);
  void settle(lock::Admission::Outcome outcome, netmap::Netmap& map);
  void note_left_out(std::vector<lock::LeftOut> left_out);
  void take_own(const netmap::Self& self);
  Status check_own(const Bytes& endorsement) const;
  Bytes own_for(const NodePublicKey& key);
  Result<mesh::v1::LockSignResponse> sign_nodes(const mesh::v1::LockSignRequest& request) const;
  mesh::v1::LockStatus status_locked() const;

  const std::string path_;
  const topology::CaFingerprint ca_;
  const Ed25519SecretKey machine_;
  const MachinePublicKey name_;
  lock::Admission admission_;  // the admitting thread's alone

  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  lock::Memory memory_;
  std::vector<lock::LeftOut> left_out_;
  std::vector<IpAddress> addresses_;  // this node's, of the last map
  Bytes sent_own_;                    // its endorsement as the server has it
  Bytes announced_;
  std::optional<Error> unreadable_, unwritten_, refused_;  // refused_: what the server sent
};

// For `logout`: of every network.
Status forget_locks(const std::string& state_dir);

}  // namespace kernmesh::agent
