// SPDX-License-Identifier: Apache-2.0
// A QR code for a terminal (libqrencode): two modules to a character, in half blocks of UTF-8,
// black on white whatever the terminal's own colours are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::adm {

// Dark modules are true; square, with the four light modules around that readers want (ISO/IEC
// 18004 section 9.1). kInvalid for a text that is too long.
using QrModules = std::vector<std::vector<bool>>;
Result<QrModules> qr_modules(const std::string& text);

// Lines with colours (ECMA-48) and line ends.
std::string to_half_blocks(const QrModules& modules);

}  // namespace kernmesh::adm
