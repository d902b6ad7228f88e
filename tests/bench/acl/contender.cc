// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/acl/contender.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "controller/bpf/acl.h"
#include "tests/bench/acl/policy.h"

namespace kernmesh::bench {
namespace {

std::string text_of(const Sender& sender) {
  char text[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &sender.address_be, text, sizeof(text));
  return text;
}

const char* name_of(Transport transport) { return transport == Transport::kTcp ? "tcp" : "udp"; }

// Rules for `command` from a file of the lane's own.
void apply(const Lane& lane, const std::string& command, const std::string& rules) {
  char name[] = "/tmp/kernmesh-bench-XXXXXX";
  const int fd = mkstemp(name);
  if (fd < 0) std::abort();
  close(fd);
  std::ofstream(name) << rules;
  lane.shell(command + " " + name);
  unlink(name);
}

std::string elements(const std::vector<Sender>& senders, const char* after_address) {
  std::string text;
  for (const auto& sender : senders) {
    if (!text.empty()) text += ", ";
    text += text_of(sender) + after_address + " . " + std::to_string(ntohs(sender.port_be));
  }
  return text;
}

// A packet that the first rule takes never meets the second.
constexpr const char* kCountMisses = "    counter name missed drop\n";

struct NftForm {
  std::string set;    // its declaration; empty: one rule a sender
  std::string match;  // and its use
};

NftForm nft_hash(Transport transport, const std::vector<Sender>& senders) {
  return {"  set allowed { type ipv4_addr . inet_service; elements = { " + elements(senders, "") +
              " } }\n",
          std::string("ip saddr . ") + name_of(transport) + " dport @allowed"};
}

// Ranges of one address each: what a set of prefixes is, at its smallest.
NftForm nft_interval(Transport transport, const std::vector<Sender>& senders) {
  return {"  set allowed { type ipv4_addr . inet_service; flags interval; elements = { " +
              elements(senders, "/32") + " } }\n",
          std::string("ip saddr . ") + name_of(transport) + " dport @allowed"};
}

std::string nft_rules(const NftForm& form, Transport transport, const std::vector<Sender>& senders,
                      const std::string& before) {
  if (!form.match.empty()) return "    " + before + form.match + " drop\n";
  std::string rules;
  for (const auto& sender : senders) {
    rules += "    " + before + "ip saddr " + text_of(sender) + " " + name_of(transport) +
             " dport " + std::to_string(ntohs(sender.port_be)) + " drop\n";
  }
  return rules;
}

std::uint64_t nft_misses(const Lane& lane) {
  lane.enter();
  FILE* const out = popen("nft list counters | sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'", "r");
  unsigned long misses = 1;
  if (out == nullptr || fscanf(out, "%lu", &misses) != 1) misses = 1;
  if (out != nullptr) pclose(out);
  return misses;
}

// Packets that the stack took for broken, before any rule.
std::uint64_t broken(const Lane& lane) {
  lane.enter();
  FILE* const out = popen("awk '/^Ip: [0-9]/ {print $5}' /proc/thread-self/net/snmp", "r");
  unsigned long packets = 1;
  if (out == nullptr || fscanf(out, "%lu", &packets) != 1) packets = 1;
  if (out != nullptr) pclose(out);
  return packets;
}

Contender make(const std::string& name, const std::string& baseline, Transport transport,
               std::uint32_t rules, const std::string& generator) {
  Contender c{.name = name, .baseline = baseline, .transport = transport, .rules = rules};
  c.lane = std::make_unique<Lane>(generator);
  c.lane->set_senders(senders_of(rules == 0 ? 10'000 : rules));
  return c;
}

Contender nft_netdev(const std::string& name, std::uint32_t rules, const NftForm& form,
                     const std::string& generator) {
  Contender c = make(name, "nft, drop alone", Transport::kTcp, rules, generator);
  apply(*c.lane, "nft -f",
        "table netdev t {\n  counter missed { }\n" + form.set +
            "  chain c {\n    type filter hook ingress device mesh0 priority 0;\n" +
            nft_rules(form, Transport::kTcp, senders_of(rules), "") + kCountMisses + "  }\n}\n");
  c.missed = [lane = c.lane.get()] { return nft_misses(*lane); };
  return c;
}

// The first packets are let in, to a socket that wants them, so that conntrack keeps their entries.
void make_flows_known(const Contender& c) {
  c.lane->shell(
      "nft add table ip warm; nft add chain ip warm c '{ type filter hook input priority 0; }'; "
      "nft add rule ip warm c ct state new counter accept");
  c.lane->send(c.transport, 4 * c.rules);
  c.lane->shell("nft delete table ip warm");
}

// Without state in the table before conntrack, with state in the next one after it.
Contender iptables(std::uint32_t rules, Transport transport, const std::string& generator) {
  const bool stateful = transport == Transport::kUdp;
  const char* const name = stateful ? "iptables-legacy, conntrack" : "iptables-legacy, linear";
  Contender c = make(rules == 0 ? "iptables, drop alone" : name,
                     rules == 0 ? "" : "iptables, drop alone", transport, rules, generator);
  if (stateful) make_flows_known(c);
  const std::string state = stateful ? "-m conntrack --ctstate NEW,ESTABLISHED " : "";
  std::string text = std::string(stateful ? "*mangle" : "*raw") + "\n:PREROUTING ACCEPT [0:0]\n";
  for (const auto& sender : senders_of(rules)) {
    text += "-A PREROUTING " + state + "-s " + text_of(sender) + " -p " + name_of(transport) +
            " --dport " + std::to_string(ntohs(sender.port_be)) + " -j DROP\n";
  }
  if (rules == 0) text += "-A PREROUTING -j DROP\n";
  apply(*c.lane, "iptables-legacy-restore", text + "COMMIT\n");
  if (rules > 100) c.packets = 4'000;
  c.missed = [lane = c.lane.get()] { return broken(*lane); };
  return c;
}

Contender ours(std::uint32_t rules, Transport transport, const std::string& generator) {
  Contender c = make("kernmesh, " + std::to_string(rules) + " rules", "tc, drop alone", transport,
                     rules, generator);
  c.lane->enter();
  // Kept by the lane's interface; shared with the counters' reader.
  auto opened = bpf::Acl::open({.instance = "bench-" + std::to_string(rules) + name_of(transport),
                                .mesh = IfIndex(0),
                                .max_flows = 262'144,
                                .max_counted_rules = 16'384,
                                .link_header = bpf::LinkHeader::kEthernet});
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message().c_str());
    std::abort();
  }
  const auto acl = std::make_shared<bpf::Acl>(std::move(*opened));
  const IfIndex mesh(if_nametoindex("mesh0"));
  if (!acl->attach(mesh) || !acl->switch_to(ManyRules(rules).image(1))) std::abort();
  c.lane->attach_sink();
  c.missed = [acl, lane = c.lane.get()] {
    std::uint64_t passed = 0, missed = 0;
    const auto counters = acl->counters();
    for (const auto& counter : *counters) {
      const auto label = counter.reason.label;
      if (label == "in_allowed") passed = counter.packets;
      if (label == "in_denied" || label == "in_unknown_source" || label == "in_not_ours")
        missed += counter.packets;
    }
    return missed + (passed != 0 && lane->sunk() == passed ? 0 : 1);
  };
  return c;
}

Contender tc_drop(const std::string& generator) {
  Contender c = make("tc, drop alone", "", Transport::kTcp, 0, generator);
  c.lane->enter();
  c.lane->attach_sink();
  return c;
}

Contender nft_conntrack(const std::string& name, std::uint32_t rules, const NftForm& form,
                        const std::string& generator) {
  Contender c = make(name, "nft at prerouting, drop alone", Transport::kUdp, rules, generator);
  make_flows_known(c);
  apply(*c.lane, "nft -f",
        "table ip t {\n  counter missed { }\n" + form.set +
            "  chain c {\n    type filter hook prerouting priority 0;\n" +
            nft_rules(form, Transport::kUdp, senders_of(rules), "ct state new,established ") +
            kCountMisses + "  }\n}\n");
  c.missed = [lane = c.lane.get()] { return nft_misses(*lane) + broken(*lane); };
  return c;
}

Contender nft_drop(bool at_ingress, const std::string& generator) {
  Contender c = make(at_ingress ? "nft, drop alone" : "nft at prerouting, drop alone", "",
                     Transport::kTcp, 0, generator);
  apply(*c.lane, "nft -f",
        at_ingress ? "table netdev t {\n  chain c {\n    type filter hook ingress device mesh0 "
                     "priority 0;\n    drop\n  }\n}\n"
                   : "table ip t {\n  chain c {\n    type filter hook prerouting priority -300;\n "
                     "   drop\n  }\n}\n");
  return c;
}

}  // namespace

std::vector<Sender> senders_of(std::uint32_t rules) {
  const ManyRules numbering(0);
  std::vector<Sender> senders;
  for (std::uint32_t i = 0; i < rules; ++i) {
    senders.push_back({.address_be = htonl(ManyRules::sender(i).to_v4_number()),
                       .port_be = htons(numbering.port(i)),
                       .zero = 0});
  }
  return senders;
}

std::vector<Contender> stateless_contenders(const std::string& generator) {
  const auto senders = senders_of(10'000);
  std::vector<Contender> all;
  all.push_back(tc_drop(generator));
  all.push_back(nft_drop(true, generator));
  all.push_back(iptables(0, Transport::kTcp, generator));
  for (const std::uint32_t rules : {10U, 10'000U, 100'000U})
    all.push_back(ours(rules, Transport::kTcp, generator));
  all.push_back(nft_netdev("nft, hash set", 10'000, nft_hash(Transport::kTcp, senders), generator));
  all.push_back(
      nft_netdev("nft, interval set", 10'000, nft_interval(Transport::kTcp, senders), generator));
  all.push_back(nft_netdev("nft, linear", 10'000, {}, generator));
  all.back().packets = 2'000;
  all.push_back(iptables(10'000, Transport::kTcp, generator));
  return all;
}

std::vector<Contender> stateful_contenders(const std::string& generator) {
  const auto senders = senders_of(10'000);
  std::vector<Contender> all;
  all.push_back(tc_drop(generator));
  all.push_back(nft_drop(false, generator));
  all.push_back(iptables(0, Transport::kTcp, generator));
  for (const std::uint32_t rules : {10U, 10'000U, 100'000U})
    all.push_back(ours(rules, Transport::kUdp, generator));
  all.push_back(nft_conntrack("nft, hash set, conntrack", 10'000,
                              nft_hash(Transport::kUdp, senders), generator));
  all.push_back(nft_conntrack("nft, interval set, conntrack", 10'000,
                              nft_interval(Transport::kUdp, senders), generator));
  all.push_back(nft_conntrack("nft, linear, conntrack", 10'000, {}, generator));
  all.back().packets = 2'000;
  all.push_back(iptables(10'000, Transport::kUdp, generator));
  return all;
}

}  // namespace kernmesh::bench
