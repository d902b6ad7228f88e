// SPDX-License-Identifier: Apache-2.0
#include "controller/host/capabilities.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

namespace kernmesh::host {

const Capability kNetAdmin{CAP_NET_ADMIN, "CAP_NET_ADMIN"};
const Capability kSysAdmin{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"};

Status require_capabilities(std::span<const Capability> needed) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (syscall(SYS_capget, &header, sets.data()) != 0)
    return Error::from_errno("read this process's capabilities", errno);
  std::string missing;
  for (const auto& capability : needed) {
    const auto bit = static_cast<unsigned>(capability.number);
    if ((sets.at(bit / 32).effective >> (bit % 32) & 1) != 0) continue;
    missing += (missing.empty() ? "" : " and ") + std::string(capability.name);
  }
  if (missing.empty()) return {};
  return Error(ErrorCode::kPermissionDenied,
               "this process lacks " + missing +
                   ": run it as root, or with the capabilities of its systemd unit");
}

}  // namespace kernmesh::host
