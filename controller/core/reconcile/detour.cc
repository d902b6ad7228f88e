// SPDX-License-Identifier: Apache-2.0
#include "controller/core/reconcile/detour.h"

#include <algorithm>

namespace kernmesh::reconcile {

std::vector<Rule> detours(const std::vector<Rule>& all, const Rule& own) {
  constexpr std::uint32_t kLocalTable = 255;  // RT_TABLE_LOCAL
  std::vector<Rule> found;
  for (const auto& rule : all) {
    const bool is_ahead = rule.family == own.family && rule.priority <= own.priority;
    if (is_ahead && rule.table != own.table && rule.table != kLocalTable) found.push_back(rule);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

std::string to_string(const Rule& rule) {
  return std::to_string(rule.priority) + " (IPv" + std::to_string(static_cast<int>(rule.family)) +
         (rule.table != 0 ? ", lookup " + std::to_string(rule.table) : std::string()) + ")";
}

}  // namespace kernmesh::reconcile
