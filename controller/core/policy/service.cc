// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/service.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "controller/base/nearest.h"
#include "controller/core/policy/diagnostic.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

struct NamedProtocol {
  std::string_view name;
  std::uint8_t number;
};

// IANA, "Protocol Numbers". The first name of a number is the one it is printed with.
constexpr std::array kProtocols = {
    NamedProtocol{"icmp", kProtocolIcmp},
    NamedProtocol{"igmp", 2},
    NamedProtocol{"ipv4", 4},
    NamedProtocol{"ip-in-ip", 4},
    NamedProtocol{"tcp", kProtocolTcp},
    NamedProtocol{"egp", 8},
    NamedProtocol{"igp", 9},
    NamedProtocol{"udp", kProtocolUdp},
    NamedProtocol{"gre", 47},
    NamedProtocol{"esp", 50},
    NamedProtocol{"ah", 51},
    NamedProtocol{"ipv6-icmp", kProtocolIcmpV6},
    NamedProtocol{"sctp", kProtocolSctp},
};

Error invalid_service(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > most) {
    return std::nullopt;
  }
  return value;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number(trimmed(text), 65535);
  if (!port) return invalid_service(quoted(text) + " is not a port; a port is 1 to 65535");
  if (*port == 0) return invalid_service("port 0 is not a port; all ports are written \"*\"");
  return static_cast<std::uint16_t>(*port);
}

Result<PortRange> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  MESH_TRY_ASSIGN(const std::uint16_t first, parse_port(text.substr(0, dash)));
  if (dash == std::string_view::npos) return PortRange{first, first};
  MESH_TRY_ASSIGN(const std::uint16_t last, parse_port(text.substr(dash + 1)));
  if (first > last) {
    return invalid_service("the range " + quoted(text) + " ends before it begins; write " +
                           quoted(std::to_string(last) + "-" + std::to_string(first)));
  }
  return PortRange{first, last};
}

std::vector<PortRange> merged(std::vector<PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<PortRange> result;
  for (const PortRange& range : ranges) {
    if (!result.empty() && range.first <= result.back().last + 1) {
      result.back().last = std::max(result.back().last, range.last);
    } else {
      result.push_back(range);
    }
  }
  return result;
}

bool is_all(const std::vector<PortRange>& ports) {
  return ports.size() == 1 && ports.front() == kAllPorts;
}

}  // namespace

const std::vector<std::uint8_t>& default_protocols() {
  static const std::vector<std::uint8_t> kDefault = {kProtocolIcmp, kProtocolTcp, kProtocolUdp,
                                                     kProtocolIcmpV6};
  return kDefault;
}

bool has_ports(std::uint8_t protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kProtocolSctp;
}

Result<std::vector<PortRange>> parse_ports(std::string_view text) {
  if (trimmed(text) == "*") return std::vector{kAllPorts};
  if (trimmed(text).empty()) {
    return invalid_service("the ports are missing; write 443, 80-443, 22,443 or * for all");
  }
  std::vector<PortRange> ranges;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    MESH_TRY_ASSIGN(const PortRange range, parse_range(text.substr(begin, end - begin)));
    ranges.push_back(range);
    begin = end + 1;
  }
  return merged(std::move(ranges));
}

Result<std::vector<std::uint8_t>> parse_protocols(std::string_view text) {
  const std::string name = lowered(trimmed(text));
  if (name.empty()) return default_protocols();
  for (const NamedProtocol& known : kProtocols) {
    if (known.name == name) return std::vector{known.number};
  }
  // A leading zero is what somebody writes who means octal, or who means nothing.
  const auto number = parse_number(name, 255);
  if (number && name.front() != '0') return std::vector{static_cast<std::uint8_t>(*number)};
  std::vector<std::string> names;
  names.reserve(kProtocols.size());
  for (const NamedProtocol& known : kProtocols) names.emplace_back(known.name);
  const std::string meant = nearest(name, names);
  return invalid_service("there is no protocol " + quoted(text) +
                         (meant.empty()
                              ? "; write a number from 1 to 255 or one of " + joined(names)
                              : "; did you mean " + quoted(meant) + "?"));
}

Result<Service> parse_grant_service(std::string_view text) {
  const std::string_view entry = trimmed(text);
  const std::size_t colon = entry.find(':');
  if (colon == std::string_view::npos) {
    auto ports = parse_ports(entry);
    if (!ports && !entry.empty() && parse_protocols(entry)) {
      return invalid_service(quoted(text) + " names no ports; did you mean " +
                             quoted(std::string(entry) + ":*") + "?");
    }
    if (!ports) return ports.error().with_context("in " + quoted(text));
    return Service{default_protocols(), std::move(*ports)};
  }
  if (trimmed(entry.substr(0, colon)).empty()) {
    return invalid_service("in " + quoted(text) + ": no protocol before the colon");
  }
  auto protocols = parse_protocols(entry.substr(0, colon));
  if (!protocols) return protocols.error().with_context("in " + quoted(text));
  auto ports = parse_ports(entry.substr(colon + 1));
  if (!ports) return ports.error().with_context("in " + quoted(text));
  if (!has_ports(protocols->front()) && !is_all(*ports)) {
    return invalid_service(quoted(text) + ": " + protocol_name(protocols->front()) +
                           " has no ports; write " +
                           quoted(protocol_name(protocols->front()) + ":*"));
  }
  return Service{std::move(*protocols), std::move(*ports)};
}

std::string protocol_name(std::uint8_t protocol) {
  for (const NamedProtocol& known : kProtocols) {
    if (known.number == protocol) return std::string(known.name);
  }
  return std::to_string(protocol);
}

std::string to_string(const std::vector<PortRange>& ports) {
  if (is_all(ports)) return "*";
  std::string text;
  for (const PortRange& range : ports) {
    if (!text.empty()) text += ",";
    text += std::to_string(range.first);
    if (range.last != range.first) text += "-" + std::to_string(range.last);
  }
  return text;
}

}  // namespace kernmesh::policy
