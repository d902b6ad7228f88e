// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/cls_bpf.h"

#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "controller/bpf/cls_bpf_codec.h"

namespace kernmesh::bpf::cls_bpf {
namespace {

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

bpf_tc_attach_point attach_point(Hook hook) {
  return hook == Hook::kIngress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

std::uint32_t parent(Hook hook) {
  return TC_H_MAKE(TC_H_CLSACT, hook == Hook::kIngress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

int take_filter(const nlmsghdr* message, void* data) {
  if (const auto filter = decode_filter(*message)) {
    static_cast<std::vector<HookEntry>*>(data)->push_back(*filter);
  }
  return MNL_CB_OK;
}

// As people know it, where it still has a name.
std::string name_of(IfIndex interface) {
  std::array<char, IF_NAMESIZE> name{};
  const bool known = if_indextoname(interface.value(), name.data()) != nullptr;
  return known ? std::string(name.data()) : "number " + to_string(interface);
}

bpf_tc_hook make_hook(IfIndex interface, bpf_tc_attach_point point) {
  bpf_tc_hook hook{};
  hook.sz = sizeof(hook);
  hook.ifindex = static_cast<int>(interface.value());
  hook.attach_point = point;
  return hook;
}

}  // namespace

Result<std::vector<HookEntry>> query(IfIndex interface, Hook hook) {
  const std::unique_ptr<mnl_socket, CloseSocket> socket(
      mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  const std::string attempt = "list filters of interface " + name_of(interface);
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return Error::from_errno(attempt, errno);
  }
  std::vector<char> buffer(32768);
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETTFILTER;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request->nlmsg_seq = 1;
  auto* tc = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(tcmsg)));
  tc->tcm_family = AF_UNSPEC;
  tc->tcm_ifindex = static_cast<int>(interface.value());
  tc->tcm_parent = parent(hook);
  if (mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
    return Error::from_errno(attempt, errno);
  }
  std::vector<HookEntry> filters;
  for (int state = MNL_CB_OK; state > MNL_CB_STOP;) {
    const ssize_t n = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::from_errno(attempt, errno);
    state = mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), 1,
                       mnl_socket_get_portid(socket.get()), take_filter, &filters);
    if (state < 0) return Error::from_errno(attempt, errno);
  }
  return filters;
}

Status set(IfIndex interface, Hook hook, int program_fd, std::uint32_t handle) {
  bpf_tc_hook where = make_hook(interface, attach_point(hook));
  const std::string attempt = "attach with cls_bpf to interface " + name_of(interface);
  if (const int rc = bpf_tc_hook_create(&where); rc != 0 && rc != -EEXIST) {
    return Error::from_errno(
        attempt +
            (rc == -EPERM
                 ? " (needs CAP_NET_ADMIN)"
                 : " (needs CONFIG_NET_SCH_INGRESS, which Debian's kernels from 6.1 on have)"),
        -rc);
  }
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE,
              .handle = handle, .priority = kPriority);
  if (const int rc = bpf_tc_attach(&where, &options); rc != 0) {
    return Error::from_errno(attempt +
                                 " (needs CONFIG_NET_CLS_BPF and priority 1 free of other "
                                 "kinds of filters)",
                             -rc);
  }
  return {};
}

Status erase(IfIndex interface, Hook hook, const HookEntry& filter) {
  bpf_tc_hook where = make_hook(interface, attach_point(hook));
  LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter.handle, .priority = filter.priority);
  if (const int rc = bpf_tc_detach(&where, &options);
      rc != 0 && rc != -ENOENT && rc != -ENODEV && rc != -EINVAL) {
    return Error::from_errno("detach cls_bpf from interface " + to_string(interface), -rc);
  }
  for (const Hook side : {Hook::kIngress, Hook::kEgress}) {
    const auto left = query(interface, side);
    if (!left || !left->empty()) return {};
  }
  where = make_hook(interface, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  (void)bpf_tc_hook_destroy(&where);  // gone already, or somebody else's: nothing of ours is in it
  return {};
}

}  // namespace kernmesh::bpf::cls_bpf
