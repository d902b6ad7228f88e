// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/slice.h"

namespace kernmesh::policy {

bool same_meaning(const SliceRule& a, const SliceRule& b) {
  return a.id == b.id && a.sources == b.sources && a.targets == b.targets &&
         a.capabilities == b.capabilities && a.ssh == b.ssh;
}

}  // namespace kernmesh::policy
