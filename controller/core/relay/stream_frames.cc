// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/stream_frames.h"

namespace kernmesh::relay {

void put_frame(Bytes& out, std::span<const std::uint8_t> datagram) {
  if (datagram.empty() || datagram.size() > kMostFramed) return;
  put_number(out, datagram.size(), kFrameLengthBytes);
  put_bytes(out, datagram);
}

FrameReader::Verdict FrameReader::take(
    std::span<const std::uint8_t> bytes,
    const std::function<void(std::span<const std::uint8_t>)>& on_datagram) {
  rest_.insert(rest_.end(), bytes.begin(), bytes.end());
  std::size_t at = 0;
  while (rest_.size() - at >= kFrameLengthBytes) {
    const std::size_t length = rest_[at] << 8 | rest_[at + 1];
    if (length == 0 || length > kMostFramed) return Verdict::kHostile;
    if (rest_.size() - at < kFrameLengthBytes + length) break;
    on_datagram(std::span<const std::uint8_t>(rest_).subspan(at + kFrameLengthBytes, length));
    at += kFrameLengthBytes + length;
  }
  rest_.erase(rest_.begin(), rest_.begin() + static_cast<std::ptrdiff_t>(at));
  return Verdict::kGood;
}

}  // namespace kernmesh::relay
