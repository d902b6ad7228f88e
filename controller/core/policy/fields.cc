// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/fields.h"

#include <algorithm>
#include <array>
#include <utility>

#include "controller/base/nearest.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

bool is_kind(const JsonValue& value, JsonKind kind, std::string_view what,
             Diagnostics& diagnostics) {
  if (value.kind() == kind) return true;
  std::string found(to_string(value.kind()));
  if (value.kind() == JsonKind::kString) found = "the string " + quoted(value.text());
  if (value.kind() == JsonKind::kNumber) found = "the number " + std::string(value.text());
  diagnostics.error(value.at(), std::string(what) + " is " + found + ", expected " +
                                    std::string(to_string(kind)));
  return false;
}

// After so many errors reading stops: a hostile text could go on for as long as it is, and what is
// read of it takes memory.
constexpr std::size_t kMostErrors = 1000;

bool is_hopeless(const Diagnostics& diagnostics) {
  return diagnostics.error_count() >= kMostErrors;
}

// Spellings of early policy files.
constexpr std::array kFormerKeys = {
    std::pair<std::string_view, std::string_view>{"users", "src"},
    std::pair<std::string_view, std::string_view>{"user", "src"},
    std::pair<std::string_view, std::string_view>{"ports", "dst"},
    std::pair<std::string_view, std::string_view>{"allow", "accept"},
};

// The known key that somebody who wrote `key` means; empty when none is near.
std::string meant_by(std::string_view key, const std::vector<std::string>& known) {
  const std::string small = lowered(key);
  for (const std::string& candidate : known) {
    if (lowered(candidate) == small) return candidate;
  }
  for (const auto& [former, present] : kFormerKeys) {
    if (former == small && std::find(known.begin(), known.end(), present) != known.end()) {
      return std::string(present);
    }
  }
  return nearest(key, known);
}

void report_unknown(const JsonValue& key, std::string_view what,
                    std::initializer_list<Field> fields, Diagnostics& diagnostics) {
  std::string message = "unknown key " + quoted(key.text()) + " in " + std::string(what);
  // The search costs much more than the key, and a hostile text is made of unknown keys.
  if (diagnostics.error_count() < Diagnostics::kMaxKept) {
    std::vector<std::string> known;
    known.reserve(fields.size());
    for (const Field& field : fields) known.emplace_back(field.key);
    const std::string meant = meant_by(key.text(), known);
    message +=
        meant.empty() ? "; known are " + joined(known) : "; did you mean " + quoted(meant) + "?";
  }
  diagnostics.error(key.at(), std::move(message));
}

}  // namespace

void read_object(const JsonValue& object, std::string_view what, std::initializer_list<Field> known,
                 Diagnostics& diagnostics) {
  read_members(object, what, diagnostics, [&](const JsonValue& key, const JsonValue& value) {
    const auto* const field = std::find_if(known.begin(), known.end(), [&](const Field& candidate) {
      return candidate.key == key.text();
    });
    if (field == known.end()) {
      report_unknown(key, what, known, diagnostics);
    } else if (field->read) {
      field->read(value);
    } else {
      diagnostics.warning(key.at(), quoted(key.text()) + " has no meaning here and is ignored");
    }
  });
}

void read_members(const JsonValue& object, std::string_view what, Diagnostics& diagnostics,
                  const std::function<void(const JsonValue& key, const JsonValue& value)>& read) {
  if (!is_kind(object, JsonKind::kObject, what, diagnostics)) return;
  for (auto key = object.first(); key; key = key->next_in(object)) {
    if (is_hopeless(diagnostics)) return;
    read(*key, key->value());
  }
}

void read_list(const JsonValue& list, std::string_view what, Diagnostics& diagnostics,
               const std::function<void(const JsonValue&)>& read) {
  if (list.kind() == JsonKind::kNull) return;
  if (!is_kind(list, JsonKind::kArray, what, diagnostics)) return;
  for (auto element = list.first(); element; element = element->next_in(list)) {
    if (is_hopeless(diagnostics)) return;
    read(*element);
  }
}

std::optional<std::string_view> read_string(const JsonValue& value, std::string_view what,
                                            Diagnostics& diagnostics) {
  if (!is_kind(value, JsonKind::kString, what, diagnostics)) return std::nullopt;
  return value.text();
}

std::optional<bool> read_bool(const JsonValue& value, std::string_view what,
                              Diagnostics& diagnostics) {
  if (!is_kind(value, JsonKind::kBool, what, diagnostics)) return std::nullopt;
  return value.text() == "true";
}

std::vector<Located> read_strings(const JsonValue& list, std::string_view what,
                                  Diagnostics& diagnostics) {
  std::vector<Located> strings;
  read_list(list, what, diagnostics, [&](const JsonValue& element) {
    const auto text = read_string(element, "an entry of " + std::string(what), diagnostics);
    if (text) strings.push_back({std::string(*text), element.at()});
  });
  return strings;
}

std::vector<Selector> read_selectors(const JsonValue& list, std::string_view what,
                                     Diagnostics& diagnostics) {
  std::vector<Selector> selectors;
  read_list(list, what, diagnostics, [&](const JsonValue& element) {
    const auto text = read_string(element, "an entry of " + std::string(what), diagnostics);
    if (!text) return;
    auto selector = parse_selector(*text, element.at());
    if (selector) {
      selectors.push_back(*std::move(selector));
    } else {
      diagnostics.error(element.at(), selector.error().message());
    }
  });
  return selectors;
}

}  // namespace kernmesh::policy
