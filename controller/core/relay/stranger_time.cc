// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/stranger_time.h"

namespace kernmesh::relay {

void StrangerTime::end(MonoTime now) {
  before_ = spent(now);
  since_.reset();
}

}  // namespace kernmesh::relay
