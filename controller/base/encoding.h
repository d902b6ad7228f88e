// SPDX-License-Identifier: Apache-2.0
// Text forms of bytes, read strictly (L0, libsodium): one spelling for one value, nothing skipped.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace kernmesh {

// RFC 4648: section 4 with padding, section 5 without.
enum class Base64 { kStandard, kUrlNoPadding };

// Fills `out` exactly; false when `text` is anything but the encoding of out.size() bytes, and then
// `out` holds nothing of use.
[[nodiscard]] bool decode_base64(std::string_view text, Base64 form, std::span<std::uint8_t> out);

}  // namespace kernmesh
