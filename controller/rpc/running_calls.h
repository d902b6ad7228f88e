// SPDX-License-Identifier: Apache-2.0
// The calls that a client is making, so that another thread can end them (L2, thread-safe).
#pragma once

#include <grpcpp/client_context.h>

#include <mutex>
#include <set>

namespace kernmesh::rpc {

class RunningCalls {
 public:
  // While it lives, cancel_all() reaches the call of `context`, which outlives it.
  class Entry {
   public:
    Entry(RunningCalls& calls, grpc::ClientContext& context);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    RunningCalls& calls_;
    grpc::ClientContext& context_;
  };

  // Ends every running call; later ones fail at once.
  void cancel_all();

 private:
  std::mutex mutex_;
  std::set<grpc::ClientContext*> contexts_;  // guarded by mutex_; borrowed from whoever calls
  bool cancelled_ = false;                   // guarded by mutex_
};

}  // namespace kernmesh::rpc
