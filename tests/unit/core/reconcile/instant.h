// SPDX-License-Identifier: Apache-2.0
// Moments of tests.
#pragma once

#include <chrono>
#include <cstdint>

#include "controller/base/clock.h"

namespace kernmesh::reconcile {

// So many seconds after the epoch.
inline WallTime at(std::int64_t s) { return WallTime(std::chrono::seconds(s)); }

}  // namespace kernmesh::reconcile
