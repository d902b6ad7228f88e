// SPDX-License-Identifier: Apache-2.0
// The event loop under the names of this folder (L3); it lives where other daemons find it, too.
#pragma once

#include "controller/host/event_loop.h"

namespace kernmesh::agent {

using host::EventLoop;
using host::mono_now;
using host::wall_now;

}  // namespace kernmesh::agent
