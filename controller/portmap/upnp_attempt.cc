// SPDX-License-Identifier: Apache-2.0
// By miniupnpc: the search on the network, the descriptions in XML, the calls in SOAP.
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include <array>
#include <memory>
#include <string>

#include "controller/core/portmap/device_url.h"
#include "controller/portmap/attempts.h"

namespace kernmesh::portmap {
namespace {

constexpr int kSearchMs = 2000;
constexpr unsigned char kSearchTtl = 2;  // the library's advice
// WANIPConnection: the port is another's; only mappings without an end are made.
constexpr int kConflict = 718;
constexpr int kOnlyPermanent = 725;
constexpr int kOtherPortsTried = 3;

// Descriptions and control addresses of a gateway device, freed at the end.
struct Device {
  UPNPUrls urls{};
  IGDdatas data{};
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { FreeUPNPUrls(&urls); }
  const char* type() const { return data.first.servicetype; }
};

Error error_of(int code) {
  const char* text = strupnperror(code);
  const std::string what = text != nullptr ? text : "no answer";
  return Error(code > 0 ? ErrorCode::kUnsupported : ErrorCode::kUnavailable,
               "the gateway answers \"" + what + "\" (" + std::to_string(code) + ")");
}

// The gateway's own device. Others that answered the search are not looked at.
Result<std::unique_ptr<Device>> find_device(const Gateway& gateway) {
  int code = 0;
  const std::unique_ptr<UPNPDev, decltype(&freeUPNPDevlist)> found(
      upnpDiscover(kSearchMs, to_string(gateway.local).c_str(), nullptr, UPNP_LOCAL_PORT_ANY, 0,
                   kSearchTtl, &code),
      freeUPNPDevlist);
  for (const UPNPDev* device = found.get(); device != nullptr; device = device->pNext) {
    if (device->descURL == nullptr || !leads_to(device->descURL, gateway.address)) continue;
    auto out = std::make_unique<Device>();
    std::array<char, 64> local{};
    if (UPNP_GetIGDFromUrl(device->descURL, &out->urls, &out->data, local.data(),
                           static_cast<int>(local.size())) == 0)
      continue;
    const char* control = out->urls.controlURL;
    if (control != nullptr && leads_to(control, gateway.address) && *out->type() != '\0')
      return out;
  }
  return Error(ErrorCode::kUnavailable,
               "no gateway device answers at " + to_string(gateway.address));
}

int add_mapping(const Device& device, const Attempt& attempt, Port external, bool for_ever) {
  return UPNP_AddPortMapping(device.urls.controlURL, device.type(),
                             std::to_string(external.value()).c_str(),
                             std::to_string(attempt.internal.value()).c_str(),
                             to_string(attempt.gateway.local).c_str(), "kernmesh", "UDP", nullptr,
                             for_ever ? "0" : std::to_string(attempt.lifetime.count()).c_str());
}

// The wish, the internal port, or one that the nonce says.
Port candidate(const Attempt& attempt, int tried) {
  if (tried == 0) return attempt.wish ? attempt.wish->port : attempt.internal;
  const auto at = static_cast<std::size_t>(2 * tried);
  return Port(
      static_cast<std::uint16_t>(0x8000 | attempt.nonce.at(at) << 8 | attempt.nonce.at(at + 1)));
}

}  // namespace

Result<Grant> try_upnp(const Attempt& attempt) {
  MESH_TRY_ASSIGN(const auto device, find_device(attempt.gateway));
  const char* control = device->urls.controlURL;
  if (attempt.lifetime.count() == 0) {
    const auto port = candidate(attempt, 0);
    const int code = UPNP_DeletePortMapping(control, device->type(),
                                            std::to_string(port.value()).c_str(), "UDP", nullptr);
    if (code != UPNPCOMMAND_SUCCESS) return error_of(code);
    return Grant{{attempt.gateway.address, port}, {}, {}};
  }
  std::array<char, 64> text{};
  if (const int code = UPNP_GetExternalIPAddress(control, device->type(), text.data());
      code != UPNPCOMMAND_SUCCESS)
    return error_of(code);
  MESH_TRY_ASSIGN(const auto address, IpAddress::parse(text.data()));
  bool for_ever = false;
  int code = 0;
  for (int tried = 0; tried <= kOtherPortsTried; ++tried) {
    const Port port = candidate(attempt, tried);
    code = add_mapping(*device, attempt, port, for_ever);
    if (code == kOnlyPermanent && !for_ever) {
      for_ever = true;
      code = add_mapping(*device, attempt, port, for_ever);
    }
    if (code == UPNPCOMMAND_SUCCESS)
      return Grant{{address, port}, for_ever ? std::chrono::seconds(0) : attempt.lifetime, {}};
    if (code != kConflict) break;
  }
  return error_of(code);
}

Result<Grant> carry_out(const Attempt& attempt) {
  auto done = attempt.protocol == Protocol::kPcp      ? try_pcp(attempt)
              : attempt.protocol == Protocol::kNatPmp ? try_nat_pmp(attempt)
                                                      : try_upnp(attempt);
  if (!done) return done.error().with_context(to_string(attempt.protocol));
  return done;
}

}  // namespace kernmesh::portmap
