// SPDX-License-Identifier: Apache-2.0
// Times as programs and logs write them (L0, pure).
#pragma once

#include <string>

#include "controller/base/clock.h"

namespace kernmesh {

// "2026-11-21T05:40:30Z" (RFC 3339, UTC).
std::string format_rfc3339(WallTime time);

}  // namespace kernmesh
