// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/session_channel.h"

#include "controller/rpc/channel.h"

namespace kernmesh::rpc {

std::shared_ptr<grpc::Channel> SessionChannel::get() {
  const std::lock_guard lock(mutex_);
  if (!channel_ || channel_->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) {
    channel_ = secure_channel(host_port_, ca_pem_, ChannelUse::kSession);
  }
  return channel_;
}

}  // namespace kernmesh::rpc
