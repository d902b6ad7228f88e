// SPDX-License-Identifier: Apache-2.0
// UTF-8 (RFC 3629), as far as a policy text needs it (L1, pure).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kernmesh::policy {

// Bytes of the well-formed code point that `text` starts with; 0 when there is none: overlong
// forms, surrogates and what lies above U+10FFFF are not well-formed.
std::size_t code_point_length(std::string_view text);

// Offset of the first byte that belongs to no well-formed code point; npos when all do.
std::size_t find_invalid_utf8(std::string_view text);

// `code_point` is a scalar value: not a surrogate, at most 0x10ffff; asserts.
void append_utf8(std::string& text, std::uint32_t code_point);

}  // namespace kernmesh::policy
