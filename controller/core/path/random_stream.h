// SPDX-License-Identifier: Apache-2.0
// Randomness as a value (L1, pure): ChaCha20's stream under a seed that the shell draws from the
// kernel once. The same seed gives the same bytes, so simulations replay; a shell must therefore
// never use a seed twice, or nonces repeat. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "controller/base/key.h"

namespace kernmesh::path {

using Seed = SecretBytes<32>;

class RandomStream {
 public:
  explicit RandomStream(const Seed& seed) : seed_(seed) {}
  void fill(std::span<std::uint8_t> out);

  template <std::size_t N>
  std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out;
    fill(out);
    return out;
  }

 private:
  Seed seed_;
  std::uint64_t calls_ = 0;  // the stream's 64-bit nonce: a fresh stream for each call
};

}  // namespace kernmesh::path
