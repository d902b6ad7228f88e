// SPDX-License-Identifier: Apache-2.0
// The way from a HuJSON text to its tree (L1, pure): what JsonTree::read() is made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controller/core/policy/hujson.h"

namespace kernmesh::policy {

// Reads one text, once. Stops at the first error of syntax.
class JsonReader {
 public:
  JsonReader(std::string_view text, Diagnostics& diagnostics);
  std::optional<JsonTree> read();

 private:
  // Whether an error was found, which is reported then.
  enum class [[nodiscard]] Outcome{kRead, kFailed};

  Outcome read_document();
  Outcome read_value(std::size_t depth);
  Outcome read_list(std::size_t depth);
  Outcome read_object(std::size_t depth);
  Outcome read_member(std::size_t depth);
  // After an element: over the comma, and to what follows.
  Outcome read_separator(char close);
  Outcome read_word();
  Outcome read_number();
  Outcome read_string();
  Outcome read_escape();
  Outcome read_unicode_escape();
  Outcome skip_space();
  Outcome skip_block_comment();
  void report_duplicate_keys(std::uint32_t object);

  std::optional<std::uint32_t> read_hex4();
  std::uint32_t open(JsonKind kind);
  void close(std::uint32_t index);
  void advance(std::size_t bytes);
  bool starts_with(std::string_view word) const;
  char current() const { return offset_ < text_.size() ? text_[offset_] : '\0'; }
  // What stands here, for a message.
  std::string found() const;
  Outcome fail(std::string message);
  Outcome fail_at(Position at, std::string message);

  std::string_view text_;
  Diagnostics& diagnostics_;
  JsonTree tree_;
  std::size_t offset_ = 0;
  Position at_{1, 1};  // of text_[offset_]
};

}  // namespace kernmesh::policy
