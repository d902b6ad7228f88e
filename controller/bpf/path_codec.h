// SPDX-License-Identifier: Apache-2.0
// Paths and sources as the programs' maps hold them (L2). Pure functions.
#pragma once

#include "bpf/abi/underlay.h"
#include "controller/bpf/underlay.h"

namespace kernmesh::bpf {

// kInvalid as Underlay::set_path() says.
Result<mesh_path> encode(const Path& path);
Path decode(const mesh_path& path);

mesh_source encode(const Source& source);
Source decode(const mesh_source& source);

}  // namespace kernmesh::bpf
