// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/words.h"

#include <algorithm>

#include "controller/core/policy/diagnostic.h"

namespace kernmesh::policy {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lowered(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
  });
}

bool is_tag(std::string_view text) {
  if (!text.starts_with(kTagPrefix)) return false;
  const std::string_view name = text.substr(kTagPrefix.size());
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
}

std::string bad_tag(std::string_view text) {
  return quoted(text) +
         " is not a tag; a tag is tag: and a letter, then letters, digits and dashes";
}

bool is_prefixed_name(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  const std::string_view name = text.substr(prefix.size());
  return is_name(name) && name.find(':') == std::string_view::npos;
}

std::string bad_prefixed_name(std::string_view text, std::string_view prefix) {
  return quoted(text) + " is no name of this kind; it is " + std::string(prefix) +
         "NAME, without spaces, further colons and ports";
}

bool is_host_name(std::string_view text) {
  return is_name(text) && text.find_first_of("@:/*[]") == std::string_view::npos;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace kernmesh::policy
