// SPDX-License-Identifier: Apache-2.0
// A process for each UPnP attempt (L2): this program once more, with bounds on its memory and time,
// without capabilities, and with none of the descriptors and secrets of the one that began it. What
// a hostile gateway sends ends there.
#pragma once

#include <chrono>
#include <optional>

#include "controller/core/portmap/upnp_talk.h"

namespace kernmesh::portmap {

// The search takes 2 s for each of four kinds of device when nobody answers; the rest is for the
// gateway's description and for up to seven calls, which one at home answers in milliseconds.
inline constexpr auto kUpnpTime = std::chrono::seconds(20);
// Above what the program has when it begins; a description has some ten kilobytes.
inline constexpr std::size_t kUpnpMemoryBytes = 16 << 20;

// First in main() of a program that is to make such attempts. A value: this process is one, has
// made its attempt, and ends with that status.
std::optional<int> upnp_process(int argc, char** argv);

// Waits for as long as said. kUnsupported in a program whose main() did not begin as said above;
// kUnavailable when the process did not end in time.
Result<Grant> ask_in_process(const UpnpTask& task);

}  // namespace kernmesh::portmap
