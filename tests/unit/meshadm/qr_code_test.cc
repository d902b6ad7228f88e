// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/qr_code.h"

#include <gtest/gtest.h>

namespace kernmesh::adm {
namespace {

constexpr const char* kUrl = "https://signin.example.org/node?code=BCDF-GHJK-LMNP";

// The corner that every QR code has thrice (ISO/IEC 18004 section 6.3.3).
bool has_finder(const QrModules& modules, std::size_t top, std::size_t left) {
  for (std::size_t row = 0; row < 7; ++row) {
    for (std::size_t column = 0; column < 7; ++column) {
      const bool ring = row == 1 || row == 5 || column == 1 || column == 5;
      const bool outside = row == 0 || row == 6 || column == 0 || column == 6;
      if (modules[top + row][left + column] != (outside || !ring)) return false;
    }
  }
  return true;
}

TEST(QrCode, has_its_corners_and_a_quiet_border) {
  const auto modules = qr_modules(kUrl);
  ASSERT_TRUE(modules) << modules.error().message();
  const std::size_t side = modules->size();
  EXPECT_TRUE(has_finder(*modules, 4, 4));
  EXPECT_TRUE(has_finder(*modules, 4, side - 11));
  EXPECT_TRUE(has_finder(*modules, side - 11, 4));
  for (std::size_t i = 0; i < side; ++i) {
    for (std::size_t border = 0; border < 4; ++border) {
      EXPECT_FALSE((*modules)[border][i] || (*modules)[i][border] ||
                   (*modules)[side - 1 - border][i] || (*modules)[i][side - 1 - border]);
    }
  }
  EXPECT_LE(side, 80U) << "fits on a terminal";
}

TEST(QrCode, draws_two_rows_to_a_line_on_white) {
  const QrModules modules{{true, false, true}, {false, true, true}, {true, false, false}};
  EXPECT_EQ(to_half_blocks(modules),
            "\x1b[30;107m▀▄█\x1b[0m\n"
            "\x1b[30;107m▀  \x1b[0m\n");
}

TEST(QrCode, refuses_what_does_not_fit_on_a_terminal) {
  EXPECT_FALSE(qr_modules(""));
  EXPECT_FALSE(qr_modules(std::string(501, 'a')));
}

}  // namespace
}  // namespace kernmesh::adm
