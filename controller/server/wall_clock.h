// SPDX-License-Identifier: Apache-2.0
// The server's readings of CLOCK_REALTIME and CLOCK_BOOTTIME as values (L3); tests bring their own.
#pragma once

#include <functional>

#include "controller/base/clock.h"

namespace kernmesh::server {

using WallClock = std::function<WallTime()>;
using MonoReading = std::function<MonoTime()>;

}  // namespace kernmesh::server
