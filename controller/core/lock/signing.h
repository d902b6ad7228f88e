// SPDX-License-Identifier: Apache-2.0
// Digests under a label, so that what is signed for one purpose is of no use for another (L1, pure,
// private to this folder).
#pragma once

#include <sodium.h>

#include <span>
#include <string_view>

#include "controller/core/lock/statement.h"

namespace kernmesh::lock {

inline Bytes labelled(std::string_view label, std::span<const std::uint8_t> content) {
  Bytes out(label.begin(), label.end());
  put_bytes(out, content);
  return out;
}

inline Digest digest_of(const Bytes& bytes) {
  Digest digest;
  crypto_generichash(digest.data(), digest.size(), bytes.data(), bytes.size(), nullptr, 0);
  return digest;
}

}  // namespace kernmesh::lock
