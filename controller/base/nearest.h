// SPDX-License-Identifier: Apache-2.0
// What somebody who mistyped may have meant (L0, pure).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kernmesh {

// The known word that takes the fewest insertions, deletions, replacements and swaps of neighbours;
// empty when even that is more than a third of the word, and more than one.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace kernmesh
