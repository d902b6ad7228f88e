// SPDX-License-Identifier: Apache-2.0
// Leaves this version's state behind for a build of another one (L2), which cannot know how to read
// it: pins of that version's maps, filled.
#pragma once

#include <cstdint>
#include <string>

#include "controller/base/result.h"
#include "controller/bpf/succession.h"

namespace kernmesh::bpf {

// From this version's pins; what is running goes on and is not changed. Shared maps stay one, so
// what happens in them until the other build starts is not lost to it; of converted ones it has
// what was there now. Replaces what an earlier export left. kUnsupported: this build does not know
// that version. kNotFound: this version has no pins.
Result<Carried> export_layout(const std::string& instance, std::uint32_t version);

}  // namespace kernmesh::bpf
