// SPDX-License-Identifier: Apache-2.0
// What gateways tell everybody on the network (L2): UDP to 224.0.0.1, port 5350 (RFC 6886 section
// 3.2.1, RFC 6887 section 14.1).
#pragma once

#include <functional>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"
#include "controller/core/portmap/announcement.h"

namespace kernmesh::portmap {

class Announcements {
 public:
  // Beside other programs that listen there. Non-blocking.
  static Result<Announcements> open();
  // For poll.
  int fd() const { return fd_.get(); }

  // Reads what is pending, at most 16 datagrams. `from` is who says that he sent it.
  using Receive = std::function<void(const IpAddress& from, const Announcement&)>;
  void receive(const Receive& on_announcement);

 private:
  explicit Announcements(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace kernmesh::portmap
