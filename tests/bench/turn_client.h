// SPDX-License-Identifier: Apache-2.0
// As much of TURN (RFC 8656) as a benchmark against coturn needs: one allocation without
// credentials and one channel (benchmark support). Blocking.
#pragma once

#include "controller/base/byte_order.h"
#include "controller/base/ip.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::relay::bench {

class TurnClient {
 public:
  // `fd` is a UDP socket that is connected to the server. Data goes to and comes from `peer`.
  static Result<TurnClient> allocate(UniqueFd fd, const Endpoint& peer);
  int fd() const { return fd_.get(); }
  const Endpoint& relayed() const { return relayed_; }
  Bytes wrap(std::span<const std::uint8_t> message) const;

 private:
  UniqueFd fd_;
  Endpoint relayed_;
};

}  // namespace kernmesh::relay::bench
