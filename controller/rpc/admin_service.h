// SPDX-License-Identifier: Apache-2.0
// The Admin service on gRPC (L2, private to this folder).
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "controller/rpc/admin_handlers.h"

namespace kernmesh::rpc {

// Borrows gate and handlers.
std::unique_ptr<grpc::Service> make_admin_service(Gate& gate, const AdminHandlers& handlers);

}  // namespace kernmesh::rpc
