// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/posture_reading.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string>
#include <vector>

namespace kernmesh::policy {
namespace {

bool is_version(const std::string& text) { return !text.empty() && std::isdigit(text[0]) != 0; }

// Numbers between dots; the generator writes no others.
std::vector<long> parts_of(const std::string& version) {
  std::vector<long> parts;
  std::size_t begin = 0;
  while (begin <= version.size()) {
    const std::size_t end = std::min(version.find('.', begin), version.size());
    parts.push_back(std::strtol(version.substr(begin, end - begin).c_str(), nullptr, 10));
    begin = end + 1;
  }
  while (!parts.empty() && parts.back() == 0) parts.pop_back();
  return parts;
}

bool is_equal(const std::string& a, const std::string& b) {
  return is_version(a) && is_version(b) ? parts_of(a) == parts_of(b) : a == b;
}

}  // namespace

bool is_same_word(std::string_view a, std::string_view b) {
  return !a.empty() && std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool is_met(const Condition& condition, const Attributes& attributes) {
  const auto attribute = attributes.find(condition.attribute);
  const bool is_set = attribute != attributes.end();
  if (condition.operation == ConditionOperator::kNotSet) return !is_set;
  if (!is_set) return false;
  const std::string& value = attribute->second;
  const bool is_among =
      std::any_of(condition.values.begin(), condition.values.end(),
                  [&](const std::string& wanted) { return is_equal(value, wanted); });
  switch (condition.operation) {
    case ConditionOperator::kIsSet:
      return true;
    case ConditionOperator::kEqual:
    case ConditionOperator::kIn:
      return is_among;
    case ConditionOperator::kNotEqual:
    case ConditionOperator::kNotIn:
      return !is_among;
    default:
      break;
  }
  const std::string& bound = condition.values[0];
  if (!is_version(value) || !is_version(bound)) return false;
  switch (condition.operation) {
    case ConditionOperator::kLess:
      return parts_of(value) < parts_of(bound);
    case ConditionOperator::kLessOrEqual:
      return parts_of(value) <= parts_of(bound);
    case ConditionOperator::kGreater:
      return parts_of(value) > parts_of(bound);
    default:
      return parts_of(value) >= parts_of(bound);
  }
}

}  // namespace kernmesh::policy
