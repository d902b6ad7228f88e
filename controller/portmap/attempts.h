// SPDX-License-Identifier: Apache-2.0
// One attempt of each protocol to map a port (L2): blocking, for at most the time that is said, on
// a thread that has nothing else to do. What comes from another address than the gateway's counts
// for nothing. Errors: kUnavailable when nobody answers in time, kUnsupported when the gateway
// answers that it cannot, kPermissionDenied when it will not, kInvalid for an answer that is none.
#pragma once

#include "controller/base/result.h"
#include "controller/core/portmap/mapper.h"

namespace kernmesh::portmap {

// At most 4 s: sent at 0, 250, 750 and 1,750 ms, as RFC 6886 section 3.1 paces the same question.
Result<Grant> try_pcp(const Attempt& attempt);
// At most 8 s for both questions, address and mapping.
Result<Grant> try_nat_pmp(const Attempt& attempt);
// At most 20 s, in a process of its own (upnp_process.h): a search, then HTTP to the gateway alone.
Result<Grant> try_upnp(const Attempt& attempt);

// By its protocol, with the protocol's name in front of an error.
Result<Grant> carry_out(const Attempt& attempt);

}  // namespace kernmesh::portmap
