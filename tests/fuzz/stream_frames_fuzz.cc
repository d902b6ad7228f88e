// SPDX-License-Identifier: Apache-2.0
// Feeds a stream to the reader of framed datagrams twice, whole and in pieces that the input itself
// chooses: both must come to the same datagrams and the same verdict, keep little, and what was
// read must be what is written again.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "controller/core/relay/stream_frames.h"

using namespace kernmesh;         // NOLINT
using namespace kernmesh::relay;  // NOLINT

namespace {

struct Seen {
  FrameReader reader;
  std::vector<Bytes> datagrams;
  bool is_good = true;
  void take(std::span<const std::uint8_t> bytes) {
    if (!is_good) return;
    const auto verdict = reader.take(bytes, [this](std::span<const std::uint8_t> datagram) {
      datagrams.emplace_back(datagram.begin(), datagram.end());
    });
    is_good = verdict == FrameReader::Verdict::kGood;
    if (is_good && reader.kept_bytes() >= kMostFramed + kFrameLengthBytes) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1U;
  const std::span stream(data + 1, size - 1);
  Seen whole, pieces;
  whole.take(stream);
  for (std::size_t at = 0; at < stream.size(); at += piece)
    pieces.take(stream.subspan(at, std::min(piece, stream.size() - at)));
  if (whole.is_good != pieces.is_good || whole.datagrams != pieces.datagrams) std::abort();
  Bytes again;
  for (const auto& datagram : whole.datagrams) put_frame(again, datagram);
  if (again.size() > stream.size() || !std::equal(again.begin(), again.end(), stream.begin()))
    std::abort();
  if (whole.is_good && again.size() + whole.reader.kept_bytes() != stream.size()) std::abort();
  return 0;
}
