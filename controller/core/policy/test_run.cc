// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/test_run.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "controller/core/policy/decision.h"
#include "controller/core/policy/ssh.h"
#include "controller/core/policy/stand_in.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

constexpr FindingKind kTest = FindingKind::kTests;

// The network and stand-ins for users and tags without a node; every node with these attributes
// too.
class TestStage {
 public:
  TestStage(const Document& document, const std::shared_ptr<const CompiledPolicy>& policy,
            const Inventory& inventory, const Attributes& source_attributes)
      : population_(policy, inventory.overlay) {
    std::vector<std::string> tags;
    for (const auto& [tag, owners] : document.tag_owners) tags.push_back(tag);
    Inventory whole = with_stand_ins(inventory, tags);
    for (const auto& user : whole.users) population_.put(user);
    for (auto& node : whole.nodes) {
      for (const auto& [name, value] : source_attributes) node.attributes[name] = value;
      population_.put(node);
    }
  }

  const Population& population() const { return population_; }

 private:
  Population population_;
};

// What stands before the last colon, and after it.
std::optional<std::pair<std::string, std::string>> split_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return std::pair(std::string(host), std::string(text.substr(colon + 1)));
}

std::optional<std::uint16_t> one_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

class Runner {
 public:
  Runner(const Document& document, const CompiledPolicy& compiled, const Inventory& inventory,
         Diagnostics& diagnostics)
      : document_(document),
        policy_(std::make_shared<const CompiledPolicy>(compiled)),
        inventory_(inventory),
        diagnostics_(diagnostics),
        stage_(document, policy_, inventory, {}) {}

  std::size_t run() {
    for (const auto& test : document_.tests) run(test);
    if (document_.ssh_tests.empty()) return count_;
    const SshPolicy ssh(document_, stage_.population());
    for (const auto& test : document_.ssh_tests) run(test, ssh);
    return count_;
  }

 private:
  void fail(Position at, std::string message) { diagnostics_.error(at, std::move(message), kTest); }

  // The addresses a name of a test means. Nothing, with an error, for a name that is unknown or
  // means no addresses of its own.
  std::optional<std::vector<IpAddress>> addresses_of(const Located& name,
                                                     const Population& population) {
    const auto selector = parse_selector(name.text, name.at);
    if (!selector || !is_known(*selector)) {
      fail(name.at, "the test names " + quoted(name.text) +
                        ", which is no user, group, tag or host of this network");
      return std::nullopt;
    }
    const auto host = document_.hosts.find(selector->name);
    if (selector->kind == SelectorKind::kPrefix || selector->kind == SelectorKind::kHost) {
      const Prefix prefix =
          selector->kind == SelectorKind::kHost ? host->second.prefix : selector->prefix;
      if (prefix.length() != prefix.address().bits() || name.text.find('/') != std::string::npos) {
        fail(name.at, "a test is of one address: " + quoted(name.text) + " is a range");
        return std::nullopt;
      }
      return std::vector<IpAddress>{prefix.address()};
    }
    const Identity identity = identity_of(document_, *selector);
    if (identity.kind == IdentityKind::kNone) {
      fail(name.at, quoted(name.text) + " cannot be tested: name a user, group, tag or address");
      return std::nullopt;
    }
    std::vector<IpAddress> addresses;
    population.everybody().for_each([&](NodeIndex node) {
      const Node& known = population.member(node).node;
      if (!matches(identity, Subject(known, population.user_of(node)))) return;
      addresses.insert(addresses.end(), known.addresses.begin(), known.addresses.end());
    });
    return addresses;
  }

  bool is_known(const Selector& selector) const {
    switch (selector.kind) {
      case SelectorKind::kUser:
        return std::any_of(inventory_.users.begin(), inventory_.users.end(), [&](const User& user) {
          const auto handles = handles_of(user);
          return std::find(handles.begin(), handles.end(), lowered(selector.name)) != handles.end();
        });
      case SelectorKind::kGroup:
        return document_.groups.contains(selector.name);
      case SelectorKind::kTag:
        return document_.tag_owners.contains(selector.name);
      case SelectorKind::kHost:
        return document_.hosts.contains(selector.name);
      default:
        return true;
    }
  }

  void run(const PolicyTest& test) {
    const bool own_attributes = !test.src_posture_attrs.empty();
    const Attributes attributes(test.src_posture_attrs.begin(), test.src_posture_attrs.end());
    std::optional<TestStage> own_stage;
    if (own_attributes) own_stage.emplace(document_, policy_, inventory_, attributes);
    const Population& population = (own_stage ? *own_stage : stage_).population();
    if (test.accept.empty() && test.deny.empty()) {
      fail(test.at, "the test expects nothing: give it `accept` or `deny`");
    }
    const auto protocols = parse_protocols(test.protocol.text);
    std::vector<std::uint8_t> tried{kProtocolTcp, kProtocolUdp};
    if (!test.protocol.text.empty()) {
      if (!protocols || protocols->size() != 1 ||
          (protocols->front() != kProtocolTcp && protocols->front() != kProtocolUdp)) {
        fail(test.protocol.at, "a test is of tcp or udp, not of " + quoted(test.protocol.text));
        return;
      }
      tried = *protocols;
    }
    const auto sources = addresses_of(test.src, population);
    if (!sources) return;
    const Decider decider(population);
    for (const auto& target : test.accept) expect(decider, test, *sources, target, tried, true);
    for (const auto& target : test.deny) expect(decider, test, *sources, target, tried, false);
  }

  void expect(const Decider& decider, const PolicyTest& test, const std::vector<IpAddress>& sources,
              const Located& target, const std::vector<std::uint8_t>& protocols, bool accept) {
    ++count_;
    const auto parts = split_port(target.text);
    const auto port = parts ? one_port(parts->second) : std::nullopt;
    if (!port) {
      fail(target.at, "a test's destination is NAME:PORT with one port from 1 to 65535, not " +
                          quoted(target.text));
      return;
    }
    const auto destinations = addresses_of({parts->first, target.at}, stage_.population());
    if (!destinations) return;
    bool all = false, any = false, first = true;
    for (const auto& source : sources) {
      for (const auto& destination : *destinations) {
        if (source.family() != destination.family()) continue;
        const bool admitted =
            std::any_of(protocols.begin(), protocols.end(), [&](std::uint8_t protocol) {
              return decider.admits({source, destination, protocol, *port});
            });
        all = first ? admitted : all && admitted;
        any = any || admitted;
        first = false;
      }
    }
    if (accept && !all) {
      fail(target.at, "test: " + quoted(test.src.text) + " should reach " + quoted(target.text) +
                          (any     ? " and reaches only a part of it"
                           : first ? ", but there is nobody to reach it"
                                   : ", but no rule lets it"));
    } else if (!accept && any) {
      fail(target.at, "test: " + quoted(test.src.text) + " should not reach " +
                          quoted(target.text) + ", but a rule lets it");
    }
  }

  NodeSet nodes_of(const Selector& selector) const {
    NodeSet nodes;
    const Population& population = stage_.population();
    const Identity identity = identity_of(document_, selector);
    const auto host = document_.hosts.find(selector.name);
    population.everybody().for_each([&](NodeIndex node) {
      const Node& known = population.member(node).node;
      bool named = matches(identity, Subject(known, population.user_of(node)));
      for (const auto& address : known.addresses) {
        named = named ||
                (selector.kind == SelectorKind::kPrefix && selector.prefix.contains(address)) ||
                (selector.kind == SelectorKind::kHost && host != document_.hosts.end() &&
                 host->second.prefix.contains(address));
      }
      if (named) nodes.insert(node);
    });
    return nodes;
  }

  enum class SshExpectation { kAccept, kCheck, kDeny };

  void run(const SshTest& test, const SshPolicy& ssh) {
    if (test.accept.empty() && test.deny.empty() && test.check.empty()) {
      fail(test.at, "the SSH test expects nothing: give it `accept`, `check` or `deny`");
    }
    if (!is_known(test.src)) {
      fail(test.src.at, "the SSH test names " + quoted(to_string(test.src)) +
                            ", which is nobody of this network");
      return;
    }
    const NodeSet sources = nodes_of(test.src);
    for (const auto& to : test.dst) {
      const NodeSet destinations = is_self(to) ? NodeSet() : nodes_of(to);
      const auto expect = [&](const std::vector<Located>& users, SshExpectation expectation) {
        for (const auto& user : users) {
          ++count_;
          expect_login(ssh, test, user, sources, is_self(to) ? nullptr : &destinations,
                       expectation);
        }
      };
      expect(test.accept, SshExpectation::kAccept);
      expect(test.check, SshExpectation::kCheck);
      expect(test.deny, SshExpectation::kDeny);
    }
  }

  // `destinations` null: each source's own nodes.
  void expect_login(const SshPolicy& ssh, const SshTest& test, const Located& user,
                    const NodeSet& sources, const NodeSet* destinations,
                    SshExpectation expectation) {
    bool fits = true, tried = false;
    sources.for_each([&](NodeIndex source) {
      const NodeSet own =
          destinations == nullptr ? stage_.population().own_nodes(source) : *destinations;
      own.for_each([&](NodeIndex destination) {
        tried = true;
        const auto action = ssh.decide(source, destination, user.text);
        fits = fits && (expectation == SshExpectation::kDeny    ? !action
                        : expectation == SshExpectation::kCheck ? action == SshAction::kCheck
                                                                : action.has_value());
      });
    });
    if (fits && (tried || expectation == SshExpectation::kDeny)) return;
    const char* what = expectation == SshExpectation::kDeny    ? " should be refused as "
                       : expectation == SshExpectation::kCheck ? " should be checked as "
                                                               : " should log in as ";
    fail(user.at, "SSH test: " + quoted(to_string(test.src)) + what + quoted(user.text) +
                      (tried ? ", but is not" : ", but there is no such login to try"));
  }

  const Document& document_;
  std::shared_ptr<const CompiledPolicy> policy_;
  const Inventory& inventory_;
  Diagnostics& diagnostics_;
  TestStage stage_;
  std::size_t count_ = 0;
};

}  // namespace

std::size_t run_tests(const Document& document, const CompiledPolicy& compiled,
                      const Inventory& inventory, Diagnostics& diagnostics) {
  if (document.tests.empty() && document.ssh_tests.empty()) return 0;
  return Runner(document, compiled, inventory, diagnostics).run();
}

}  // namespace kernmesh::policy
