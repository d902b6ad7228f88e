// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/event_stream.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "bpf/abi/underlay.h"
#include "controller/bpf/convert.h"

namespace kernmesh::bpf {
namespace {

int receive(void* context, void* data, std::size_t size) {
  mesh_unknown_initiation e;
  if (size < sizeof(e)) return 0;
  std::memcpy(&e, data, sizeof(e));
  static_cast<std::vector<UnknownInitiation>*>(context)->push_back(
      {.source = {from_abi(e.src), port_from_be(e.sport)},
       .destination = from_abi(e.dst),
       .interface = IfIndex(e.ifindex),
       .at = MonoTime(std::chrono::nanoseconds(e.boot_ns))});
  return 0;
}

}  // namespace

void EventStream::Free::operator()(ring_buffer* ring) const { ring_buffer__free(ring); }

Result<EventStream> EventStream::open(int map_fd) {
  EventStream stream;
  stream.received_ = std::make_unique<std::vector<UnknownInitiation>>();
  stream.ring_.reset(ring_buffer__new(map_fd, receive, stream.received_.get(), nullptr));
  if (!stream.ring_) return Error::from_errno("open the programs' event buffer", errno);
  return stream;
}

int EventStream::fd() const { return ring_buffer__epoll_fd(ring_.get()); }

Result<std::vector<UnknownInitiation>> EventStream::read() {
  received_->clear();
  if (const int n = ring_buffer__consume(ring_.get()); n < 0) {
    return Error::from_errno("read the programs' events", -n);
  }
  return std::exchange(*received_, {});
}

}  // namespace kernmesh::bpf
