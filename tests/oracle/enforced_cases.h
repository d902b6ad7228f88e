// SPDX-License-Identifier: Apache-2.0
// Policies, packets and verdicts by hand: one list that everything that enforces or reads a policy
// is held to. The network is node 1 (tagged tag:us, serves 10.1.0.0/24 and fd01::/64), node 2 of
// ada, node 3 of bob (routes 10.33.0.0/16) and node 4 of cyd; packets arrive at node 1.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace kernmesh::policy {

struct EnforcedPacket {
  const char* source;
  const char* destination;
  std::uint8_t protocol;
  std::uint16_t port;
  std::uint32_t line;  // of the rule that admits it; 0: dropped
};

struct EnforcedCase {
  const char* name;
  std::string_view policy;
  std::vector<EnforcedPacket> packets;
};

inline const std::vector<EnforcedCase>& enforced_cases() {
  static const std::vector<EnforcedCase> cases = {
      {"ports and protocols of a grant",
       R"({"grants": [
{"src": ["ada@example.com"], "dst": ["100.64.0.1"], "ip": ["tcp:80", "udp:53", "icmp:*"]},
{"src": ["bob@example.com"], "dst": ["100.64.0.1"], "ip": ["tcp:1000-2000"]}]})",
       {{"100.64.0.2", "100.64.0.1", 6, 80, 2},
        {"100.64.0.2", "100.64.0.1", 6, 81, 0},
        {"100.64.0.2", "100.64.0.1", 6, 79, 0},
        {"100.64.0.2", "100.64.0.1", 17, 80, 0},
        {"100.64.0.2", "100.64.0.1", 17, 53, 2},
        {"100.64.0.2", "100.64.0.1", 1, 0, 2},
        {"100.64.0.2", "100.64.0.1", 132, 80, 0},
        {"100.64.0.2", "100.64.0.1", 47, 0, 0},
        {"100.64.0.3", "100.64.0.1", 6, 999, 0},
        {"100.64.0.3", "100.64.0.1", 6, 1000, 3},
        {"100.64.0.3", "100.64.0.1", 6, 2000, 3},
        {"100.64.0.3", "100.64.0.1", 6, 2001, 0},
        {"100.64.0.3", "100.64.0.1", 1, 0, 0},
        {"100.64.0.4", "100.64.0.1", 6, 80, 0},
        {"fd7a:115c:a1e0::2", "fd7a:115c:a1e0::1", 6, 80, 0}}},
      {"a tag is both addresses of its nodes",
       R"({"tagOwners": {"tag:us": []}, "acls": [
{"action": "accept", "src": ["ada@example.com"], "dst": ["tag:us:22"]}]})",
       {{"100.64.0.2", "100.64.0.1", 6, 22, 2},
        {"fd7a:115c:a1e0::2", "fd7a:115c:a1e0::1", 6, 22, 2},
        {"fd7a:115c:a1e0::2", "fd7a:115c:a1e0::1", 17, 22, 2},
        {"fd7a:115c:a1e0::2", "fd7a:115c:a1e0::1", 132, 22, 0},
        {"fd7a:115c:a1e0::2", "fd7a:115c:a1e0::1", 58, 0, 0},
        {"fd7a:115c:a1e0::2", "fd7a:115c:a1e0::1", 6, 23, 0},
        {"100.64.0.2", "10.1.0.1", 6, 22, 0},
        {"100.64.0.3", "100.64.0.1", 6, 22, 0}}},
      {"subnets on either side",
       R"({"acls": [
{"action": "accept", "src": ["10.33.1.0/24"], "dst": ["10.1.0.0/25:*"]},
{"action": "accept", "src": ["10.33.0.0/16"], "dst": ["10.1.0.0/24:443"]},
{"action": "accept", "src": ["*"], "dst": ["fd01::/64:5432"]}]})",
       {{"10.33.1.1", "10.1.0.127", 6, 22, 2},
        {"10.33.1.1", "10.1.0.127", 1, 0, 2},
        {"10.33.1.1", "10.1.0.128", 6, 22, 0},
        {"10.33.1.1", "10.1.0.128", 6, 443, 3},
        {"10.33.2.1", "10.1.0.1", 6, 443, 3},
        {"10.33.2.1", "10.1.0.1", 6, 22, 0},
        {"10.33.255.255", "10.1.0.255", 6, 443, 3},
        {"10.34.0.0", "10.1.0.1", 6, 443, 0},
        {"10.33.2.1", "10.1.1.0", 6, 443, 0},
        {"10.33.2.1", "100.64.0.1", 6, 443, 0},
        {"100.64.0.3", "10.1.0.1", 6, 443, 0},
        {"fd7a:115c:a1e0::4", "fd01::7", 6, 5432, 4},
        {"fd7a:115c:a1e0::4", "fd01:0:0:1::7", 6, 5432, 0},
        {"fd7a:115c:a1e0::4", "fd7a:115c:a1e0::1", 6, 5432, 0}}},
      {"protocols without ports are open where all ports are",
       R"({"grants": [
{"src": ["ada@example.com"], "dst": ["100.64.0.1"], "ip": ["47:*", "132:36412"]},
{"src": ["bob@example.com"], "dst": ["100.64.0.1"], "ip": ["*"]}]})",
       {{"100.64.0.2", "100.64.0.1", 47, 0, 2},
        {"100.64.0.2", "100.64.0.1", 50, 0, 0},
        {"100.64.0.2", "100.64.0.1", 132, 36412, 2},
        {"100.64.0.2", "100.64.0.1", 132, 36413, 0},
        {"100.64.0.2", "100.64.0.1", 6, 36412, 0},
        {"100.64.0.3", "100.64.0.1", 6, 1, 3},
        {"100.64.0.3", "100.64.0.1", 6, 65535, 3},
        {"100.64.0.3", "100.64.0.1", 1, 0, 3}}},
      {"a policy without rules admits nobody",
       R"({"acls": []})",
       {{"100.64.0.2", "100.64.0.1", 6, 80, 0},
        {"100.64.0.3", "100.64.0.1", 17, 53, 0},
        {"fd7a:115c:a1e0::4", "fd7a:115c:a1e0::1", 58, 0, 0}}},
  };
  return cases;
}

}  // namespace kernmesh::policy
