// SPDX-License-Identifier: Apache-2.0
#include "controller/base/nearest.h"

#include <algorithm>

namespace kernmesh {
namespace {

// Optimal string alignment distance (Damerau 1964, without editing a swapped pair again).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongestWord = 64;  // the table is quadratic, and no word of ours is longer
  if (word.size() > kLongestWord) return "";
  std::size_t least = std::max<std::size_t>(1, word.size() / 3);
  std::string best;
  for (const auto& candidate : known) {
    const std::size_t cost = distance(word, candidate);
    if (cost < least || (cost == least && best.empty())) {
      least = cost;
      best = candidate;
    }
  }
  return best;
}

}  // namespace kernmesh
