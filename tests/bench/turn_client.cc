// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/turn_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <optional>

namespace kernmesh::relay::bench {
namespace {

constexpr std::uint16_t kAllocate = 0x0003, kChannelBind = 0x0009;  // RFC 8656 section 17
constexpr std::uint16_t kChannelNumber = 0x000c, kPeerAddress = 0x0012, kRelayed = 0x0016,
                        kTransport = 0x0019;
constexpr std::uint32_t kCookie = 0x2112a442;
constexpr std::uint16_t kChannel = 0x4000;

Bytes request(std::uint16_t type, const Bytes& attributes) {
  Bytes out;
  put_number(out, type, 2);
  put_number(out, attributes.size(), 2);
  put_number(out, kCookie, 4);
  for (std::uint8_t i = 0; i < 12; ++i) out.push_back(static_cast<std::uint8_t>(type + i));
  put_bytes(out, attributes);
  return out;
}

Bytes exchange(int fd, const Bytes& message) {
  Bytes answer(1500);
  for (int i = 0; i < 5; ++i) {
    if (::send(fd, message.data(), message.size(), 0) < 0) return {};
    pollfd entry{fd, POLLIN, 0};
    if (poll(&entry, 1, 500) <= 0) continue;
    const auto got = ::recv(fd, answer.data(), answer.size(), 0);
    answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return answer;
  }
  return {};
}

bool is_success(const Bytes& answer, std::uint16_t type) {
  return answer.size() >= 20 && (answer[0] << 8 | answer[1]) == (type | 0x0100);
}

std::optional<Endpoint> relayed_of(const Bytes& answer) {
  const std::span<const std::uint8_t> bytes(answer);
  ByteReader reader(bytes.subspan(20));
  while (reader.rest().size() >= 4) {
    const auto type = reader.take_number<2>();
    const auto length = reader.take_number<2>();
    if (type == kRelayed) {
      reader.take<2>();
      const auto port = static_cast<std::uint16_t>(reader.take_number<2>() ^ (kCookie >> 16));
      const auto address = static_cast<std::uint32_t>(reader.take_number<4>() ^ kCookie);
      if (reader.ran_short()) return std::nullopt;
      return Endpoint{IpAddress::from_v4_number(address), Port(port)};
    }
    for (std::uint64_t i = 0; i < (length + 3) / 4; ++i) reader.take<4>();
  }
  return std::nullopt;
}

}  // namespace

Result<TurnClient> TurnClient::allocate(UniqueFd fd, const Endpoint& peer) {
  Bytes transport;
  put_number(transport, kTransport, 2);
  put_number(transport, 4, 2);
  put_number(transport, 17U << 24, 4);
  const Bytes allocated = exchange(fd.get(), request(kAllocate, transport));
  const auto relayed = is_success(allocated, kAllocate) ? relayed_of(allocated) : std::nullopt;
  if (!relayed) return Error(ErrorCode::kUnavailable, "the TURN server allocates nothing");
  Bytes bind;
  put_number(bind, kChannelNumber, 2);
  put_number(bind, 4, 2);
  put_number(bind, std::uint32_t{kChannel} << 16, 4);
  put_number(bind, kPeerAddress, 2);
  put_number(bind, 8, 2);
  put_number(bind, 1, 2);
  put_number(bind, peer.port.value() ^ (kCookie >> 16), 2);
  put_number(bind, peer.address.to_v4_number() ^ kCookie, 4);
  if (!is_success(exchange(fd.get(), request(kChannelBind, bind)), kChannelBind)) {
    return Error(ErrorCode::kUnavailable, "the TURN server binds no channel");
  }
  TurnClient client;
  client.fd_ = std::move(fd);
  client.relayed_ = *relayed;
  return client;
}

Bytes TurnClient::wrap(std::span<const std::uint8_t> message) const {
  Bytes out;
  put_number(out, kChannel, 2);
  put_number(out, message.size(), 2);
  put_bytes(out, message);
  return out;
}

}  // namespace kernmesh::relay::bench
