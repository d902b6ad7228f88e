// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/random_stream.h"

#include <sodium.h>

namespace kernmesh::path {

void RandomStream::fill(std::span<std::uint8_t> out) {
  if (draw_ != nullptr) return draw_(out);
  std::array<std::uint8_t, crypto_stream_chacha20_NONCEBYTES> nonce{};
  for (std::size_t i = 0; i < nonce.size(); ++i)
    nonce[i] = static_cast<std::uint8_t>(calls_ >> (8 * i));
  ++calls_;
  crypto_stream_chacha20(out.data(), out.size(), nonce.data(), seed_.bytes().data());
}

Seed RandomStream::seed() {
  Seed out;
  fill(out.mutable_bytes());
  return out;
}

}  // namespace kernmesh::path
