// SPDX-License-Identifier: Apache-2.0
#include "controller/base/encoding.h"

#include <sodium.h>

#include <algorithm>

namespace kernmesh {

bool decode_base64(std::string_view text, Base64 form, std::span<std::uint8_t> out) {
  // libsodium 1.0.18 compares characters as signed: it takes bytes from 0x80 up for digits.
  const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (!std::all_of(text.begin(), text.end(), ascii)) return false;
  const int variant = form == Base64::kStandard ? sodium_base64_VARIANT_ORIGINAL
                                                : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::size_t size = 0;
  const char* end = nullptr;
  return sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end,
                           variant) == 0 &&
         size == out.size() && end == text.data() + text.size();
}

}  // namespace kernmesh
