// SPDX-License-Identifier: Apache-2.0
// Agents that ask for a sign-in (L3, thread-safe): from a signed request to a place at the desk.
#pragma once

#include <memory>
#include <string>

#include "controller/core/topology/registration.h"
#include "controller/rpc/sign_in_service.h"
#include "controller/server/proof.h"
#include "controller/server/signin/desk.h"

namespace kernmesh::server {

class SignInReception final : public rpc::SignInHandler {
 public:
  // Both outlive it.
  SignInReception(Proofs& proofs, SignInDesk& desk, topology::CaFingerprint ca)
      : proofs_(proofs), desk_(desk), ca_(ca) {}

  // kUnauthenticated when the proof does not hold, otherwise as SignInDesk::open().
  void start(const mesh::v1::StartSignInRequest& request, const std::string& peer,
             std::shared_ptr<rpc::StartSignInCall> call) override;
  Result<mesh::v1::AwaitSignInResponse> await(const mesh::v1::AwaitSignInRequest& request) override;

 private:
  Result<signin::Newcomer> check(const mesh::v1::StartSignInRequest& request,
                                 const std::string& peer);

  Proofs& proofs_;
  SignInDesk& desk_;
  topology::CaFingerprint ca_;
};

// The address of gRPC's "ipv4:192.0.2.7:1234" or "ipv6:%5B2001:db8::1%5D:1234", of IPv6 its /64,
// which is one customer's; "unknown" when it is neither.
std::string source_of_peer(const std::string& peer);

}  // namespace kernmesh::server
