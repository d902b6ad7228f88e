// SPDX-License-Identifier: Apache-2.0
#include "controller/bpf/cls_bpf_codec.h"

#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>

namespace kernmesh::bpf::cls_bpf {
namespace {

// Reads TCA_OPTIONS of a bpf filter.
int read_options(const nlattr* attribute, void* data) {
  if (mnl_attr_get_type(attribute) == TCA_BPF_ID &&
      mnl_attr_validate(attribute, MNL_TYPE_U32) >= 0) {
    static_cast<HookEntry*>(data)->program_id = mnl_attr_get_u32(attribute);
  }
  return MNL_CB_OK;
}

int read_attribute(const nlattr* attribute, void* data) {
  if (mnl_attr_get_type(attribute) == TCA_OPTIONS) {
    mnl_attr_parse_nested(attribute, read_options, data);
  }
  return MNL_CB_OK;
}

}  // namespace

std::optional<HookEntry> decode_filter(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWTFILTER || message.nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg))) {
    return std::nullopt;
  }
  const auto* tc = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(&message));
  if (tc->tcm_handle == 0) return std::nullopt;
  HookEntry filter{.priority = tc->tcm_info >> 16, .handle = tc->tcm_handle};
  mnl_attr_parse(&message, sizeof(*tc), read_attribute, &filter);
  return filter;
}

}  // namespace kernmesh::bpf::cls_bpf
