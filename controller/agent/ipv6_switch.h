// SPDX-License-Identifier: Apache-2.0
// Whether an administrator left IPv6 on (L3): a kernel may have none, and every interface has a
// switch of its own.
#pragma once

#include <string>

#include "controller/core/reconcile/desired.h"

namespace kernmesh::agent {

// For an interface of the calling thread's network namespace. Of one without a switch (it is not
// there, or its MTU is below IPv6's smallest) what new interfaces get.
reconcile::Ipv6 read_ipv6(const std::string& interface);

}  // namespace kernmesh::agent
