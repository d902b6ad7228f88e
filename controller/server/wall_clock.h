// SPDX-License-Identifier: Apache-2.0
// The server's reading of CLOCK_REALTIME as a value (L3); tests bring their own.
#pragma once

#include <functional>

#include "controller/base/clock.h"

namespace kernmesh::server {

using WallClock = std::function<WallTime()>;

}  // namespace kernmesh::server
