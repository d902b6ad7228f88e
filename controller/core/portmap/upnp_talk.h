// SPDX-License-Identifier: Apache-2.0
// What the process that speaks UPnP is told, as arguments of a program, and what it answers, as one
// line (L1, pure). It reads what anybody on the network sends, so its answer is believed no more
// than that.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/base/result.h"
#include "controller/core/portmap/mapper.h"

namespace kernmesh::portmap {

inline constexpr std::size_t kMostUpnpAnswerBytes = 256;
inline constexpr std::size_t kMostUpnpPorts = 4;  // more are not tried when one is another's

struct UpnpTask {
  Gateway gateway;
  Port internal;
  std::chrono::seconds lifetime{};  // 0: take the mapping away
  std::vector<Port> external;       // in the order of trying; not empty
  bool operator==(const UpnpTask&) const = default;
};

// The wish, or the internal port; then those that the nonce says.
UpnpTask to_task(const Attempt& attempt);
std::vector<std::string> to_arguments(const UpnpTask& task);
// kInvalid.
Result<UpnpTask> parse_arguments(std::span<const std::string_view> arguments);

// "granted ADDRESS:PORT SECONDS", "unsupported WHY" or "unavailable WHY"; cut to what is read.
std::string to_answer(const Result<Grant>& outcome);
// kInvalid for one that is none; what it says may be an error as well.
Result<Grant> parse_answer(std::string_view answer);

}  // namespace kernmesh::portmap
