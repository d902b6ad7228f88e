// SPDX-License-Identifier: Apache-2.0
// How often the kernel's state is read or written again (L1, pure), by what the last time cost.
#pragma once

#include "controller/base/clock.h"

namespace kernmesh::reconcile {

// WireGuard's peers against what the agent wrote: the driver announces no changes and cannot tell
// one peer alone, so whoever wants to see what somebody changed by hand has to read them all.
// The pause after a comparison that took `took` of CPU time: 10 s while it is cheap, and never more
// than a four-thousandth of a CPU is spent on it (10,000 peers: 0.25 s, every 1,000 s).
Duration pause_after_recheck(Duration took);

// The pause after following changes that others announce, or that come in bursts: 100 ms, which
// follows a router with thousands of changes a second soon enough, and never busy for more than a
// tenth of the time, however large the host's tables are.
Duration pause_after_refresh(Duration took);

}  // namespace kernmesh::reconcile
