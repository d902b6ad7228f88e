// SPDX-License-Identifier: Apache-2.0
// Reading typed fields out of a JSON tree: what has the wrong type, is unknown or misspelt becomes
// an error at its place (L1, pure).
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/hujson.h"
#include "controller/core/policy/selector.h"

namespace kernmesh::policy {

// A key that an object may have. Without `read`, the key belongs to the reference language and
// means nothing here: a warning says so.
struct Field {
  std::string_view key;
  std::function<void(const JsonValue&)> read;
};

// Lists and objects are read to their end or to the thousandth error, whatever comes first.
// In all functions `what` names the value for messages: "an acl", "\"groups\"".

// Calls the field of each key, in the order of the text. Keys are compared exactly; an unknown one
// is an error that names the nearest known.
void read_object(const JsonValue& object, std::string_view what, std::initializer_list<Field> known,
                 Diagnostics& diagnostics);

// Calls `read` with each key and its value.
void read_members(const JsonValue& object, std::string_view what, Diagnostics& diagnostics,
                  const std::function<void(const JsonValue& key, const JsonValue& value)>& read);

// Calls `read` with each element. null is read as an empty list, as Go's readers do.
void read_list(const JsonValue& list, std::string_view what, Diagnostics& diagnostics,
               const std::function<void(const JsonValue&)>& read);

// Nothing after an error.
std::optional<std::string_view> read_string(const JsonValue& value, std::string_view what,
                                            Diagnostics& diagnostics);
std::optional<bool> read_bool(const JsonValue& value, std::string_view what,
                              Diagnostics& diagnostics);

// Elements that are no strings, or no selectors, are reported and left out.
std::vector<Located> read_strings(const JsonValue& list, std::string_view what,
                                  Diagnostics& diagnostics);
std::vector<Selector> read_selectors(const JsonValue& list, std::string_view what,
                                     Diagnostics& diagnostics);

}  // namespace kernmesh::policy
