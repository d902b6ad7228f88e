// SPDX-License-Identifier: Apache-2.0
// Bounds a serialized message before it is unfolded (L2, pure). An element of a list may take two
// bytes on the wire and more than a hundred in memory: eight million empty peers fit into a message
// of 16 MiB, and would all be objects before anybody counts them.
#pragma once

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <string_view>

#include "controller/base/result.h"

namespace kernmesh::rpc {

// Over all lists of one message: 100,000 peers (convert.h) with two addresses and three endpoints
// each have 600,000.
inline constexpr std::size_t kMaxElements = 1'000'000;

// Counts the elements of repeated fields of `type` and of all messages in it; packed numbers take
// no more memory than a few times their bytes and are not counted. kExhausted beyond `most`,
// kCorrupt for bytes that are no message or are nested deeper than any of ours.
Status check_elements(std::string_view bytes, const google::protobuf::Descriptor& type,
                      std::size_t most = kMaxElements);

}  // namespace kernmesh::rpc
