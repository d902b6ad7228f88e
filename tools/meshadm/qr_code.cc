// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/qr_code.h"

#include <qrencode.h>

#include <memory>

namespace kernmesh::adm {
namespace {

constexpr std::size_t kQuietModules = 4;
// URLs of a sign-in have 60 to 200 bytes; a code of more does not fit on a terminal.
constexpr std::size_t kMostQrBytes = 500;
constexpr std::string_view kBlackOnWhite = "\x1b[30;107m";
constexpr std::string_view kOwnColours = "\x1b[0m";

struct FreeQrCode {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

bool is_dark(const QrModules& modules, std::size_t row, std::size_t column) {
  return row < modules.size() && modules[row][column];
}

}  // namespace

Result<QrModules> qr_modules(const std::string& text) {
  if (text.empty() || text.size() > kMostQrBytes) {
    return Error(ErrorCode::kInvalid, "no QR code of " + std::to_string(text.size()) + " bytes");
  }
  // The lowest level of error correction: a screen is not torn or stained.
  const std::unique_ptr<QRcode, FreeQrCode> code(
      QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_L));
  if (!code) return Error(ErrorCode::kInvalid, "libqrencode makes no QR code of the text");
  const auto width = static_cast<std::size_t>(code->width);
  const std::size_t side = width + 2 * kQuietModules;
  QrModules modules(side, std::vector<bool>(side, false));
  for (std::size_t row = 0; row < width; ++row) {
    for (std::size_t column = 0; column < width; ++column) {
      const bool is_set = (code->data[row * width + column] & 1) != 0;
      modules[row + kQuietModules][column + kQuietModules] = is_set;
    }
  }
  return modules;
}

std::string to_half_blocks(const QrModules& modules) {
  std::string out;
  for (std::size_t row = 0; row < modules.size(); row += 2) {
    out += kBlackOnWhite;
    for (std::size_t column = 0; column < modules.size(); ++column) {
      const bool upper = is_dark(modules, row, column);
      const bool lower = is_dark(modules, row + 1, column);
      out += upper ? (lower ? "█" : "▀") : (lower ? "▄" : " ");
    }
    out += kOwnColours;
    out += '\n';
  }
  return out;
}

}  // namespace kernmesh::adm
