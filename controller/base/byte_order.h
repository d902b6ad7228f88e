// SPDX-License-Identifier: Apache-2.0
// Writing and reading records of the wire: big-endian numbers and raw bytes (L0).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace kernmesh {

using Bytes = std::vector<std::uint8_t>;

inline void put_number(Bytes& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

template <typename Range>
void put_bytes(Bytes& out, const Range& bytes) {
  const std::size_t at = out.size();
  out.resize(at + bytes.size());  // insert() draws a false -Warray-bounds from GCC 12
  std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
}

// Takes from the front; once it has run short it stays short and gives zeros.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> rest) : rest_(rest) {}
  bool ran_short() const { return short_; }
  std::span<const std::uint8_t> rest() const { return rest_; }

  template <std::size_t N>
  std::array<std::uint8_t, N> take() {
    std::array<std::uint8_t, N> out{};
    if (rest_.size() < N) {
      short_ = true;
      rest_ = {};
      return out;
    }
    std::copy_n(rest_.begin(), N, out.begin());
    rest_ = rest_.subspan(N);
    return out;
  }
  template <std::size_t N>
  std::uint64_t take_number() {
    std::uint64_t value = 0;
    for (const auto byte : take<N>()) value = value << 8 | byte;
    return value;
  }

 private:
  std::span<const std::uint8_t> rest_;
  bool short_ = false;
};

}  // namespace kernmesh
