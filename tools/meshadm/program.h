// SPDX-License-Identifier: Apache-2.0
// One run of meshadm, from the words of its command line to its exit status.
#pragma once

#include <string>
#include <vector>

#include "tools/meshadm/surroundings.h"

namespace kernmesh::adm {

// 0: done, 1: failed, 2: wrong usage. `arguments` without the program's name.
int run_program(const std::vector<std::string>& arguments, Surroundings& surroundings);

// Every command's --help, one after the other, in the order of the tree.
std::string help_of_everything();

}  // namespace kernmesh::adm
