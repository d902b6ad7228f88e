// SPDX-License-Identifier: Apache-2.0
// What the server keeps of the network lock (L2, plain values). A node's endorsement is a part of
// its record.
#pragma once

#include <array>
#include <cstdint>

#include "controller/base/byte_order.h"
#include "controller/base/clock.h"
#include "controller/base/ids.h"

namespace kernmesh::store {

// Written once and never changed or removed; its number is one above the highest of before.
struct LockStatementRecord {
  std::uint64_t number = 0;  // from 1, over all locks that there were
  Bytes bytes;               // core/lock/statement.h
  bool operator==(const LockStatementRecord&) const = default;
};

// Names a statement (core/lock/statement.h).
struct LockDigest {
  std::array<std::uint8_t, 32> bytes{};
  auto operator<=>(const LockDigest&) const = default;
};

// A statement that lacks signatures, or something else.
struct LockProposalRecord {
  LockDigest digest;
  Bytes bytes;
  WallTime created_at{};
  Revision written;
  bool operator==(const LockProposalRecord&) const = default;
};

}  // namespace kernmesh::store
