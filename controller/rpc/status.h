// SPDX-License-Identifier: Apache-2.0
// Our errors as gRPC's and back (L2). grpc::Status exists only in this folder.
#pragma once

#include <grpcpp/support/status.h>

#include "controller/base/error.h"
#include "controller/rpc/method_access.h"

namespace kernmesh::rpc {

// The message travels whole (at most 4,096 bytes); the exact class travels in the details, because
// several of ours share one code of gRPC's. To nodes and relays the details are the class in
// words; to persons they are the standard google.rpc.Status with an ErrorInfo: `reason` is the
// class ("NOT_FOUND"), `domain` kErrorDomain, and `metadata["method"]` the method's path. An error
// about a field (field_violation.h) is told without its name in front, which a BadRequest has.
grpc::Status to_grpc(const Error& error);
grpc::Status to_grpc(const Error& error, const MethodAccess& method);
inline constexpr const char* kErrorDomain = "kernmesh";

// `status` is not OK. A status that another implementation or gRPC itself made is classed by its
// code: UNAVAILABLE, DEADLINE_EXCEEDED and CANCELLED are kUnavailable.
Error from_grpc(const grpc::Status& status);

}  // namespace kernmesh::rpc
