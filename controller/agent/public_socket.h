// SPDX-License-Identifier: Apache-2.0
// The public port's sockets under the names of this folder (L3); it lives where other daemons find
// it, too.
#pragma once

#include "controller/host/public_socket.h"

namespace kernmesh::agent {

using host::PublicSocket;

}  // namespace kernmesh::agent
