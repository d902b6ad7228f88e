// SPDX-License-Identifier: Apache-2.0
// Joining and coming back (L3, thread-safe): from a signed request to a node in the store.
#pragma once

#include <mutex>
#include <string>

#include "controller/core/topology/registration.h"
#include "controller/rpc/gate.h"
#include "controller/server/denial_log.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/machine_use.h"
#include "controller/server/proof.h"
#include "controller/server/signin/desk.h"
#include "mesh/v1/coordination.pb.h"

namespace kernmesh::server {

// A request whose form and proof have been checked.
struct Applicant {
  MachinePublicKey machine_key;
  NodePublicKey node_key;
  DiscoPublicKey disco_key;
  std::string hostname;
  std::string agent_version;
  Bytes endorsement;  // with a rotation to node_key by the node itself; empty: none
  std::optional<topology::Ticket> ticket;
  std::optional<signin::Identity> person;  // who has signed in for exactly these keys
};

// What to write for this applicant, and which node it is or becomes. Pure. Errors: kNotFound for an
// unknown machine without a join key for which nobody has signed in, kPermissionDenied for a key
// that does not let it in (in words: unknown, expired, used, revoked, of another server) and for a
// person who is not the node's, kAlreadyExists for another node's key, kExpired for an expired node
// for which neither is there, kExhausted when no address is left.
struct Admission {
  NodeId node;
  store::Commit commit;        // empty: nothing changes
  bool takes_sign_in = false;  // that of applicant.person is used up by it
};
Result<Admission> plan_admission(const View& view, const Applicant& applicant,
                                 const topology::CaFingerprint& ca, WallTime now);

class Enrollment {
 public:
  // All outlive it.
  struct Parts {
    const Directory& directory;
    store::Store& store;
    Proofs& proofs;
    DenialLog& denials;
    MachineUse& machines;
    SignInDesk* desk = nullptr;  // null: nobody is signed in
  };
  Enrollment(const Parts& parts, topology::CaFingerprint ca, WallClock clock)
      : directory_(parts.directory),
        store_(parts.store),
        proofs_(parts.proofs),
        denials_(parts.denials),
        machines_(parts.machines),
        desk_(parts.desk),
        ca_(ca),
        clock_(std::move(clock)) {}

  Result<mesh::v1::ChallengeResponse> challenge(const mesh::v1::ChallengeRequest& request);
  Result<mesh::v1::RegisterResponse> enroll(const rpc::Caller& caller,
                                            const mesh::v1::RegisterRequest& request);

 private:
  Result<Applicant> check(const mesh::v1::RegisterRequest& request);
  void use_up_sign_in(const Applicant& applicant);
  void audit_denial(const rpc::Caller& caller, const Applicant& applicant, const Error& error);

  const Directory& directory_;
  store::Store& store_;
  Proofs& proofs_;
  DenialLog& denials_;
  MachineUse& machines_;
  SignInDesk* const desk_;
  topology::CaFingerprint ca_;
  WallClock clock_;
  std::mutex joining_;  // one at a time: a reusable key is one record that all of them write
};

}  // namespace kernmesh::server
