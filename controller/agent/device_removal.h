// SPDX-License-Identifier: Apache-2.0
// Taking everything of one instance out of the kernel (L3): for `down`, and after an agent is gone.
#pragma once

#include "controller/agent/instance.h"

namespace kernmesh::agent {

// Peers, interfaces, programs, pins, rules, routes, the private namespace; goes on past errors and
// returns the first. What is not there is no error; interfaces that are not ours stay.
Status remove_device(const Instance& instance);

}  // namespace kernmesh::agent
