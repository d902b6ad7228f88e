// SPDX-License-Identifier: Apache-2.0
// The gateway's UPnP device, asked by miniupnpc (L2): the search on the network, the descriptions
// in XML, the calls in SOAP. Blocking. The library keeps whatever it is sent and waits as long as
// something comes, so this is for a process that may come to harm (upnp_process.h).
#pragma once

#include "controller/core/portmap/upnp_talk.h"

namespace kernmesh::portmap {

// kUnavailable when no device is at the gateway or it does not answer, kUnsupported when it
// refuses.
Result<Grant> ask_device(const UpnpTask& task);

}  // namespace kernmesh::portmap
