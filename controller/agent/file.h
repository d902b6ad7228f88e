// SPDX-License-Identifier: Apache-2.0
// Files of the state directory (L3): read whole, replaced whole or not at all.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::agent {

// nullopt when there is no such file. kExhausted past `most` bytes.
Result<std::optional<std::string>> read_file(const std::string& path, std::size_t most);

// Written beside the old one, synced, then renamed over it; 0600. On any error (disk full, say) the
// old file is untouched.
Status replace_file(const std::string& path, std::string_view bytes);

// Makes it if need be and sets its time of modification to now; not synced.
Status touch_file(const std::string& path);
// When it was modified; 1970 when there is none or it cannot be looked at.
WallTime file_time(const std::string& path);

// Success when there is none.
Status remove_file(const std::string& path);

// Creates the directory with 0700, or checks that an existing one is ours and closes it to others.
// The returned lock is for the process's life: keys must not serve two agents. kAlreadyExists when
// another has it.
Result<UniqueFd> prepare_state_dir(const std::string& path);

}  // namespace kernmesh::agent
