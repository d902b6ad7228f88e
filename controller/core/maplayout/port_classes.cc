// SPDX-License-Identifier: Apache-2.0
#include "controller/core/maplayout/port_classes.h"

#include <algorithm>
#include <utility>

namespace kernmesh::maplayout {
namespace {

constexpr std::uint32_t kPorts = 65536;

// Where a service begins to open ports of a protocol, and where it no longer does.
struct Edge {
  std::uint32_t port;
  std::uint32_t service;
  bool operator==(const Edge&) const = default;
};

std::vector<std::pair<std::uint32_t, std::uint32_t>> joined(const OpenService& service) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
  for (const auto range : service.ports) ranges.emplace_back(range >> 16, range & 0xffff);
  std::sort(ranges.begin(), ranges.end());
  std::size_t kept = 0;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first <= ranges[kept].second + 1) {
      ranges[kept].second = std::max(ranges[kept].second, ranges[i].second);
    } else {
      ranges[++kept] = ranges[i];
    }
  }
  if (!ranges.empty()) ranges.resize(kept + 1);
  return ranges;
}

bool holds(std::span<const std::uint32_t> protocols, std::uint8_t protocol) {
  return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
}

class PortReader {
 public:
  PortReader(const OpenRules& rules, const std::vector<bool>& is_used, WorkBudget& budget)
      : rules_(rules), is_used_(is_used), budget_(budget) {}

  Result<PortClasses> run() {
    signatures_.reserve(rules_.services.size());
    read_services();
    place_whole_protocols();
    for (std::size_t i = 0; i < kPortProtocols.size() && is_bounded_; ++i) {
      if (i > 0 && opening_[i] == opening_[i - 1] && closing_[i] == closing_[i - 1]) {
        // Most rules open a port to TCP and UDP alike.
        result_.ports[i] = result_.ports[i - 1];
        result_.protocols[kPortProtocols[i]] = result_.protocols[kPortProtocols[i - 1]];
      } else {
        place_ports(i);
      }
    }
    result_.count = signatures_.size();
    if (result_.count > kPorts) {
      return Error(ErrorCode::kExhausted, "the rules tell " + std::to_string(result_.count - 1) +
                                              " kinds of ports apart, at most 65535 can be; open "
                                              "ranges of ports instead of single ones");
    }
    if (!is_bounded_ || !budget_.spend(signatures_.words())) {
      return Error(ErrorCode::kExhausted,
                   "the rules' port ranges overlap in too many ways; use the same ranges in more "
                   "rules");
    }
    list_services();
    return std::move(result_);
  }

 private:
  void read_services() {
    for (std::uint32_t id = 1; id < rules_.services.size(); ++id) {
      if (!is_used_[id]) continue;
      const OpenService service = to_service(rules_.services.list(id));
      if (service.opens_all_ports) {
        for (const auto protocol : service.protocols) {
          auto& services = open_[protocol & 0xff];
          if (services.empty() || services.back() != id) services.push_back(id);
        }
      }
      for (std::size_t i = 0; i < kPortProtocols.size(); ++i) {
        if (holds(service.protocols, kPortProtocols[i])) add_edges(i, service, id);
      }
    }
  }

  void add_edges(std::size_t index, const OpenService& service, std::uint32_t id) {
    auto& opening = opening_[index];
    auto& closing = closing_[index];
    if (opening.empty()) {
      opening.reserve(rules_.services.size());
      closing.reserve(rules_.services.size());
    }
    if (service.ports.size() == 1) {
      opening.push_back({service.ports[0] >> 16, id});
      closing.push_back({(service.ports[0] & 0xffff) + 1, id});
      return;
    }
    for (const auto& [first, last] : joined(service)) {
      opening.push_back({first, id});
      closing.push_back({last + 1, id});
    }
  }

  void place_whole_protocols() {
    for (std::size_t protocol = 0; protocol < open_.size(); ++protocol) {
      if (policy::has_ports(static_cast<std::uint8_t>(protocol))) continue;
      result_.protocols[protocol] = class_of(open_[protocol]);
    }
  }

  void place_ports(std::size_t index) {
    const auto opening = by_port(opening_[index]), closing = by_port(closing_[index]);
    std::vector<std::uint32_t> active;
    std::vector<std::uint16_t> table(kPorts);
    bool is_one_class = true;
    std::size_t opened = 0, closed = 0;
    for (std::uint32_t port = 0; port < kPorts && is_bounded_;) {
      for (; closed < closing.size() && closing[closed].port == port; ++closed) {
        active.erase(std::lower_bound(active.begin(), active.end(), closing[closed].service));
      }
      for (; opened < opening.size() && opening[opened].port == port; ++opened) {
        const auto service = opening[opened].service;
        active.insert(std::lower_bound(active.begin(), active.end(), service), service);
      }
      std::uint32_t next = kPorts;
      if (opened < opening.size()) next = opening[opened].port;
      if (closed < closing.size()) next = std::min(next, closing[closed].port);
      const std::uint16_t port_class = class_of(active);
      std::fill(table.begin() + port, table.begin() + next, port_class);
      is_one_class = is_one_class && port == 0 && next == kPorts;
      port = next;
    }
    if (is_one_class) {
      result_.protocols[kPortProtocols[index]] = table[0];
    } else {
      result_.ports[index] = std::move(table);
    }
  }

  // Counting sort: there are few ports and may be many edges.
  static std::vector<Edge> by_port(const std::vector<Edge>& edges) {
    if (edges.empty()) return {};
    std::vector<std::uint32_t> starts(kPorts + 2, 0);
    for (const Edge& edge : edges) ++starts[edge.port + 1];
    for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    std::vector<Edge> sorted(edges.size());
    for (const Edge& edge : edges) sorted[starts[edge.port]++] = edge;
    return sorted;
  }

  // 0 when there are too many, which run() sees.
  std::uint16_t class_of(const std::vector<std::uint32_t>& services) {
    is_bounded_ = is_bounded_ && budget_.spend(services.size() + 1) &&
                  signatures_.words() + services.size() < WorkBudget::kSignatureWords &&
                  signatures_.size() <= kPorts;
    return is_bounded_ ? static_cast<std::uint16_t>(signatures_.intern(services)) : 0;
  }

  void list_services() {
    auto& stretches = result_.service_classes;
    stretches.resize(rules_.services.size());
    for (std::uint32_t id = 1; id < signatures_.size(); ++id) {
      for (const auto service : signatures_.list(id)) ++stretches[service].count;
    }
    std::uint32_t first = 0;
    for (auto& stretch : stretches) {
      stretch.first = first;
      first += std::exchange(stretch.count, 0);
    }
    result_.classes.resize(first);
    for (std::uint32_t id = 1; id < signatures_.size(); ++id) {
      for (const auto service : signatures_.list(id)) {
        auto& stretch = stretches[service];
        result_.classes[stretch.first + stretch.count++] = id;
      }
    }
  }

  const OpenRules& rules_;
  const std::vector<bool>& is_used_;
  WorkBudget& budget_;
  PortClasses result_;
  ListInterner signatures_;  // lists of services; the number is the class
  // By the place of their protocol in kPortProtocols, as the services have them.
  std::array<std::vector<Edge>, kPortProtocols.size()> opening_, closing_;
  std::vector<std::vector<std::uint32_t>> open_{256};  // by protocol: services that open it whole
  bool is_bounded_ = true;
};

}  // namespace

Result<PortClasses> port_classes(const OpenRules& rules, const std::vector<bool>& is_used,
                                 WorkBudget& budget) {
  return PortReader(rules, is_used, budget).run();
}

}  // namespace kernmesh::maplayout
