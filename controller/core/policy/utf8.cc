// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/utf8.h"

#include <cassert>

namespace kernmesh::policy {
namespace {

bool in_range(std::uint8_t byte, std::uint8_t first, std::uint8_t last) {
  return byte >= first && byte <= last;
}

// RFC 3629, section 4: what may follow the first byte depends on it for the second byte only.
struct Form {
  std::size_t length = 0;
  std::uint8_t second_first = 0x80;
  std::uint8_t second_last = 0xbf;
};

Form form_of(std::uint8_t lead) {
  if (in_range(lead, 0xc2, 0xdf)) return {.length = 2};
  if (lead == 0xe0) return {.length = 3, .second_first = 0xa0};
  if (lead == 0xed) return {.length = 3, .second_last = 0x9f};
  if (in_range(lead, 0xe1, 0xef)) return {.length = 3};
  if (lead == 0xf0) return {.length = 4, .second_first = 0x90};
  if (in_range(lead, 0xf1, 0xf3)) return {.length = 4};
  if (lead == 0xf4) return {.length = 4, .second_last = 0x8f};
  return {};
}

}  // namespace

std::size_t code_point_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  if (byte(0) < 0x80) return 1;
  const Form form = form_of(byte(0));
  if (form.length == 0 || text.size() < form.length) return 0;
  if (!in_range(byte(1), form.second_first, form.second_last)) return 0;
  for (std::size_t i = 2; i < form.length; ++i) {
    if (!in_range(byte(i), 0x80, 0xbf)) return 0;
  }
  return form.length;
}

std::size_t find_invalid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = code_point_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

void append_utf8(std::string& text, std::uint32_t code_point) {
  assert(code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff));
  const auto tail = [&](int shift) {
    text += static_cast<char>(0x80 | ((code_point >> shift) & 0x3f));
  };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xc0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xe0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xf0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace kernmesh::policy
