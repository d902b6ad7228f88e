// SPDX-License-Identifier: Apache-2.0
// A call that is answered later (L2). gRPC calls handlers on a few threads, which serve everybody:
// one that has to wait for another machine gives its thread back first.
#pragma once

#include "controller/base/result.h"

namespace kernmesh::rpc {

// Thread-safe. Whoever owes the answer has a share of it, and answers while it is open.
template <typename Response>
class DeferredCall {
 public:
  virtual ~DeferredCall() = default;
  // False when the caller has hung up, or has his answer.
  virtual bool is_open() const = 0;
  // Only the first counts. False when nobody hears it, as is_open().
  virtual bool answer(Result<Response> result) = 0;
};

}  // namespace kernmesh::rpc
