// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/posture.h"

#include <algorithm>
#include <array>
#include <compare>
#include <optional>
#include <utility>

#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

struct NamedOperator {
  std::string_view text;
  ConditionOperator operation;
};

// Longer ones before those that they begin with.
constexpr std::array kOperators = {
    NamedOperator{"==", ConditionOperator::kEqual},
    NamedOperator{"!=", ConditionOperator::kNotEqual},
    NamedOperator{"<=", ConditionOperator::kLessOrEqual},
    NamedOperator{">=", ConditionOperator::kGreaterOrEqual},
    NamedOperator{"<", ConditionOperator::kLess},
    NamedOperator{">", ConditionOperator::kGreater},
    NamedOperator{"NOT IN", ConditionOperator::kNotIn},
    NamedOperator{"IN", ConditionOperator::kIn},
    NamedOperator{"IS SET", ConditionOperator::kIsSet},
    NamedOperator{"NOT SET", ConditionOperator::kNotSet},
};

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Takes from the front of a condition; every step skips the space before it.
class ConditionReader {
 public:
  explicit ConditionReader(std::string_view text) : text_(text), rest_(trimmed(text)) {}

  Result<Condition> read(Position at) {
    Condition condition;
    condition.at = at;
    MESH_TRY_ASSIGN(condition.attribute, take_attribute());
    const auto operation = take_operator();
    if (!operation) {
      return bad("expected ==, !=, <, <=, >, >=, IN, NOT IN, IS SET or NOT SET after " +
                 quoted(condition.attribute));
    }
    condition.operation = *operation;
    MESH_TRY_ASSIGN(condition.values, take_values(*operation));
    if (!trimmed(rest_).empty()) return bad("found " + quoted(trimmed(rest_)) + " after its end");
    return condition;
  }

 private:
  Error bad(const std::string& why) const {
    return {ErrorCode::kInvalid, quoted(text_) + " is no condition: " + why};
  }

  Result<std::string> take_attribute() {
    const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), [](char c) {
      return is_alnum(c) || c == ':' || c == '_' || c == '-' || c == '.' || c == '/';
    });
    const std::string_view name = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    const std::size_t colon = name.find(':');
    if (colon == 0 || colon == std::string_view::npos || colon + 1 == name.size()) {
      return bad("expected an attribute like node:os or custom:tier");
    }
    rest_.remove_prefix(name.size());
    return std::string(name);
  }

  std::optional<ConditionOperator> take_operator() {
    rest_ = trimmed(rest_);
    for (const NamedOperator& known : kOperators) {
      if (take_words(known.text)) return known.operation;
    }
    return std::nullopt;
  }

  // The words of `words`, whatever the space between them; letters must not follow letters.
  bool take_words(std::string_view words) {
    std::string_view rest = rest_;
    while (!words.empty()) {
      const std::string_view word = words.substr(0, words.find(' '));
      if (!rest.starts_with(word)) return false;
      rest.remove_prefix(word.size());
      if (is_alnum(word.front()) && !rest.empty() && is_alnum(rest.front())) return false;
      rest = trimmed(rest);
      words = trimmed(words.substr(word.size()));
    }
    rest_ = rest;
    return true;
  }

  Result<std::vector<std::string>> take_values(ConditionOperator operation) {
    using enum ConditionOperator;
    if (operation == kIsSet || operation == kNotSet) return std::vector<std::string>{};
    if (operation == kIn || operation == kNotIn) return take_list();
    MESH_TRY_ASSIGN(std::string value, take_value());
    return std::vector{std::move(value)};
  }

  Result<std::vector<std::string>> take_list() {
    if (!take_words("[")) return bad("expected a list like ['a', 'b'] after IN");
    std::vector<std::string> values;
    while (!take_words("]")) {
      MESH_TRY_ASSIGN(std::string value, take_value());
      values.push_back(std::move(value));
      if (take_words(",")) continue;
      if (!rest_.starts_with(']')) return bad("expected , or ] in the list");
    }
    if (values.empty()) return bad("its list is empty");
    return values;
  }

  // 'text', "text", a number, true or false.
  Result<std::string> take_value() {
    rest_ = trimmed(rest_);
    if (rest_.empty()) return bad("expected a value at its end");
    const char quote = rest_.front();
    if (quote == '\'' || quote == '"') {
      const std::size_t end = rest_.find(quote, 1);
      if (end == std::string_view::npos) return bad("its quotation does not end");
      std::string value(rest_.substr(1, end - 1));
      rest_ = trimmed(rest_.substr(end + 1));
      return value;
    }
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \t,]"));
    const bool is_number = is_digit(word.empty() ? ' ' : word.front());
    if (!is_number && word != "true" && word != "false") {
      return bad("the value " + quoted(word) + " wants quotation marks: '" + std::string(word) +
                 "'");
    }
    rest_ = trimmed(rest_.substr(word.size()));
    return std::string(word);
  }

  std::string_view text_;
  std::string_view rest_;
};

// Takes the part before the next separator. Missing parts are zero: 1.2 is 1.2.0.
std::string_view take_part(std::string_view& version) {
  const std::size_t end = std::min(version.find_first_of(".-+_"), version.size());
  std::string_view part = version.substr(0, end);
  version.remove_prefix(std::min(end + 1, version.size()));
  return part.empty() ? "0" : part;
}

std::strong_ordering compare_parts(std::string_view a, std::string_view b) {
  const bool both_numbers =
      std::all_of(a.begin(), a.end(), is_digit) && std::all_of(b.begin(), b.end(), is_digit);
  if (!both_numbers) return a <=> b;
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

std::strong_ordering compare_versions(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    const auto order = compare_parts(take_part(a), take_part(b));
    if (order != 0) return order;
  }
  return std::strong_ordering::equal;
}

bool is_version(std::string_view text) { return !text.empty() && is_digit(text.front()); }

bool is_equal(std::string_view a, std::string_view b) {
  return is_version(a) && is_version(b) ? compare_versions(a, b) == 0 : a == b;
}

bool is_one_of(std::string_view text, const std::vector<std::string>& values) {
  return std::any_of(values.begin(), values.end(),
                     [&](const std::string& value) { return is_equal(text, value); });
}

}  // namespace

Result<Condition> parse_condition(std::string_view text, Position at) {
  return ConditionReader(text).read(at);
}

bool holds(const Condition& condition, const Attributes& attributes) {
  using enum ConditionOperator;
  const auto found = attributes.find(condition.attribute);
  if (condition.operation == kNotSet) return found == attributes.end();
  if (found == attributes.end()) return false;
  const std::string& actual = found->second;
  if (condition.operation == kIsSet) return true;
  if (condition.operation == kEqual || condition.operation == kIn) {
    return is_one_of(actual, condition.values);
  }
  if (condition.operation == kNotEqual || condition.operation == kNotIn) {
    return !is_one_of(actual, condition.values);
  }
  // What is no number and no version has no order.
  const std::string& bound = condition.values.front();
  if (!is_version(actual) || !is_version(bound)) return false;
  const auto order = compare_versions(actual, bound);
  if (condition.operation == kLess) return order < 0;
  if (condition.operation == kLessOrEqual) return order <= 0;
  if (condition.operation == kGreater) return order > 0;
  return order >= 0;
}

bool holds(const Posture& posture, const Attributes& attributes) {
  return std::all_of(posture.conditions.begin(), posture.conditions.end(),
                     [&](const Condition& condition) { return holds(condition, attributes); });
}

}  // namespace kernmesh::policy
