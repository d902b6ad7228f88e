// SPDX-License-Identifier: Apache-2.0
// Lists that are sets (L1, pure).
#pragma once

#include <algorithm>
#include <vector>

namespace kernmesh::policy {

// Ascending, each value once.
template <typename T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

}  // namespace kernmesh::policy
