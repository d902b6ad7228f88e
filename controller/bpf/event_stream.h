// SPDX-License-Identifier: Apache-2.0
// Handshake initiations from unknown sources, as the programs report them (L2). Not thread-safe.
#pragma once

#include <memory>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/result.h"

struct ring_buffer;

namespace kernmesh::bpf {

// Somebody who wants to talk and whose address no path explains. Not authenticated, may be forged.
struct UnknownInitiation {
  Endpoint source;
  IpAddress destination;
  IfIndex interface;
  MonoTime at;
};

class EventStream {
 public:
  static Result<EventStream> open(int ring_buffer_map_fd);

  // Readable when read() has something to return. Owned by the stream.
  int fd() const;
  // Everything that waits, without blocking; bounded by the size of the buffer.
  Result<std::vector<UnknownInitiation>> read();

 private:
  struct Free {
    void operator()(ring_buffer* ring) const;
  };
  EventStream() = default;
  // On the heap, because the kernel library keeps its address.
  std::unique_ptr<std::vector<UnknownInitiation>> received_;
  std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace kernmesh::bpf
