// SPDX-License-Identifier: Apache-2.0
#include "tests/oracle/random_policy.h"

#include <array>
#include <vector>

namespace kernmesh::policy {
namespace {

using Texts = std::vector<std::string>;

std::string in_quotes(const std::string& text) { return '"' + text + '"'; }

constexpr std::array kPortLists = {"*",    "22", "80-443", "22,80-443", "1-65535", "1000-2000,2001",
                                   "65535"};

// Writes one policy, each rule on a line of its own.
class Writer {
 public:
  explicit Writer(const Choice& choice) : choice_(choice) {}

  RandomPolicy write() {
    member("groups", groups());
    member("hosts", R"({"alpha": ")" + cidr() + R"(", "beta": ")" + cidr() + R"("})");
    member("tagOwners", R"({"tag:a": ["ada@example.com"], "tag:b": ["group:one"], "tag:c": [],})");
    member("ipsets", ipsets());
    member("postures", postures());
    if (choice_.once_in(6)) member("defaultSrcPosture", posture_list());
    if (choice_.below(2) == 0) member("autoApprovers", approvers());
    // Neither: everything is allowed.
    const bool has_rules = !choice_.once_in(25);
    if (has_rules && choice_.below(4) > 0)
      member("acls", list(choice_.below(5), [&] { return acl(); }));
    if (has_rules && choice_.below(4) > 0) {
      member("grants", list(choice_.below(5), [&] { return grant(); }));
    }
    return {"{ // written at random\n" + text_ + "}\n", flaw_};
  }

 private:
  void member(const std::string& key, const std::string& value) {
    text_ += in_quotes(key) + ": " + value + ",\n";
  }

  template <typename Item>
  std::string list(std::uint32_t count, Item item) {
    std::string text = "[";
    for (std::uint32_t i = 0; i < count; ++i) text += "\n  " + item() + ",";
    return text + "]";
  }
  std::string strings(const Texts& texts) {
    std::string text = "[";
    for (const auto& word : texts) text += (text.size() > 1 ? ", " : "") + in_quotes(word);
    return text + (choice_.once_in(8) ? " /* no more */]" : "]");
  }
  template <typename Item>
  Texts some(std::uint32_t most, Item item) {
    Texts texts;
    // Shrinks towards one.
    const auto count = choice_.once_in(20) ? 0 : 1 + choice_.below(most);
    for (std::uint32_t i = 0; i < count; ++i) texts.push_back(item());
    return texts;
  }
  // Now and then something that may not stand there.
  std::string unless_flawed(const std::string& right, const std::string& wrong,
                            const std::string& flaw) {
    if (!choice_.once_in(200)) return right;
    flaw_ = flaw;
    return wrong;
  }

  std::string cidr() { return choice_.of(kPrefixes); }
  std::string user() { return choice_.of(kUserHandles); }

  std::string member_of_group() {
    return choice_.below(4) == 0 ? "oidc:" + choice_.of(kProviderGroups) : user();
  }
  std::string groups() {
    return R"({"group:one": )" + strings(some(3, [&] { return member_of_group(); })) +
           R"(, "group:two": )" + strings(some(2, [&] { return member_of_group(); })) +
           R"(, "group:none": []})";
  }

  std::string ipset_steps(const Texts& names) {
    return strings(some(4, [&] {
      const std::string verb = choice_.below(3) > 0 ? "add " : "remove ";
      const auto kind = choice_.below(6);
      if (kind == 3) return verb + "alpha";
      if (kind == 4 && !names.empty()) return verb + choice_.of(names);
      if (kind == 5) return verb + "autogroup:internet";
      return verb + cidr();
    }));
  }
  std::string ipsets() {
    const std::string x = ipset_steps({"ipset:y", "ipset:z"});
    const std::string y = ipset_steps({"ipset:z"});
    const std::string z = unless_flawed(ipset_steps({}), R"(["add ipset:w"])", "circular ipsets");
    return R"({"ipset:x": )" + x + R"(, "ipset:y": )" + y + R"(, "ipset:z": )" + z +
           R"(, "ipset:w": ["add ipset:z"]})";
  }

  std::string postures() {
    static const std::array kConditions = {
        "node:os == 'linux'",       "node:os != 'linux'",   "node:os IN ['linux', 'macos']",
        "node:os NOT IN ['macos']", "custom:tier IS SET",   "custom:tier NOT SET",
        "custom:tier >= '2'",       "custom:tier < '2.10'", "custom:tier == '2'",
        "custom:tier > 2",          "custom:tier <= '2.0'", "custom:tier != 1"};
    const auto posture = [&] {
      std::string text = "[" + in_quotes(choice_.of(kConditions));
      if (choice_.once_in(3)) text += ", " + in_quotes(choice_.of(kConditions));
      return text + "]";
    };
    const std::string one = posture();
    return R"({"posture:one": )" + one + R"(, "posture:two": )" + posture() + "}";
  }
  std::string posture_list() {
    static const std::array kLists = {R"(["posture:one"])", R"(["posture:two"])",
                                      R"(["posture:one", "posture:two"])", "[]"};
    return choice_.of(kLists);
  }

  std::string approvers() {
    const auto who = [&] { return strings(some(2, [&] { return identity(); })); };
    std::string text = R"({"routes": {)";
    // A key may stand there once.
    static const std::array kApproved = {"10.0.0.0/8", "10.33.0.0/16", "0.0.0.0/0", "::/0",
                                         "fd00::/8"};
    for (const char* prefix : kApproved) {
      if (choice_.once_in(3)) text += in_quotes(prefix) + ": " + who() + ", ";
    }
    text += "}";
    if (choice_.below(2) == 0) text += R"(, "exitNode": )" + who();
    return text + "}";
  }

  std::string identity() {
    switch (choice_.below(8)) {
      case 0:
        return "autogroup:member";
      case 1:
        return user();
      case 2:
        return choice_.below(3) == 0 ? "group:two" : "group:one";
      case 3:
        return "autogroup:tagged";
      case 4:
        return "user:*@" + unless_flawed(choice_.of(kDomains), "example.net", "foreign domain");
      case 5:
        return "autogroup:" + choice_.of(kRoles);
      default:
        return unless_flawed(choice_.of(kTags), "tag:unknown", "unknown tag");
    }
  }
  std::string place() {
    switch (choice_.below(6)) {
      case 0:
        return choice_.below(2) == 0 ? "alpha" : "beta";
      case 1:
        return "ipset:" + std::string(1, "xyzw"[choice_.below(4)]);
      default:
        return cidr();
    }
  }
  std::string source() {
    switch (choice_.below(6)) {
      case 0:
        return "*";
      case 1:
        return place();
      case 2:
        if (choice_.once_in(4)) return "autogroup:danger-all";
        if (choice_.once_in(6)) return "group:none";
        return unless_flawed(cidr(), "autogroup:self", "self as a source");
      default:
        return identity();
    }
  }
  // Sources that autogroup:self may have.
  std::string person() {
    static const std::array kPeople = {"autogroup:member",   "group:one",         "ada@example.com",
                                       "user:*@example.org", "autogroup:members", "dan@"};
    return choice_.of(kPeople);
  }
  std::string destination() {
    switch (choice_.below(8)) {
      case 0:
        return "*";
      case 1:
        return "autogroup:internet";
      case 2:
      case 3:
      case 4:
        return place();
      case 5:
        return unless_flawed(cidr(), "0.0.0.0/0", "everything as a literal destination");
      default:
        return identity();
    }
  }
  static std::string with_ports(const std::string& name, const std::string& ports) {
    const bool v6 = name.find("::") != std::string::npos;
    if (!v6) return name + ":" + ports;
    const auto slash = name.find('/');
    const std::string length = slash == std::string::npos ? "" : name.substr(slash);
    return "[" + name.substr(0, slash) + "]" + length + ":" + ports;
  }

  std::string posture_of_rule() {
    if (!choice_.once_in(5)) return "";
    return R"(, "srcPosture": )" + posture_list();
  }

  std::string acl() {
    static const std::array kAllPorts = {"icmp", "ipv6-icmp", "gre", "47", "1"};
    static const std::array kSomePorts = {"tcp", "udp", "sctp", "6", "132"};
    const auto kind = choice_.below(4);
    std::string proto;
    if (kind == 2) proto = choice_.of(kSomePorts);
    if (kind == 3) proto = choice_.of(kAllPorts);
    const bool to_self = choice_.once_in(6);
    const Texts src = some(3, [&] {
      return !to_self ? source() : choice_.once_in(4) ? "*" : person();
    });
    const Texts dst = some(3, [&] {
      const std::string ports =
          kind == 3 ? "*" : unless_flawed(choice_.of(kPortLists), "0", "port 0");
      return with_ports(to_self && choice_.below(2) == 0 ? "autogroup:self" : destination(), ports);
    });
    std::string text =
        R"({"action": )" + unless_flawed(R"("accept")", R"("deny")", "unknown action");
    if (!proto.empty()) text += R"(, "proto": )" + in_quotes(proto);
    return text + R"(, "src": )" + strings(src) + R"(, "dst": )" + strings(dst) +
           posture_of_rule() + "}";
  }

  std::string grant() {
    static const std::array kServices = {"*",     "22",     "80-443",         "tcp:80",
                                         "udp:*", "icmp:*", "sctp:1000-2000", "47"};
    static const std::array kApps = {R"({"example.com/cap/one": [{"level": 1}]})",
                                     R"({"example.com/cap/two": []})",
                                     R"({"example.com/cap/one": [], "example.com/cap/two": [{}]})"};
    const auto kind = choice_.below(5);  // 0 to 2: ip, 3: app, 4: both
    const bool to_self = choice_.once_in(8);
    const Texts src = some(3, [&] { return to_self ? person() : source(); });
    const Texts dst = some(3, [&] {
      if (to_self && choice_.below(2) == 0) return std::string("autogroup:self");
      std::string to = destination();
      return kind >= 3 && to == "autogroup:internet" ? std::string("*") : to;
    });
    std::string text = R"({"src": )" + strings(src) + R"(, "dst": )" + strings(dst);
    if (kind != 3) {
      Texts ip = some(3, [&] { return std::string(choice_.of(kServices)); });
      if (ip.empty()) ip.emplace_back("*");
      text += R"(, "ip": )" + strings(ip);
    }
    if (kind >= 3) text += R"(, "app": )" + std::string(choice_.of(kApps));
    if (choice_.once_in(4)) {
      Texts via = {choice_.of(kTags)};
      if (choice_.once_in(4)) via.push_back(choice_.of(kTags));
      text += R"(, "via": )" + strings(via);
    }
    return text + posture_of_rule() + "}";
  }

  const Choice& choice_;
  std::string text_;
  std::string flaw_;
};

// The address itself, or the one before or after a prefix.
IpAddress at_edge(const Choice& choice, const Prefix& prefix) {
  auto bytes = prefix.address().bytes();
  const bool v4 = prefix.address().is_v4();
  const std::size_t size = v4 ? 4 : 16;
  const auto edge = choice.below(5);  // first, last, one before, one after, somewhere
  const auto bits = static_cast<std::size_t>(prefix.length());
  for (std::size_t bit = bits; bit < size * 8; ++bit) {
    const bool set = edge == 1 || edge == 3 || (edge == 4 && choice.below(2) == 1);
    if (set) bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | 0x80u >> bit % 8);
  }
  for (std::size_t i = size; i-- > 0 && (edge == 2 || edge == 3);) {
    bytes[i] = static_cast<std::uint8_t>(bytes[i] + (edge == 2 ? -1 : 1));
    if (bytes[i] != (edge == 2 ? 0xff : 0)) break;
  }
  return v4 ? IpAddress::from_v4_bytes({bytes[0], bytes[1], bytes[2], bytes[3]})
            : IpAddress::from_v6_bytes(bytes);
}

IpAddress random_address(const Choice& choice, const Inventory& inventory) {
  static const std::array kOthers = {"100.115.93.255", "100.115.94.0",     "1.1.1.1",
                                     "172.31.255.255", "169.254.1.1",      "3fff::1",
                                     "4000::1",        "fd7a:115c:a1e1::1"};
  const Node& node = choice.of(inventory.nodes);
  switch (choice.below(8)) {
    case 0:
      return *IpAddress::parse(choice.of(kOthers));
    case 1:
    case 2:
      return at_edge(choice, *Prefix::parse(choice.of(kPrefixes)));
    case 3:
      if (!node.routes_advertised.empty())
        return at_edge(choice, choice.of(node.routes_advertised));
      [[fallthrough]];
    default:
      return choice.of(node.addresses);
  }
}

}  // namespace

RandomPolicy random_policy(const Choice& choice) { return Writer(choice).write(); }

Packet random_packet(const Choice& choice, const Inventory& inventory) {
  static constexpr std::array<std::uint16_t, 14> kPorts = {80,   22,   443,  79,    444, 21,    23,
                                                           1000, 2001, 2002, 65535, 0,   65534, 1};
  static constexpr std::array<std::uint8_t, 12> kProtocols = {6,  17, 1, 58, 132, 47,
                                                              50, 6,  6, 6,  17,  6};
  Packet packet;
  packet.destination = random_address(choice, inventory);
  do {
    packet.source = random_address(choice, inventory);
  } while (packet.source.family() != packet.destination.family());
  packet.protocol = choice.of(kProtocols);
  packet.port = choice.of(kPorts);
  return packet;
}

std::string to_string(const Packet& packet) {
  return to_string(packet.source) + " to " + to_string(packet.destination) + " protocol " +
         std::to_string(packet.protocol) + " port " + std::to_string(packet.port);
}

}  // namespace kernmesh::policy
