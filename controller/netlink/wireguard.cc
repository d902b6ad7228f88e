// SPDX-License-Identifier: Apache-2.0
#include "controller/netlink/wireguard.h"

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>

#include <array>
#include <cerrno>
#include <vector>

#include "controller/netlink/attributes.h"
#include "controller/netlink/wireguard_codec.h"

namespace kernmesh::netlink {
namespace {

constexpr std::string_view kNoDriver =
    "this kernel has no WireGuard driver (CONFIG_WIREGUARD, module \"wireguard\"); Debian's "
    "kernels "
    "from 6.1 on have it, try `modprobe wireguard`";

// The text of an acknowledgement's extended ack, when the kernel sent one.
std::string extended_ack(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
  std::size_t offset = sizeof(nlmsgerr);
  if ((message->nlmsg_flags & NLM_F_CAPPED) == 0)
    offset += MNL_ALIGN(error->msg.nlmsg_len) - sizeof(nlmsghdr);
  if (offset >= mnl_nlmsg_get_payload_len(message)) return "";
  std::string text;
  const Status read = for_each_attribute(
      mnl_nlmsg_get_payload_offset(message, offset), mnl_nlmsg_get_payload_len(message) - offset,
      [&](const nlattr* attr) -> Status {
        if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
            mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0) {
          text = std::string(" (") + mnl_attr_get_str(attr) + ")";
        }
        return {};
      });
  return read ? text : "";
}

nlmsghdr* put_genl(std::span<std::uint8_t> buffer, std::uint16_t family, std::uint16_t flags,
                   std::uint8_t command) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
  header->nlmsg_type = family;
  header->nlmsg_flags = flags;
  auto* genl = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header, sizeof(genlmsghdr)));
  genl->cmd = command;
  genl->version = 1;
  return header;
}

}  // namespace

Status create_wireguard(const RouteSocket& private_socket, std::string_view name,
                        int host_netns_fd) {
  Owned<rtnl_link> link(rtnl_link_alloc());
  if (!link) return no_memory();
  rtnl_link_set_name(link.get(), std::string(name).c_str());
  rtnl_link_set_type(link.get(), "wireguard");
  rtnl_link_set_ns_fd(link.get(), host_netns_fd);
  const int e = rtnl_link_add(private_socket.get(), link.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (e == -NLE_OPNOTSUPP) {
    return Error(ErrorCode::kUnsupported, "cannot create WireGuard interface " + std::string(name) +
                                              ": " + std::string(kNoDriver));
  }
  if (e < 0) return nl_error("cannot create WireGuard interface " + std::string(name), e);
  return {};
}

void WireguardSocket::SocketDeleter::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

Result<WireguardSocket> WireguardSocket::open() {
  std::unique_ptr<mnl_socket, SocketDeleter> socket(
      mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC));
  if (!socket) return Error::from_errno("cannot open a generic netlink socket", errno);
  int on = 1;
  mnl_socket_setsockopt(socket.get(), NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket.get(), NETLINK_CAP_ACK, &on, sizeof on);
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return Error::from_errno("cannot bind a generic netlink socket", errno);
  }
  WireguardSocket self(std::move(socket), GENL_ID_CTRL);
  std::array<std::uint8_t, 256> buffer{};
  nlmsghdr* header = put_genl(buffer, GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, CTRL_CMD_GETFAMILY);
  mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
  std::uint16_t family = 0;
  const Status found = self.transact(
      std::span(buffer.data(), header->nlmsg_len), [&](const nlmsghdr* answer) -> Status {
        return for_each_attribute(mnl_nlmsg_get_payload_offset(answer, sizeof(genlmsghdr)),
                                  mnl_nlmsg_get_payload_len(answer) - sizeof(genlmsghdr),
                                  [&](const nlattr* attr) -> Status {
                                    if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
                                        mnl_attr_validate(attr, MNL_TYPE_U16) >= 0) {
                                      family = mnl_attr_get_u16(attr);
                                    }
                                    return {};
                                  });
      });
  if (!found && found.error().code() != ErrorCode::kNotFound) return found.error();
  if (family == 0) return Error(ErrorCode::kUnsupported, std::string(kNoDriver));
  self.family_ = family;
  return self;
}

Status WireguardSocket::transact(std::span<const std::uint8_t> message,
                                 const std::function<Status(const nlmsghdr*)>& on_data) {
  std::vector<std::uint8_t> copy(message.begin(), message.end());
  auto* header = reinterpret_cast<nlmsghdr*>(copy.data());
  header->nlmsg_seq = ++sequence_;
  const ssize_t sent = mnl_socket_sendto(socket_.get(), copy.data(), copy.size());
  const int send_errno = errno;
  if (sent < 0) return Error::from_errno("cannot send to the WireGuard driver", send_errno);

  constexpr std::size_t kAnswerBytes = 1 << 16;
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kAnswerBytes);
  Status read;  // the first error of on_data; the rest of a dump is still drained
  while (true) {
    const ssize_t received = mnl_socket_recvfrom(socket_.get(), buffer.get(), kAnswerBytes);
    if (received < 0) return Error::from_errno("cannot read the WireGuard driver's answer", errno);
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer.get());
    for (int left = static_cast<int>(received); mnl_nlmsg_ok(answer, left);
         answer = mnl_nlmsg_next(answer, &left)) {
      if (answer->nlmsg_seq != sequence_) continue;  // of a request that was given up
      if (answer->nlmsg_type == NLMSG_DONE) return read;
      if (answer->nlmsg_type == NLMSG_ERROR) {
        const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer));
        if (error->error == 0) return read;
        return Error::from_errno(
            "the kernel refused a generic netlink request" + extended_ack(answer), -error->error);
      }
      if (read) read = on_data(answer);
    }
  }
}

Result<reconcile::WireguardDevice> WireguardSocket::dump(IfIndex device) {
  std::array<std::uint8_t, 256> buffer{};
  nlmsghdr* header =
      put_genl(buffer, family_, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP, WG_CMD_GET_DEVICE);
  mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, device.value());
  reconcile::WireguardDevice state;
  const Status read = transact(
      std::span(buffer.data(), header->nlmsg_len),
      [&](const nlmsghdr* answer) { return decode_device(answer, answer->nlmsg_len, state); });
  if (!read) return read.error().with_context("reading WireGuard interface " + to_string(device));
  return state;
}

Status WireguardSocket::apply(IfIndex device, const reconcile::WireguardChange& change,
                              const X25519SecretKey& private_key) {
  DeviceSettings settings;
  if (change.set_private_key) settings.private_key = &private_key;
  settings.listen_port = change.listen_port;
  const auto send = [this](std::span<const std::uint8_t> message) {
    return transact(message, [](const nlmsghdr*) { return Status(); });
  };
  const Status applied = encode_change(family_, device, settings, change, send);
  if (!applied)
    return applied.error().with_context("configuring WireGuard interface " + to_string(device));
  return {};
}

Status WireguardSocket::greet(IfIndex device, const NodePublicKey& peer) {
  const auto send = [this](std::span<const std::uint8_t> message) {
    return transact(message, [](const nlmsghdr*) { return Status(); });
  };
  constexpr std::uint16_t kAnyInterval = 25;
  MESH_TRY(encode_keepalive(family_, device, peer, kAnyInterval, send));
  return encode_keepalive(family_, device, peer, 0, send);
}

Status WireguardSocket::remove_all_peers(IfIndex device) {
  std::array<std::uint8_t, 256> buffer{};
  nlmsghdr* header = put_genl(buffer, family_, NLM_F_REQUEST | NLM_F_ACK, WG_CMD_SET_DEVICE);
  mnl_attr_put_u32(header, WGDEVICE_A_IFINDEX, device.value());
  mnl_attr_put_u32(header, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
  return transact(std::span(buffer.data(), header->nlmsg_len),
                  [](const nlmsghdr*) { return Status(); });
}

}  // namespace kernmesh::netlink
