// SPDX-License-Identifier: Apache-2.0
// Randomness as a value (L1, pure): either what the shell draws from the kernel, or ChaCha20's
// stream under a seed. The same seed gives the same bytes, so simulations replay; and so does a
// machine that is put back to a snapshot or runs twice from one, where the same nonce would seal
// two messages. A shell that seals must therefore give the kernel's. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "controller/base/key.h"

namespace kernmesh::path {

using Seed = SecretBytes<32>;
// Fills it with bytes that nobody can foretell and that come only once.
using Draw = void (*)(std::span<std::uint8_t>);

class RandomStream {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a seed is a whole stream
  RandomStream(const Seed& seed) : seed_(seed) {}
  explicit RandomStream(Draw draw) : draw_(draw) {}
  // A copy would say the same again.
  RandomStream(const RandomStream&) = delete;
  RandomStream& operator=(const RandomStream&) = delete;
  RandomStream(RandomStream&&) = default;
  RandomStream& operator=(RandomStream&&) = default;

  void fill(std::span<std::uint8_t> out);
  Seed seed();
  // Another stream of the same source, which says nothing that this one says.
  RandomStream split() { return draw_ != nullptr ? RandomStream(draw_) : RandomStream(seed()); }

  template <std::size_t N>
  std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out;
    fill(out);
    return out;
  }

 private:
  Draw draw_ = nullptr;  // null: the seed's stream
  Seed seed_;
  std::uint64_t calls_ = 0;  // the stream's 64-bit nonce: a fresh stream for each call
};

}  // namespace kernmesh::path
