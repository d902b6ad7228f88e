// SPDX-License-Identifier: Apache-2.0
// By libnatpmp, which paces the questions (RFC 6886 section 3.1).
#include <arpa/inet.h>
#include <natpmp.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>

#include "controller/portmap/attempts.h"

namespace kernmesh::portmap {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(4);  // for each of two questions

class Session {
 public:
  explicit Session(const IpAddress& gateway) : gateway_(gateway) {
    in_addr_t address = 0;
    std::memcpy(&address, gateway.bytes().data(), sizeof(address));
    opened_ = initnatpmp(&natpmp_, 1, address);
  }
  ~Session() {
    if (opened_ == 0) closenatpmp(&natpmp_);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  natpmp_t* get() { return &natpmp_; }
  Status opened() const { return opened_ == 0 ? Status() : error_of(opened_); }

  // The answer to the question that was sent.
  Result<natpmpresp_t> answer() {
    const auto deadline = Clock::now() + kPatience;
    natpmpresp_t response{};
    for (;;) {
      const int code = readnatpmpresponseorretry(&natpmp_, &response);
      if (code == 0) return response;
      if (code != NATPMP_TRYAGAIN) return error_of(code);
      timeval wait{};
      getnatpmprequesttimeout(&natpmp_, &wait);
      const auto left = deadline - Clock::now();
      if (left <= Duration{}) return error_of(NATPMP_ERR_NOGATEWAYSUPPORT);
      // Negative when the library is late to ask again.
      const Duration until_retry =
          std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
      const auto next = std::clamp<Duration>(until_retry, Duration{}, left);
      pollfd ready{natpmp_.s, POLLIN, 0};
      poll(&ready, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next).count()));
    }
  }

  Error error_of(int code) const {
    const std::string from = to_string(Endpoint{gateway_, kGatewayPort});
    switch (code) {
      case NATPMP_ERR_NOGATEWAYSUPPORT:
      case NATPMP_ERR_RECVFROM:
        return Error(ErrorCode::kUnavailable, "no answer from " + from);
      case NATPMP_ERR_NOTAUTHORIZED:
        return Error(ErrorCode::kPermissionDenied, from + " does not allow it");
      case NATPMP_ERR_UNSUPPORTEDVERSION:
      case NATPMP_ERR_UNSUPPORTEDOPCODE:
        return Error(ErrorCode::kUnsupported, from + " does not speak it");
      case NATPMP_ERR_NETWORKFAILURE:
        return Error(ErrorCode::kUnavailable, from + " has no external address itself");
      case NATPMP_ERR_OUTOFRESOURCES:
        return Error(ErrorCode::kExhausted, from + " has no port left");
      default:
        return Error(ErrorCode::kSystem,
                     "ask " + from + ": libnatpmp's error " + std::to_string(code));
    }
  }

 private:
  const IpAddress gateway_;
  natpmp_t natpmp_{};
  int opened_ = 0;
};

}  // namespace

Result<Grant> try_nat_pmp(const Attempt& attempt) {
  Session session(attempt.gateway.address);
  MESH_TRY(session.opened());
  if (const int code = sendpublicaddressrequest(session.get()); code < 0)
    return session.error_of(code);
  MESH_TRY_ASSIGN(const auto address, session.answer());
  if (address.type != NATPMP_RESPTYPE_PUBLICADDRESS)
    return Error(ErrorCode::kInvalid, "the gateway answers another question");
  const auto wish = attempt.wish ? attempt.wish->port : attempt.internal;
  const auto lifetime = static_cast<std::uint32_t>(attempt.lifetime.count());
  // The wish has to be 0 to take a mapping away (RFC 6886 section 3.4).
  if (const int code =
          sendnewportmappingrequest(session.get(), NATPMP_PROTOCOL_UDP, attempt.internal.value(),
                                    lifetime == 0 ? 0 : wish.value(), lifetime);
      code < 0)
    return session.error_of(code);
  MESH_TRY_ASSIGN(const auto mapped, session.answer());
  if (mapped.type != NATPMP_RESPTYPE_UDPPORTMAPPING ||
      mapped.pnu.newportmapping.privateport != attempt.internal.value())
    return Error(ErrorCode::kInvalid, "the gateway answers another question");
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &address.pnu.publicaddress.addr, bytes.size());
  return Grant{{IpAddress::from_v4_bytes(bytes), Port(mapped.pnu.newportmapping.mappedpublicport)},
               std::chrono::seconds(mapped.pnu.newportmapping.lifetime),
               mapped.epoch};
}

}  // namespace kernmesh::portmap
