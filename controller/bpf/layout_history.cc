// SPDX-License-Identifier: Apache-2.0
// Which versions of the layout this build knows beside its own: the one before it (L2).
#include <algorithm>
#include <array>

#include "controller/bpf/layout_3.h"

namespace kernmesh::bpf {

std::span<const Layout* const> known_layouts() {
  static constexpr std::array<const Layout*, 1> kKnown = {&kLayout3};
  return kKnown;
}

const Layout* find_layout(std::uint32_t version) {
  const auto all = known_layouts();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Layout* layout) { return layout->version == version; });
  return found == all.end() ? nullptr : *found;
}

}  // namespace kernmesh::bpf
