// SPDX-License-Identifier: Apache-2.0
// What relays ask (L3, thread-safe): joining, coming back, and saying every few seconds how they
// are.
#pragma once

#include <mutex>
#include <string>

#include "controller/core/topology/registration.h"
#include "controller/rpc/handlers.h"
#include "controller/server/denial_log.h"
#include "controller/server/directory.h"
#include "controller/server/gatekeeper.h"
#include "controller/server/proof.h"
#include "controller/server/relay_presence.h"

namespace kernmesh::server {

// A request whose form and proof have been checked.
struct RelayApplicant {
  MachinePublicKey machine_key;
  RelayPublicKey relay_key;
  std::string name;
  std::string region;
  std::string version;
  std::optional<topology::Ticket> ticket;
};

// What to write for this applicant, and which relay it is or becomes. Pure. Errors as of
// plan_admission().
struct RelayAdmission {
  relay::RelayId relay;
  store::Commit commit;  // empty: nothing changes
};
Result<RelayAdmission> plan_relay_admission(const View& view, const RelayApplicant& applicant,
                                            const topology::CaFingerprint& ca, WallTime now);

class RelayRegistry : public rpc::RelayHandler {
 public:
  struct Identity {
    topology::CaFingerprint ca{};
    TicketPublicKey ticket_key;  // of the tickets that nodes get
  };
  // All outlive it.
  struct Parts {
    const Directory& directory;
    store::Store& store;
    Proofs& proofs;
    DenialLog& denials;
    RelayPresence& presence;
  };
  RelayRegistry(const Parts& parts, Identity identity, WallClock clock)
      : directory_(parts.directory),
        store_(parts.store),
        proofs_(parts.proofs),
        denials_(parts.denials),
        presence_(parts.presence),
        identity_(identity),
        clock_(std::move(clock)) {}

  Result<mesh::v1::ChallengeResponse> challenge(const rpc::Caller&,
                                                const mesh::v1::ChallengeRequest&) override;
  Result<mesh::v1::RegisterRelayResponse> enroll(const rpc::Caller&,
                                                 const mesh::v1::RegisterRelayRequest&) override;
  Result<mesh::v1::ReportRelayResponse> report(const rpc::Caller&,
                                               const mesh::v1::ReportRelayRequest&) override;

 private:
  Result<RelayApplicant> check(const mesh::v1::RegisterRelayRequest& request);

  const Directory& directory_;
  store::Store& store_;
  Proofs& proofs_;
  DenialLog& denials_;
  RelayPresence& presence_;
  Identity identity_;
  WallClock clock_;
  std::mutex joining_;  // one at a time: a reusable key is one record that all of them write
};

// Marks relays that are not heard any more as offline. `presence` is of a server that has run for
// longer than a relay's reports are apart.
Status note_silent_relays(const Directory& directory, store::Store& store,
                          const RelayPresence& presence, WallTime now);

}  // namespace kernmesh::server
