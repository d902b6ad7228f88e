// SPDX-License-Identifier: Apache-2.0
// Binding requests that the program in the kernel does not answer (L3).
#pragma once

#include <optional>
#include <span>

#include "controller/base/byte_order.h"
#include "controller/core/relay/source_quota.h"

namespace kernmesh::relay {

class StunAnswers {
 public:
  StunAnswers();
  // Nothing: it is no request, or that source has asked too often.
  std::optional<Bytes> answer_to(std::span<const std::uint8_t> datagram, const Endpoint& source,
                                 MonoTime now);
  std::uint64_t count() const { return count_; }

 private:
  SourceQuota quota_;
  std::uint64_t count_ = 0;
};

}  // namespace kernmesh::relay
