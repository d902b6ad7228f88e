// SPDX-License-Identifier: Apache-2.0
// Frames of the underlay device as the agent's packet socket may get them. What is read as a
// message lies within the frame, and a frame made of it for its peer holds it again.
#include <algorithm>
#include <cstdlib>

#include "controller/agent/synthetic_frame.h"

using namespace kernmesh;         // NOLINT
using namespace kernmesh::agent;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes frame(data, data + size);  // of its own, so that a byte past its end is noticed
  const auto read = read_synthetic_frame(frame);
  if (read.message.empty() || read.peer == NodeId()) return 0;  // to nobody
  const auto* end = read.message.data() + read.message.size();
  if (read.message.data() < frame.data() || end > frame.data() + frame.size()) std::abort();
  Bytes again = synthetic_frame(read.peer, read.message);
  if (again.empty()) {
    if (frame.size() <= kMostSyntheticFrame) std::abort();
    return 0;
  }
  // Made as if it came from the peer; read, it would have to go to him.
  std::swap_ranges(again.begin() + 26, again.begin() + 30, again.begin() + 30);
  const auto there = read_synthetic_frame(again);
  if (there.peer != read.peer || !std::equal(there.message.begin(), there.message.end(),
                                             read.message.begin(), read.message.end()))
    std::abort();
  return 0;
}
