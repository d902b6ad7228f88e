// SPDX-License-Identifier: Apache-2.0
// Version 3 of the maps' layout, frozen (L2). Version 4 gave `locals` a second meaning and a reason
// a number in the middle; all else is the same but for the version's number itself.
#pragma once

#include "controller/bpf/layout.h"

namespace kernmesh::bpf {

extern const Layout kLayout3;

}  // namespace kernmesh::bpf
