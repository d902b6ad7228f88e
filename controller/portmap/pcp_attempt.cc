// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>

#include "controller/base/unique_fd.h"
#include "controller/portmap/attempts.h"

namespace kernmesh::portmap {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array kWaits{std::chrono::milliseconds(250), std::chrono::milliseconds(500),
                            std::chrono::milliseconds(1000), std::chrono::milliseconds(2000)};

sockaddr_in to_sockaddr(const IpAddress& address, Port port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port.value());
  std::memcpy(&out.sin_addr, address.bytes().data(), sizeof(out.sin_addr));
  return out;
}

// Connected: the kernel drops what does not come from the gateway's port.
Result<UniqueFd> connect_to(const Gateway& gateway) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno("make a UDP socket", errno);
  const auto local = to_sockaddr(gateway.local, Port());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0)
    return Error::from_errno("send from " + to_string(gateway.local), errno);
  const auto remote = to_sockaddr(gateway.address, kGatewayPort);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&remote), sizeof(remote)) != 0)
    return Error::from_errno("send to " + to_string(gateway.address), errno);
  return fd;
}

// What an answer to this attempt grants; nullopt when it is to something else.
std::optional<Result<Grant>> read_answer(std::span<const std::uint8_t> bytes,
                                         const Attempt& attempt) {
  const auto parsed = parse_answer(bytes);
  if (const auto* defect = std::get_if<Defect>(&parsed)) {
    const bool older = *defect == Defect::kOtherVersion;
    return Error(older ? ErrorCode::kUnsupported : ErrorCode::kInvalid,
                 "the gateway's answer is " + std::string(to_string(*defect)));
  }
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    constexpr std::uint8_t kNotAuthorized = 2;
    return Error(
        refusal->result == kNotAuthorized ? ErrorCode::kPermissionDenied : ErrorCode::kUnsupported,
        "the gateway answers \"" + std::string(result_text(refusal->result)) + "\"");
  }
  const auto& answer = std::get<MapAnswer>(parsed);
  if (answer.nonce != attempt.nonce || answer.internal != attempt.internal) return std::nullopt;
  return Grant{answer.external, std::chrono::seconds(answer.lifetime_s), answer.epoch_s};
}

// Reads until an answer to the attempt comes or the time is over.
std::optional<Result<Grant>> await_answer(int fd, const Attempt& attempt, Duration time) {
  const auto deadline = Clock::now() + time;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return std::nullopt;
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
    std::array<std::uint8_t, kMostAnswerBytes + 1> buffer;
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == ECONNREFUSED)
      return Error(ErrorCode::kUnavailable, "no answer: nobody listens at the gateway");
    if (size < 0) return Error::from_errno("read the gateway's answer", errno);
    const auto bytes = std::span(buffer).first(static_cast<std::size_t>(size));
    if (auto answer = read_answer(bytes, attempt)) return answer;
  }
}

}  // namespace

Result<Grant> try_pcp(const Attempt& attempt) {
  MESH_TRY_ASSIGN(const auto fd, connect_to(attempt.gateway));
  const auto bytes =
      to_bytes(MapRequest{static_cast<std::uint32_t>(attempt.lifetime.count()),
                          attempt.gateway.local, attempt.nonce, attempt.internal, attempt.wish});
  for (const auto wait : kWaits) {
    if (send(fd.get(), bytes.data(), bytes.size(), 0) < 0)
      return Error::from_errno("send to " + to_string(attempt.gateway.address), errno);
    if (const auto answer = await_answer(fd.get(), attempt, wait)) return *answer;
  }
  return Error(ErrorCode::kUnavailable,
               "no answer from " + to_string(Endpoint{attempt.gateway.address, kGatewayPort}));
}

}  // namespace kernmesh::portmap
