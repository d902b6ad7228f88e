// SPDX-License-Identifier: Apache-2.0
// Fixed-size records from a ring buffer of the programs' (L2). Not thread-safe.
#pragma once

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::bpf {

// Record is a layout of bpf/abi.
template <typename Record>
class Ring {
  static_assert(std::is_trivially_copyable_v<Record>);

 public:
  static Result<Ring> open(int map_fd) {
    Ring ring;
    ring.received_ = std::make_unique<std::vector<Record>>();
    ring.buffer_.reset(ring_buffer__new(map_fd, receive, ring.received_.get(), nullptr));
    if (!ring.buffer_) return Error::from_errno("open the programs' event buffer", errno);
    return ring;
  }

  // Readable when read() has something to return. Owned by the ring.
  int fd() const { return ring_buffer__epoll_fd(buffer_.get()); }

  // Everything that waits, without blocking; bounded by the size of the buffer.
  Result<std::vector<Record>> read() {
    received_->clear();
    if (const int n = ring_buffer__consume(buffer_.get()); n < 0) {
      return Error::from_errno("read the programs' events", -n);
    }
    return std::exchange(*received_, {});
  }

 private:
  struct Free {
    void operator()(ring_buffer* buffer) const { ring_buffer__free(buffer); }
  };
  Ring() = default;
  static int receive(void* context, void* data, std::size_t size) {
    Record record;
    if (size < sizeof(record)) return 0;
    std::memcpy(&record, data, sizeof(record));
    static_cast<std::vector<Record>*>(context)->push_back(record);
    return 0;
  }
  // On the heap, because the kernel library keeps its address.
  std::unique_ptr<std::vector<Record>> received_;
  std::unique_ptr<ring_buffer, Free> buffer_;
};

}  // namespace kernmesh::bpf
