// SPDX-License-Identifier: Apache-2.0
#include "controller/portmap/upnp_device.h"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>

#include <array>
#include <memory>
#include <string>

#include "controller/core/portmap/device_url.h"

namespace kernmesh::portmap {
namespace {

constexpr int kSearchMs = 2000;
constexpr unsigned char kSearchTtl = 2;  // the library's advice
// WANIPConnection: the port is another's; only mappings without an end are made.
constexpr int kConflict = 718;
constexpr int kOnlyPermanent = 725;

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

int add_mapping(const Device& device, const UpnpTask& task, Port external, bool for_ever) {
  return UPNP_AddPortMapping(
      device.urls.controlURL, device.type(), std::to_string(external.value()).c_str(),
      std::to_string(task.internal.value()).c_str(), to_string(task.gateway.local).c_str(),
      "kernmesh", "UDP", nullptr, for_ever ? "0" : std::to_string(task.lifetime.count()).c_str());
}

}  // namespace

Result<Grant> ask_device(const UpnpTask& task) {
  MESH_TRY_ASSIGN(const auto device, find_device(task.gateway));
  const char* control = device->urls.controlURL;
  if (task.lifetime.count() == 0) {
    const auto port = task.external.front();
    const int code = UPNP_DeletePortMapping(control, device->type(),
                                            std::to_string(port.value()).c_str(), "UDP", nullptr);
    if (code != UPNPCOMMAND_SUCCESS) return error_of(code);
    return Grant{{task.gateway.address, port}, {}, {}};
  }
  std::array<char, 64> text{};
  if (const int code = UPNP_GetExternalIPAddress(control, device->type(), text.data());
      code != UPNPCOMMAND_SUCCESS)
    return error_of(code);
  MESH_TRY_ASSIGN(const auto address, IpAddress::parse(text.data()));
  bool for_ever = false;
  int code = 0;
  for (const Port port : task.external) {
    code = add_mapping(*device, task, port, for_ever);
    if (code == kOnlyPermanent && !for_ever) {
      for_ever = true;
      code = add_mapping(*device, task, port, for_ever);
    }
    if (code == UPNPCOMMAND_SUCCESS)
      return Grant{{address, port}, for_ever ? std::chrono::seconds(0) : task.lifetime, {}};
    if (code != kConflict) break;
  }
  return error_of(code);
}

}  // namespace kernmesh::portmap
