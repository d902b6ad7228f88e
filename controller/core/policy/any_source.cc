// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/any_source.h"

namespace kernmesh::policy {

AddressSet any_of(const std::vector<Prefix>& overlay) {
  AddressSet addresses(overlay);
  addresses.remove(*Prefix::parse("100.115.92.0/23"));
  return addresses;
}

}  // namespace kernmesh::policy
