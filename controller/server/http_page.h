// SPDX-License-Identifier: Apache-2.0
// The pages for machines under the names of this folder (L3); it lives where other daemons find it,
// too.
#pragma once

#include "controller/host/http_page.h"

namespace kernmesh::server {

using host::HttpPages;
using host::HttpServer;
using host::start_http_server;

}  // namespace kernmesh::server
