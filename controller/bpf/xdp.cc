// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <cerrno>

namespace kernmesh::bpf {
namespace {

constexpr IfIndex kLoopback(1);  // LOOPBACK_IFINDEX of the kernel's net/flow.h

std::uint32_t flag_of(XdpMode mode) {
  return mode == XdpMode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

Error attach_error(IfIndex interface, XdpMode mode, int code) {
  const std::string attempt = std::string("attach XDP (") +
                              (mode == XdpMode::kNative ? "native" : "generic") +
                              ") to interface " + to_string(interface);
  if (code == EOPNOTSUPP || code == EINVAL) {
    return {ErrorCode::kUnsupported, Error::from_errno(attempt, code).message()};
  }
  return Error::from_errno(attempt, code);
}

}  // namespace

Result<std::optional<XdpState>> query_xdp(IfIndex interface) {
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  if (const int rc = bpf_xdp_query(static_cast<int>(interface.value()), 0, &options); rc != 0) {
    return Error::from_errno("ask for XDP on interface " + to_string(interface), -rc);
  }
  const std::uint32_t id = options.prog_id;
  if (options.attach_mode == XDP_ATTACHED_NONE || id == 0) return std::optional<XdpState>();
  MESH_TRY_ASSIGN(const UniqueFd fd, program_by_id(id));
  XdpState state;
  state.mode = options.attach_mode == XDP_ATTACHED_SKB ? XdpMode::kGeneric : XdpMode::kNative;
  MESH_TRY_ASSIGN(state.program, program_info(fd.get()));
  return std::optional<XdpState>(std::move(state));
}

Status attach_xdp(IfIndex interface, XdpMode mode, const OwnProgram& program) {
  if (interface == kLoopback) return Error(ErrorCode::kInvalid, "XDP does not belong on lo");
  MESH_TRY_ASSIGN(const auto there, query_xdp(interface));
  LIBBPF_OPTS(bpf_xdp_attach_opts, options);
  std::uint32_t flags = flag_of(mode);
  UniqueFd old;
  if (there && !is_own(there->program, program)) {
    return Error(ErrorCode::kConflict, "interface " + to_string(interface) +
                                           " has another XDP program, " + there->program.name);
  }
  if (there && there->mode != mode) {
    MESH_TRY(detach_xdp(interface, program));
    flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
  } else if (there) {
    MESH_TRY_ASSIGN(old, program_by_id(there->program.id));
    options.old_prog_fd = old.get();
  } else {
    flags |= XDP_FLAGS_UPDATE_IF_NOEXIST;
  }
  const int rc = bpf_xdp_attach(static_cast<int>(interface.value()), program.fd, flags, &options);
  return rc == 0 ? Status() : attach_error(interface, mode, -rc);
}

Status detach_xdp(IfIndex interface, const OwnProgram& program) {
  const auto there = query_xdp(interface);
  if (!there || !*there || !is_own((*there)->program, program)) return {};
  MESH_TRY_ASSIGN(const UniqueFd old, program_by_id((*there)->program.id));
  LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = old.get());
  const int rc =
      bpf_xdp_detach(static_cast<int>(interface.value()), flag_of((*there)->mode), &options);
  if (rc == 0 || rc == -ENODEV) return {};
  return Error::from_errno("detach XDP from interface " + to_string(interface), -rc);
}

}  // namespace kernmesh::bpf
