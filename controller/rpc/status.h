// SPDX-License-Identifier: Apache-2.0
// Our errors as gRPC's and back (L2). grpc::Status exists only in this folder.
#pragma once

#include <grpcpp/support/status.h>

#include "controller/base/error.h"

namespace kernmesh::rpc {

// The message travels whole (at most 4,096 bytes); the exact class travels in the details, because
// several of ours share one code of gRPC's.
grpc::Status to_grpc(const Error& error);

// `status` is not OK. A status that another implementation or gRPC itself made is classed by its
// code: UNAVAILABLE, DEADLINE_EXCEEDED and CANCELLED are kUnavailable.
Error from_grpc(const grpc::Status& status);

}  // namespace kernmesh::rpc
