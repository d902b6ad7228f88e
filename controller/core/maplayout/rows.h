// SPDX-License-Identifier: Apache-2.0
// Which rule admits a source class to the ports of a destination class (L1, pure): a row for each
// pair of classes, equal rows once.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/core/maplayout/destination_classes.h"
#include "controller/core/maplayout/list_interner.h"
#include "controller/core/maplayout/open_rules.h"
#include "controller/core/maplayout/port_classes.h"
#include "controller/core/maplayout/source_classes.h"

namespace kernmesh::maplayout {

struct Rows {
  // A row's list: a port class, the place of a rule in OpenRules::rules, the next class, ...;
  // ascending by class. Lists that no cell names are in between.
  ListInterner lists;
  // source class * destination classes + destination class -> list; 0 denies.
  std::vector<ListInterner::Id> cells;
};

struct RowInput {
  const OpenRules& rules;
  const SourceClasses& sources;
  const DestinationClasses& destinations;
  const PortClasses& ports;
  std::uint64_t max_words = 0;  // of an image: cells and rows that cannot fit are not made
};

// kExhausted when they cannot fit in that many words in either form, or the budget is used up.
// Takes a few times max_words * 4 bytes at most.
Result<Rows> make_rows(const RowInput& input, WorkBudget& budget);

}  // namespace kernmesh::maplayout
