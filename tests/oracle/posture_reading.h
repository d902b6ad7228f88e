// SPDX-License-Identifier: Apache-2.0
// Words and conditions as the oracle reads them.
#pragma once

#include <string_view>

#include "controller/core/policy/posture.h"

namespace kernmesh::policy {

// Without regard to the case of ASCII letters. An empty word is none.
bool is_same_word(std::string_view a, std::string_view b);

// Values are compared as text, those that begin with a digit as versions; there the missing parts
// count as zero.
bool is_met(const Condition& condition, const Attributes& attributes);

}  // namespace kernmesh::policy
