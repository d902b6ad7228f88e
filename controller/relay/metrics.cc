// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/metrics.h"

namespace kernmesh::relay {
namespace {

void head(std::string& out, const char* name, const char* type, const char* meaning) {
  out += std::string("# HELP ") + name + " " + meaning + "\n# TYPE " + name + " " + type + "\n";
}

void single(std::string& out, const char* name, const char* type, const char* meaning,
            std::uint64_t value) {
  head(out, name, type, meaning);
  out += std::string(name) + " " + std::to_string(value) + "\n";
}

void labelled(std::string& out, const char* name, const char* label, std::string_view which,
              std::uint64_t value) {
  out += std::string(name) + "{" + label + "=\"" + std::string(which) + "\"} " +
         std::to_string(value) + "\n";
}

}  // namespace

std::string render_metrics(const Numbers& numbers) {
  std::string out;
  single(out, "kernmesh_relay_clients", "gauge", "Clients that are bound.", numbers.clients);
  single(out, "kernmesh_relay_channels", "gauge", "Channels, live or waiting for the peer.",
         numbers.channels);
  single(out, "kernmesh_relay_tls_connections", "gauge", "Clients on TLS.",
         numbers.tls_connections);
  single(out, "kernmesh_relay_draining", "gauge", "1 when nobody is let in any more.",
         numbers.draining ? 1 : 0);
  single(out, "kernmesh_relay_forwarded_in_userspace_total", "counter",
         "Data that the daemon forwarded.", numbers.counts.forwarded);
  single(out, "kernmesh_relay_stun_in_userspace_total", "counter",
         "Binding requests that the daemon answered.", numbers.stun_answers);
  constexpr const char* kControl = "kernmesh_relay_control_total";
  head(out, kControl, "counter", "Control messages by what became of them.");
  const SessionCounts& counts = numbers.counts;
  for (const auto& [which, value] : {std::pair{"challenged", counts.challenges},
                                     {"bound", counts.binds},
                                     {"refused", counts.refusals},
                                     {"forbidden_address", counts.forbidden},
                                     {"over_quota", counts.over_quota},
                                     {"malformed", counts.malformed},
                                     {"not_authentic", counts.not_authentic},
                                     {"replayed", counts.replayed},
                                     {"no_channel", counts.no_channel},
                                     {"unknown", numbers.unknown_datagrams}}) {
    labelled(out, kControl, "result", which, value);
  }
  if (!numbers.kernel.empty()) {
    constexpr const char* kKernel = "kernmesh_relay_packets_total";
    head(out, kKernel, "counter", "Packets in the kernel's program by how they ended.");
    for (const auto& counter : numbers.kernel) {
      labelled(out, kKernel, "reason", counter.reason.label, counter.packets);
    }
  }
  if (!numbers.ports.empty()) {
    constexpr const char* kPort = "kernmesh_relay_interface";
    head(out, kPort, "gauge", "1 for the mode in which an interface carries the program.");
    for (const auto& port : numbers.ports) {
      out += std::string(kPort) + "{interface=\"" + port.interface + "\",mode=\"" + port.mode +
             "\"} 1\n";
    }
  }
  return out;
}

}  // namespace kernmesh::relay
