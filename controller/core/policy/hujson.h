// SPDX-License-Identifier: Apache-2.0
// HuJSON (JSON of RFC 8259 with comments and trailing commas) to a tree that knows the place of
// every value (L1, pure). The tree is one array of 20-byte nodes in the order of the text, so that
// it takes memory in proportion to the text whatever the text is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/core/policy/diagnostic.h"

namespace kernmesh::policy {

enum class JsonKind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

// With its article, for messages: "a list", "an object", "null".
std::string_view to_string(JsonKind kind);

class JsonTree;

// A value of a tree; valid as long as the tree and the text it was read from.
class JsonValue {
 public:
  JsonKind kind() const;
  Position at() const;
  // A string decoded; a number, true and false as they stand in the text. Empty for the others.
  std::string_view text() const;

  // Elements of a list, or keys of an object, each followed by its value: see next() and value().
  // Nothing for other kinds and when there are none.
  std::optional<JsonValue> first() const;
  // The element after this one; the key after this key.
  std::optional<JsonValue> next_in(const JsonValue& parent) const;
  // The value of this key. Only for keys.
  JsonValue value() const;

 private:
  friend class JsonReader;
  friend class JsonTree;
  JsonValue(const JsonTree& tree, std::uint32_t index) : tree_(&tree), index_(index) {}

  const JsonTree* tree_;
  std::uint32_t index_;
};

class JsonTree {
 public:
  // Reads the whole text; `text` must outlive the tree. Nothing after an error of syntax, which is
  // one error; keys that stand twice in an object are an error each. A byte order mark is skipped.
  static std::optional<JsonTree> read(std::string_view text, Diagnostics& diagnostics);

  JsonValue root() const { return {*this, 0}; }
  std::size_t size() const { return nodes_.size(); }

 private:
  friend class JsonValue;
  friend class JsonReader;

  // Strings without escapes are slices of the text, others of decoded_.
  enum class Source : std::uint8_t { kText, kDecoded };

  struct Node {
    std::uint32_t begin = 0;   // of its text, in text_ or decoded_
    std::uint32_t length = 0;  // of its text
    std::uint32_t end = 0;     // index of the first node after its subtree
    std::uint32_t column = 0;
    std::uint32_t line : 28 = 0;  // kMaxPolicyBytes fit into 24 bits
    JsonKind kind : 3 = JsonKind::kNull;
    Source source : 1 = Source::kText;
  };
  static_assert(sizeof(Node) == 20);

  explicit JsonTree(std::string_view text) : text_(text) {}

  std::string_view text_;
  std::string decoded_;
  std::vector<Node> nodes_;
};

// The value as JSON without white space and comments; numbers as they were written.
std::string to_json(const JsonValue& value);

}  // namespace kernmesh::policy
