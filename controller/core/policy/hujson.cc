// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/hujson.h"

#include <array>

namespace kernmesh::policy {
namespace {

void append_string(std::string& json, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  json += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      json += "\\u00";
      json += kDigits[byte >> 4];
      json += kDigits[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') json += '\\';
    json += c;
  }
  json += '"';
}

void append_value(std::string& json, const JsonValue& value) {
  switch (value.kind()) {
    case JsonKind::kNull:
      json += "null";
      return;
    case JsonKind::kBool:
    case JsonKind::kNumber:
      json += value.text();
      return;
    case JsonKind::kString:
      append_string(json, value.text());
      return;
    case JsonKind::kArray:
      json += '[';
      for (auto child = value.first(); child; child = child->next_in(value)) {
        if (json.back() != '[') json += ',';
        append_value(json, *child);
      }
      json += ']';
      return;
    case JsonKind::kObject:
      json += '{';
      for (auto key = value.first(); key; key = key->next_in(value)) {
        if (json.back() != '{') json += ',';
        append_string(json, key->text());
        json += ':';
        append_value(json, key->value());
      }
      json += '}';
      return;
  }
}

}  // namespace

std::string_view to_string(JsonKind kind) {
  constexpr std::array<std::string_view, 6> kNames = {"null",     "true or false", "a number",
                                                      "a string", "a list",        "an object"};
  return kNames.at(static_cast<std::size_t>(kind));
}

JsonKind JsonValue::kind() const { return tree_->nodes_[index_].kind; }

Position JsonValue::at() const {
  const auto& node = tree_->nodes_[index_];
  return {node.line, node.column};
}

std::string_view JsonValue::text() const {
  const auto& node = tree_->nodes_[index_];
  const std::string_view all =
      node.source == JsonTree::Source::kText ? tree_->text_ : std::string_view(tree_->decoded_);
  return all.substr(node.begin, node.length);
}

std::optional<JsonValue> JsonValue::first() const {
  if (tree_->nodes_[index_].end == index_ + 1) return std::nullopt;
  return JsonValue(*tree_, index_ + 1);
}

std::optional<JsonValue> JsonValue::next_in(const JsonValue& parent) const {
  const bool is_key = parent.kind() == JsonKind::kObject;
  const std::uint32_t next = tree_->nodes_[is_key ? index_ + 1 : index_].end;
  if (next == tree_->nodes_[parent.index_].end) return std::nullopt;
  return JsonValue(*tree_, next);
}

JsonValue JsonValue::value() const { return {*tree_, index_ + 1}; }

std::string to_json(const JsonValue& value) {
  std::string json;
  append_value(json, value);
  return json;
}

}  // namespace kernmesh::policy
