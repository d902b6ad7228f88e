// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/running_calls.h"

namespace kernmesh::rpc {

RunningCalls::Entry::Entry(RunningCalls& calls, grpc::ClientContext& context)
    : calls_(calls), context_(context) {
  const std::lock_guard lock(calls_.mutex_);
  calls_.contexts_.insert(&context_);
  if (calls_.cancelled_) context_.TryCancel();
}

RunningCalls::Entry::~Entry() {
  const std::lock_guard lock(calls_.mutex_);
  calls_.contexts_.erase(&context_);
}

void RunningCalls::cancel_all() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  for (auto* context : contexts_) context->TryCancel();
}

}  // namespace kernmesh::rpc
