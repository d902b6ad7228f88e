// SPDX-License-Identifier: Apache-2.0
// The signals that the relay's loop reads (L3): SIGTERM and SIGINT end it, SIGUSR1 drains.
#pragma once

#include <signal.h>

namespace kernmesh::relay {

sigset_t own_signals();

// Blocks them. Call it before any thread is made, gRPC's among them: a thread that does not block
// them would take them, and the program end on the spot.
void block_signals();

}  // namespace kernmesh::relay
