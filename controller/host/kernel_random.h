// SPDX-License-Identifier: Apache-2.0
// Randomness for what seals (L2): each draw is the kernel's, which hears from the hypervisor that
// the machine was put back to a snapshot or runs twice (VM generation id, Linux 5.18), and nothing
// of it is kept in this process for a snapshot to hold.
#pragma once

#include "controller/core/path/random_stream.h"

namespace kernmesh::host {

// Needs sodium_init(); may be called on any thread, the stream is its owner's.
path::RandomStream kernel_random();

}  // namespace kernmesh::host
