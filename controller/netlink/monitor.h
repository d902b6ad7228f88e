// SPDX-License-Identifier: Apache-2.0
// Kernel notifications about links, addresses, routes and rules (L2): what kind of thing changed,
// so that the agent reconciles instead of polling. The content is read afresh by the reader.
#pragma once

#include <cstdint>
#include <vector>

#include "controller/base/ids.h"
#include "controller/netlink/socket.h"

namespace kernmesh::netlink {

struct Changes {
  bool links = false;
  bool addresses = false;
  bool routes = false;
  bool rules = false;
  bool lost = false;  // the kernel dropped notifications: read everything again
  bool any() const { return links || addresses || routes || rules || lost; }
};

class Monitor {
 public:
  // Of the calling thread's network namespace. Non-blocking.
  static Result<Monitor> open();
  // For poll: readable when there are notifications.
  int fd() const;
  // Reads all that is pending and sums it up.
  Changes drain();

 private:
  explicit Monitor(Owned<nl_sock> socket) : socket_(std::move(socket)) {}
  Owned<nl_sock> socket_;
};

}  // namespace kernmesh::netlink
