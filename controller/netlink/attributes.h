// SPDX-License-Identifier: Apache-2.0
// Walking netlink attributes with every length checked (L2, internal to this folder). libmnl's own
// macro is C only and trusts the caller for the bounds.
#pragma once

#include <libmnl/libmnl.h>

#include <algorithm>
#include <climits>

#include "controller/base/result.h"

namespace kernmesh::netlink {

// Calls visit(const nlattr*) -> Status for each attribute in `bytes` bytes from `first`; stops at
// its first error. kCorrupt when an attribute's length does not fit.
template <typename Visit>
Status for_each_attribute(const void* first, std::size_t bytes, Visit visit) {
  const auto* position = static_cast<const char*>(first);
  while (bytes > 0) {
    const auto* attr = reinterpret_cast<const nlattr*>(position);
    if (bytes > INT_MAX || !mnl_attr_ok(attr, static_cast<int>(bytes))) {
      return Error(ErrorCode::kCorrupt, "a netlink attribute's length does not fit its message");
    }
    MESH_TRY(visit(attr));
    const std::size_t step = std::min<std::size_t>(MNL_ALIGN(attr->nla_len), bytes);
    bytes -= step;
    position += step;
  }
  return {};
}

template <typename Visit>
Status for_each_nested(const nlattr* nest, Visit visit) {
  return for_each_attribute(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), visit);
}

}  // namespace kernmesh::netlink
