// SPDX-License-Identifier: Apache-2.0
// The channel of a session, whose user says when to try again (L2, thread-safe).
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <mutex>
#include <string>

namespace kernmesh::rpc {

class SessionChannel {
 public:
  // As secure_channel() takes them. Connects lazily.
  SessionChannel(std::string host_port, std::string ca_pem)
      : host_port_(std::move(host_port)), ca_pem_(std::move(ca_pem)) {}

  // For one call or stream. When the last attempt to connect has failed this one tries anew, at
  // once: gRPC's own pause before the next would come on top of the caller's, and ends by a timer
  // that a step of the wall clock holds up (clock_watch.h; no function of gRPC's wakes this one).
  std::shared_ptr<grpc::Channel> get();

 private:
  const std::string host_port_;
  const std::string ca_pem_;
  std::mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_;  // shared with the calls on it
};

}  // namespace kernmesh::rpc
