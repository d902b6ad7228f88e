// SPDX-License-Identifier: Apache-2.0
#include "controller/portmap/attempts.h"

#include "controller/portmap/upnp_process.h"

namespace kernmesh::portmap {

Result<Grant> try_upnp(const Attempt& attempt) { return ask_in_process(to_task(attempt)); }

Result<Grant> carry_out(const Attempt& attempt) {
  auto done = attempt.protocol == Protocol::kPcp      ? try_pcp(attempt)
              : attempt.protocol == Protocol::kNatPmp ? try_nat_pmp(attempt)
                                                      : try_upnp(attempt);
  if (!done) return done.error().with_context(to_string(attempt.protocol));
  return done;
}

}  // namespace kernmesh::portmap
