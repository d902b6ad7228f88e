// SPDX-License-Identifier: Apache-2.0
// Ends a streaming call from any thread, also before it has begun (L2). For one call only.
#pragma once

#include <grpcpp/client_context.h>

namespace kernmesh::rpc {

class Cancellation {
 public:
  void cancel() { context_.TryCancel(); }

 private:
  friend class LocalClient;
  friend class AdminClient;
  grpc::ClientContext context_;
};

}  // namespace kernmesh::rpc
