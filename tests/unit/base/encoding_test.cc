// SPDX-License-Identifier: Apache-2.0
#include "controller/base/encoding.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace kernmesh {
namespace {

TEST(DecodeBase64, fills_the_buffer_exactly) {
  std::array<std::uint8_t, 4> out{};
  EXPECT_TRUE(decode_base64("_-8BAg", Base64::kUrlNoPadding, out));
  EXPECT_EQ(out, (std::array<std::uint8_t, 4>{0xff, 0xef, 0x01, 0x02}));
  EXPECT_TRUE(decode_base64("/+8BAg==", Base64::kStandard, out));
}

TEST(DecodeBase64, refuses_every_other_spelling) {
  std::array<std::uint8_t, 4> out{};
  for (const std::string text :
       {"", "_-8BA", "_-8BAgA", "_-8BAh", "_-8B Ag", "/+8BAg", "_-8BAg=="}) {
    EXPECT_FALSE(decode_base64(text, Base64::kUrlNoPadding, out)) << text;
  }
}

// libsodium 1.0.18 by itself takes 0xff for a digit.
TEST(DecodeBase64, refuses_bytes_outside_ascii) {
  std::array<std::uint8_t, 4> out{};
  for (int byte = 0x80; byte <= 0xff; ++byte) {
    const std::string text = "_-8BA" + std::string(1, static_cast<char>(byte));
    EXPECT_FALSE(decode_base64(text, Base64::kUrlNoPadding, out)) << byte;
    EXPECT_FALSE(decode_base64(text + "==", Base64::kStandard, out)) << byte;
  }
}

}  // namespace
}  // namespace kernmesh
