// SPDX-License-Identifier: Apache-2.0
// Log lines as JSON objects with time, level and message (L3).
#pragma once

#include <spdlog/formatter.h>

#include <memory>

namespace kernmesh::server {

std::unique_ptr<spdlog::formatter> make_json_formatter();

}  // namespace kernmesh::server
