// SPDX-License-Identifier: Apache-2.0
#include "controller/host/kernel_random.h"

#include <sodium.h>

namespace kernmesh::host {

path::RandomStream kernel_random() {
  // libsodium's source on Linux is getrandom(2), without a pool of its own.
  return path::RandomStream(
      [](std::span<std::uint8_t> out) { randombytes_buf(out.data(), out.size()); });
}

}  // namespace kernmesh::host
