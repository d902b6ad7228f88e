// SPDX-License-Identifier: Apache-2.0
// What the services of nodes and relays ask of the server (L2 interfaces, implemented in L3).
// Called from gRPC's threads, any number at once. Requests are as received: nothing in them has
// been checked.
#pragma once

#include <memory>

#include "controller/base/result.h"
#include "controller/rpc/gate.h"
#include "controller/rpc/streams.h"
#include "mesh/v1/coordination.pb.h"
#include "mesh/v1/relay.pb.h"

namespace kernmesh::rpc {

// A reader that is slow gets the newest state instead of every state.
using UpdateSource = MessageSource<mesh::v1::NetmapUpdate>;

class CoordinationHandler {
 public:
  virtual ~CoordinationHandler() = default;
  virtual Result<mesh::v1::ChallengeResponse> challenge(const Caller&,
                                                        const mesh::v1::ChallengeRequest&) = 0;
  virtual Result<mesh::v1::RegisterResponse> enroll(const Caller&,
                                                    const mesh::v1::RegisterRequest&) = 0;
  virtual Result<mesh::v1::ReportResponse> report(const Caller&,
                                                  const mesh::v1::ReportRequest&) = 0;
  virtual Result<mesh::v1::LeaveResponse> leave(const Caller&, const mesh::v1::LeaveRequest&) = 0;
  // `stream` is shared by gRPC until it is done and by the server until closed() tells it so.
  virtual Result<std::unique_ptr<UpdateSource>> watch(const Caller&, const mesh::v1::WatchRequest&,
                                                      std::shared_ptr<UpdateStream> stream) = 0;
  // The stream is over; called once for each that watch() accepted.
  virtual void closed(const Caller&, const UpdateStream* stream) = 0;
};

class RelayHandler {
 public:
  virtual ~RelayHandler() = default;
  virtual Result<mesh::v1::ChallengeResponse> challenge(const Caller&,
                                                        const mesh::v1::ChallengeRequest&) = 0;
  virtual Result<mesh::v1::RegisterRelayResponse> enroll(const Caller&,
                                                         const mesh::v1::RegisterRelayRequest&) = 0;
  virtual Result<mesh::v1::ReportRelayResponse> report(const Caller&,
                                                       const mesh::v1::ReportRelayRequest&) = 0;
};

}  // namespace kernmesh::rpc
