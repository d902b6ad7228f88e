// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/host_check.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <string>

#include "controller/agent/host_view.h"
#include "controller/host/capabilities.h"
#include "controller/netlink/wireguard.h"

namespace kernmesh::agent {
namespace {

constexpr std::pair<int, int> kOldestRelease{6, 1};
// Where a kernel with CONFIG_DEBUG_INFO_BTF shows its types, which BPF programs are fitted to.
constexpr const char* kKernelTypes = "/sys/kernel/btf/vmlinux";

}  // namespace

Status check_release(std::string_view release) {
  std::pair<int, int> found;
  const char* const end = release.data() + release.size();
  const auto major = std::from_chars(release.data(), end, found.first);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return {};
  if (std::from_chars(major.ptr + 1, end, found.second).ec != std::errc()) return {};
  if (found >= kOldestRelease) return {};
  return Error(ErrorCode::kUnsupported, "this kernel is Linux " + std::string(release) +
                                            "; the mesh needs 6.1 or later (Debian 12 has it)");
}

Status check_host() {
  MESH_TRY(host::require_capabilities(std::array{host::kNetAdmin, host::kSysAdmin}));
  MESH_TRY(check_release(kernel_release()));
  if (access(kKernelTypes, R_OK) != 0) {
    return Error(ErrorCode::kUnsupported,
                 std::string("this kernel does not show its types in ") + kKernelTypes +
                     " (CONFIG_DEBUG_INFO_BTF); Debian's kernels from 6.1 on do");
  }
  MESH_TRY(netlink::WireguardSocket::open());
  return {};
}

}  // namespace kernmesh::agent
