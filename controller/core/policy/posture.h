// SPDX-License-Identifier: Apache-2.0
// Conditions on the device a source is: "node:os == 'linux'", "custom:tier IN ['a', 'b']" (L1,
// pure).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/core/policy/diagnostic.h"

namespace kernmesh::policy {

// A node's attributes by name ("node:os", "node:osVersion", "node:meshVersion", "custom:tier"), all
// as text. Numbers and versions are compared part by part, see Condition.
using Attributes = std::map<std::string, std::string, std::less<>>;

enum class ConditionOperator {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
  kIsSet,
  kNotSet
};

struct Condition {
  std::string attribute;
  ConditionOperator operation = ConditionOperator::kEqual;
  std::vector<std::string> values;  // one; several with IN and NOT IN; none with IS SET, NOT SET
  Position at;
  bool operator==(const Condition&) const = default;
};

// All conditions must hold.
struct Posture {
  Position at;
  std::vector<Condition> conditions;
  bool operator==(const Posture&) const = default;
};

// Reads one condition. kInvalid says what would be right.
Result<Condition> parse_condition(std::string_view text, Position at);

// An attribute that the node has not makes every operator fail, != and NOT IN too, but NOT SET.
bool holds(const Condition& condition, const Attributes& attributes);
bool holds(const Posture& posture, const Attributes& attributes);

}  // namespace kernmesh::policy
