// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/json_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "controller/core/policy/parse.h"
#include "controller/core/policy/utf8.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
         c == '+' || c == '-';
}

// RFC 8259, section 6.
bool is_number(std::string_view word) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t first = i;
    while (i < word.size() && is_digit(word[i])) ++i;
    return i - first;
  };
  if (i < word.size() && word[i] == '-') ++i;
  const std::size_t whole = i;
  const std::size_t count = digits();
  if (count == 0 || (count > 1 && word[whole] == '0')) return false;
  if (i < word.size() && word[i] == '.') {
    ++i;
    if (digits() == 0) return false;
  }
  if (i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
    ++i;
    if (i < word.size() && (word[i] == '+' || word[i] == '-')) ++i;
    if (digits() == 0) return false;
  }
  return i == word.size();
}

// No value is shorter than the mark that begins it or follows it, so that this many nodes suffice.
std::size_t most_nodes(std::string_view text) {
  return 1 + static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
           return c == ',' || c == ':' || c == '[' || c == '{';
         }));
}

std::string line_of(Position at) {
  return std::to_string(at.line) + ":" + std::to_string(at.column);
}

}  // namespace

std::optional<JsonTree> JsonTree::read(std::string_view text, Diagnostics& diagnostics) {
  return JsonReader(text, diagnostics).read();
}

JsonReader::JsonReader(std::string_view text, Diagnostics& diagnostics)
    : text_(text), diagnostics_(diagnostics), tree_(text) {}

std::optional<JsonTree> JsonReader::read() {
  if (read_document() == Outcome::kFailed) return std::nullopt;
  return std::move(tree_);
}

JsonReader::Outcome JsonReader::read_document() {
  if (text_.size() > kMaxPolicyBytes) {
    return fail_at({}, "the policy has " + std::to_string(text_.size()) + " bytes, at most " +
                           std::to_string(kMaxPolicyBytes) + " are read");
  }
  if (const std::size_t bad = find_invalid_utf8(text_); bad != std::string_view::npos) {
    advance(bad);
    return fail("the byte " + quoted(text_.substr(bad, 1)) + " is not UTF-8");
  }
  if (starts_with("\xef\xbb\xbf")) offset_ = 3;
  tree_.nodes_.reserve(most_nodes(text_));
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  if (read_value(0) == Outcome::kFailed) return Outcome::kFailed;
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  if (offset_ == text_.size()) return Outcome::kRead;
  return fail("found " + found() + " after the end of the policy");
}

JsonReader::Outcome JsonReader::read_value(std::size_t depth) {
  if (depth >= kMaxNesting) {
    return fail("nested more than " + std::to_string(kMaxNesting) + " deep");
  }
  const char c = current();
  if (c == '{') return read_object(depth);
  if (c == '[') return read_list(depth);
  if (c == '"') return read_string();
  if (c == '-' || is_digit(c)) return read_number();
  return read_word();
}

JsonReader::Outcome JsonReader::read_list(std::size_t depth) {
  const std::uint32_t index = open(JsonKind::kArray);
  advance(1);
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  while (current() != ']') {
    if (read_value(depth + 1) == Outcome::kFailed) return Outcome::kFailed;
    if (read_separator(']') == Outcome::kFailed) return Outcome::kFailed;
  }
  advance(1);
  close(index);
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::read_object(std::size_t depth) {
  const std::uint32_t index = open(JsonKind::kObject);
  advance(1);
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  while (current() != '}') {
    if (read_member(depth) == Outcome::kFailed) return Outcome::kFailed;
    if (read_separator('}') == Outcome::kFailed) return Outcome::kFailed;
  }
  advance(1);
  close(index);
  report_duplicate_keys(index);
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::read_member(std::size_t depth) {
  if (current() != '"') return fail("found " + found() + ", expected a key in quotes or \"}\"");
  if (read_string() == Outcome::kFailed) return Outcome::kFailed;
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  if (current() != ':') return fail("found " + found() + ", expected \":\" after the key");
  advance(1);
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  return read_value(depth + 1);
}

JsonReader::Outcome JsonReader::read_separator(char close) {
  if (skip_space() == Outcome::kFailed) return Outcome::kFailed;
  if (current() == close) return Outcome::kRead;
  if (current() != ',') {
    return fail("found " + found() + ", expected \",\" or \"" + std::string(1, close) + "\"");
  }
  advance(1);
  return skip_space();
}

JsonReader::Outcome JsonReader::read_word() {
  std::size_t length = 0;
  while (offset_ + length < text_.size() && is_word(text_[offset_ + length])) ++length;
  const std::string_view word = text_.substr(offset_, length);
  const bool is_null = word == "null";
  if (!is_null && word != "true" && word != "false") {
    return fail("found " + (word.empty() ? found() : quoted(word)) + ", expected a value");
  }
  const std::uint32_t index = open(is_null ? JsonKind::kNull : JsonKind::kBool);
  if (!is_null) tree_.nodes_[index].length = static_cast<std::uint32_t>(length);
  advance(length);
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::read_number() {
  std::size_t length = 0;
  while (offset_ + length < text_.size() && is_word(text_[offset_ + length])) ++length;
  const std::string_view word = text_.substr(offset_, length);
  if (!is_number(word)) return fail(quoted(word) + " is not a number of JSON");
  tree_.nodes_[open(JsonKind::kNumber)].length = static_cast<std::uint32_t>(length);
  advance(length);
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::read_string() {
  const Position start = at_;
  const std::uint32_t index = open(JsonKind::kString);
  advance(1);
  const std::size_t begin = offset_;
  const std::size_t decoded_begin = tree_.decoded_.size();
  std::size_t copied = begin;  // up to here the string is in decoded_, once it has an escape
  while (current() != '"') {
    if (offset_ >= text_.size()) return fail_at(start, "the string that begins here does not end");
    if (static_cast<unsigned char>(current()) < 0x20) {
      return fail("found " + found() + " in a string, expected its closing quote");
    }
    if (current() != '\\') {
      advance(1);
      continue;
    }
    tree_.decoded_ += text_.substr(copied, offset_ - copied);
    if (read_escape() == Outcome::kFailed) return Outcome::kFailed;
    copied = offset_;
  }
  auto& node = tree_.nodes_[index];
  node.begin = static_cast<std::uint32_t>(begin);
  node.length = static_cast<std::uint32_t>(offset_ - begin);
  if (copied != begin) {
    tree_.decoded_ += text_.substr(copied, offset_ - copied);
    node.source = JsonTree::Source::kDecoded;
    node.begin = static_cast<std::uint32_t>(decoded_begin);
    node.length = static_cast<std::uint32_t>(tree_.decoded_.size() - decoded_begin);
  }
  advance(1);
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::read_escape() {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char letter = offset_ + 1 < text_.size() ? text_[offset_ + 1] : '\0';
  if (letter == 'u') return read_unicode_escape();
  const std::size_t which = kLetters.find(letter);
  if (which == std::string_view::npos) {
    const std::size_t length = code_point_length(text_.substr(offset_ + 1));
    return fail(quoted(text_.substr(offset_, 1 + length)) +
                " is no escape; a backslash is written \"\\\\\"");
  }
  tree_.decoded_ += kMeanings[which];
  advance(2);
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::read_unicode_escape() {
  const Position start = at_;
  const std::size_t begin = offset_;
  auto code_point = read_hex4();
  if (!code_point) return fail_at(start, "expected four hexadecimal digits after \\u");
  const auto unpaired = [&] {
    return fail_at(start, std::string(text_.substr(begin, 6)) + " is half a surrogate pair");
  };
  if (*code_point >= 0xdc00 && *code_point <= 0xdfff) return unpaired();
  if (*code_point >= 0xd800 && *code_point <= 0xdbff) {
    if (!starts_with("\\u")) return unpaired();
    const auto low = read_hex4();
    if (!low || *low < 0xdc00 || *low > 0xdfff) return unpaired();
    code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (*low - 0xdc00);
  }
  append_utf8(tree_.decoded_, *code_point);
  return Outcome::kRead;
}

std::optional<std::uint32_t> JsonReader::read_hex4() {
  if (text_.size() - offset_ < 6) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text_.substr(offset_ + 2, 4)) {
    const char lower = static_cast<char>(c | 0x20);
    if (!is_digit(c) && !(lower >= 'a' && lower <= 'f')) return std::nullopt;
    value = value * 16 + static_cast<std::uint32_t>(is_digit(c) ? c - '0' : lower - 'a' + 10);
  }
  advance(6);
  return value;
}

JsonReader::Outcome JsonReader::skip_space() {
  while (offset_ < text_.size()) {
    const char c = current();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      advance(1);
    } else if (starts_with("//")) {
      advance(std::min(text_.find('\n', offset_), text_.size()) - offset_);
    } else if (starts_with("/*")) {
      if (skip_block_comment() == Outcome::kFailed) return Outcome::kFailed;
    } else {
      break;
    }
  }
  return Outcome::kRead;
}

JsonReader::Outcome JsonReader::skip_block_comment() {
  const std::size_t end = text_.find("*/", offset_ + 2);
  if (end == std::string_view::npos) return fail("the comment that begins here does not end");
  advance(end + 2 - offset_);
  return Outcome::kRead;
}

void JsonReader::report_duplicate_keys(std::uint32_t object) {
  std::vector<JsonValue> keys;
  const JsonValue parent(tree_, object);
  for (auto key = parent.first(); key; key = key->next_in(parent)) keys.push_back(*key);
  // Sorted and not hashed: whoever chooses the keys cannot choose the cost.
  std::stable_sort(keys.begin(), keys.end(),
                   [](const JsonValue& a, const JsonValue& b) { return a.text() < b.text(); });
  for (std::size_t i = 1; i < keys.size(); ++i) {
    if (diagnostics_.error_count() >= Diagnostics::kMaxKept) return;
    if (keys[i].text() != keys[i - 1].text()) continue;
    diagnostics_.error(keys[i].at(), "the key " + quoted(keys[i].text()) + " stands at " +
                                         line_of(keys[i - 1].at()) +
                                         " already; an object has each key once");
  }
}

std::uint32_t JsonReader::open(JsonKind kind) {
  const auto index = static_cast<std::uint32_t>(tree_.nodes_.size());
  JsonTree::Node node;
  node.begin = static_cast<std::uint32_t>(offset_);
  node.end = index + 1;
  node.line = at_.line;
  node.column = at_.column;
  node.kind = kind;
  tree_.nodes_.push_back(node);
  return index;
}

void JsonReader::close(std::uint32_t index) {
  tree_.nodes_[index].end = static_cast<std::uint32_t>(tree_.nodes_.size());
}

void JsonReader::advance(std::size_t bytes) {
  for (const char c : text_.substr(offset_, bytes)) {
    if (c == '\n') {
      ++at_.line;
      at_.column = 1;
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      ++at_.column;
    }
  }
  offset_ += bytes;
}

bool JsonReader::starts_with(std::string_view word) const {
  return text_.substr(offset_, word.size()) == word;
}

std::string JsonReader::found() const {
  if (offset_ >= text_.size()) return "the end of the text";
  return quoted(text_.substr(offset_, code_point_length(text_.substr(offset_))));
}

JsonReader::Outcome JsonReader::fail(std::string message) {
  return fail_at(at_, std::move(message));
}

JsonReader::Outcome JsonReader::fail_at(Position at, std::string message) {
  diagnostics_.error(at, std::move(message));
  return Outcome::kFailed;
}

}  // namespace kernmesh::policy
