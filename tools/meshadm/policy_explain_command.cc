// SPDX-License-Identifier: Apache-2.0
// policy explain.
#include <algorithm>
#include <memory>

#include "controller/core/policy/decision.h"
#include "controller/core/policy/stand_in.h"
#include "tools/meshadm/packet_question.h"
#include "tools/meshadm/policy_source.h"
#include "tools/meshadm/policy_verbs.h"

namespace kernmesh::adm {
namespace {

// Pairs of addresses that are shown; a group against a tag has thousands.
constexpr std::size_t kMostShown = 12;

struct PolicyExplainOptions {
  std::string source;
  std::string destination;  // DST:PORT[/PROTO]
  std::string file;
  std::string inventory;
};

// What a person calls the nodes: a name, an address, or what a policy calls them.
class Phonebook {
 public:
  Phonebook(const policy::Document& document, const policy::Inventory& inventory)
      : document_(document), inventory_(inventory) {}

  Result<std::vector<IpAddress>> addresses_of(const std::string& name) const {
    std::vector<IpAddress> found;
    const auto add = [&](const policy::Node& node) {
      found.insert(found.end(), node.addresses.begin(), node.addresses.end());
    };
    for (const auto& node : inventory_.nodes) {
      if (node.name == name) add(node);
    }
    if (!found.empty()) return found;
    if (const auto address = IpAddress::parse(name)) return std::vector<IpAddress>{*address};
    const auto selector = policy::parse_selector(name, {});
    if (!selector) return nobody(name);
    const auto host = document_.hosts.find(selector->name);
    if (selector->kind == policy::SelectorKind::kHost && host != document_.hosts.end()) {
      return std::vector<IpAddress>{host->second.prefix.address()};
    }
    const auto identity = policy::identity_of(document_, *selector);
    for (const auto& node : inventory_.nodes) {
      const auto user = std::find_if(inventory_.users.begin(), inventory_.users.end(),
                                     [&](const auto& known) { return known.id == node.user; });
      const policy::Subject subject(node, user == inventory_.users.end() ? nullptr : &*user);
      if (policy::matches(identity, subject)) add(node);
    }
    if (found.empty()) return nobody(name);
    return found;
  }

  std::string name_of(const IpAddress& address) const {
    for (const auto& node : inventory_.nodes) {
      const auto& own = node.addresses;
      if (std::find(own.begin(), own.end(), address) != own.end()) {
        return node.name + " (" + to_string(address) + ")";
      }
    }
    return to_string(address);
  }

 private:
  static Error nobody(const std::string& name) {
    return {ErrorCode::kNotFound, "\"" + name +
                                      "\" is no node, address, user, group, tag or host with a "
                                      "node: see `meshadm node list`"};
  }

  const policy::Document& document_;
  const policy::Inventory& inventory_;
};

std::string service_of(const PacketQuestion& question) {
  return service_text(question.protocol, question.port);
}

std::string line_text(const std::string& text, std::uint32_t line) {
  std::size_t begin = 0;
  for (std::uint32_t i = 1; i < line && begin != std::string::npos; ++i) {
    begin = text.find('\n', begin);
    if (begin != std::string::npos) ++begin;
  }
  if (line == 0 || begin == std::string::npos) return {};
  const std::string whole = text.substr(begin, text.find('\n', begin) - begin);
  const auto first = whole.find_first_not_of(" \t\r");
  return first == std::string::npos ? std::string() : whole.substr(first, 120);
}

std::string place_of(const PolicyText& source, const policy::CompiledRule& rule) {
  return source.name + ":" + std::to_string(rule.at.line);
}

std::string missing(const PolicyText& source, const policy::CompiledPolicy& compiled,
                    const policy::NearMiss& miss, const PacketQuestion& question) {
  const std::string place = place_of(source, compiled.rules[miss.rule]);
  if (!miss.service) return place + " connects the two, but does not open " + service_of(question);
  if (!miss.source) return place + " opens it there, but not for this source";
  return place + " lets the source use " + service_of(question) + ", but not towards there";
}

class Explainer {
 public:
  Explainer(const PolicyText& source, const ReadPolicy& policy, const policy::Inventory& inventory,
            const PacketQuestion& question)
      : source_(source),
        policy_(policy),
        phonebook_(*policy.document, inventory),
        population_(policy.compiled, inventory.overlay),
        question_(question) {
    for (const auto& user : inventory.users) population_.put(user);
    for (const auto& node : inventory.nodes) population_.put(node);
  }

  Result<Document> explain(const std::string& from) {
    MESH_TRY_ASSIGN(const auto sources, phonebook_.addresses_of(from));
    MESH_TRY_ASSIGN(const auto destinations, phonebook_.addresses_of(question_.destination));
    const policy::Decider decider(population_);
    for (const auto& source : sources) {
      for (const auto& destination : destinations) {
        if (source.family() != destination.family()) continue;
        tell(decider.decide({source, destination, question_.protocol, question_.port}), source,
             destination);
      }
    }
    if (pairs_ == 0) {
      return Error(ErrorCode::kInvalid, "\"" + from + "\" and \"" + question_.destination +
                                            "\" have no address of the same family");
    }
    if (pairs_ > kMostShown) {
      document_.line("and " + std::to_string(pairs_ - kMostShown) + " more pairs of addresses",
                     Tone::kFaint);
    }
    document_.json = {{"admitted", admitted_ == pairs_},
                      {"admitted_pairs", admitted_},
                      {"pairs", pairs_},
                      {"answers", std::move(answers_)}};
    return std::move(document_);
  }

 private:
  void tell(const policy::Decision& decision, const IpAddress& from, const IpAddress& to) {
    ++pairs_;
    if (decision.rule) ++admitted_;
    if (pairs_ > kMostShown) return;
    Json answer = {{"source", to_string(from)},
                   {"destination", to_string(to)},
                   {"service", service_of(question_)},
                   {"admitted", decision.rule.has_value()}};
    const std::string what = phonebook_.name_of(from) + " -> " + phonebook_.name_of(to) + " " +
                             service_of(question_) + ": ";
    if (decision.rule) {
      const auto& rule = policy_.compiled->rules[*decision.rule];
      answer["line"] = rule.at.line;
      document_.blocks.emplace_back(Line{{{what}, {"allowed", Tone::kGood}, {rule_words(rule)}}});
    } else {
      document_.blocks.emplace_back(Line{{{what}, {"denied", Tone::kBad}}});
      answer["missing"] = Json::array();
      tell_missing(decision, answer["missing"]);
    }
    answers_.push_back(std::move(answer));
  }

  std::string rule_words(const policy::CompiledRule& rule) const {
    if (rule.at.line == 0) return ", because the policy has neither `acls` nor `grants`";
    return " by " + place_of(source_, rule) + "  " + line_text(source_.text, rule.at.line);
  }

  void tell_missing(const policy::Decision& decision, Json& list) {
    if (decision.near_misses.empty()) {
      const std::string text = "no rule comes near: none names this source and this destination";
      list.push_back({{"line", 0}, {"text", text}});
      document_.line("  " + text, Tone::kFaint);
    }
    std::size_t shown = 0;
    for (const auto& miss : decision.near_misses) {
      if (++shown > 3) break;
      const std::string text = missing(source_, *policy_.compiled, miss, question_);
      const auto line = policy_.compiled->rules[miss.rule].at.line;
      list.push_back({{"line", line}, {"text", text}});
      document_.line("  " + text + "  " + line_text(source_.text, line), Tone::kFaint);
    }
  }

  const PolicyText& source_;
  const ReadPolicy& policy_;
  Phonebook phonebook_;
  policy::Population population_;
  const PacketQuestion& question_;
  Document document_;
  Json answers_ = Json::array();
  std::size_t pairs_ = 0, admitted_ = 0;
};

Result<Outcome> run_policy_explain(Session& session, const PolicyExplainOptions& options) {
  MESH_TRY_ASSIGN(const auto question, read_question(options.destination));
  MESH_TRY_ASSIGN(const auto source, options.file.empty() ? fetch_policy(session, 0)
                                                          : read_policy(session, options.file));
  MESH_TRY_ASSIGN(const auto policy, compile_policy(source));
  MESH_TRY_ASSIGN(auto inventory, read_network(session, options.inventory));
  std::vector<std::string> tags;
  for (const auto& [tag, owners] : policy.document->tag_owners) tags.push_back(tag);
  inventory = policy::with_stand_ins(inventory, tags);
  Explainer explainer(source, policy, inventory, question);
  MESH_TRY_ASSIGN(const auto document, explainer.explain(options.source));
  session.renderer().show(document);
  return Outcome::kDone;
}

}  // namespace

void add_policy_explain(CLI::App& group, Invocation& invocation) {
  auto& command = add_command(
      group, {"explain", "Say which rule lets SRC reach DST, or what is missing",
              "meshadm policy explain laptop web-1:443\n"
              "meshadm policy explain ada@example.com tag:db:5432/tcp\n"
              "meshadm policy explain laptop web-1:22 --policy new.hujson --inventory net.json"});
  auto options = std::make_shared<PolicyExplainOptions>();
  command.add_option("src", options->source, "A node, address, user, group or tag")
      ->required()
      ->type_name("SRC");
  command
      .add_option("dst", options->destination,
                  "A node, address, user, group, tag or host, a port, and tcp unless said")
      ->required()
      ->type_name("DST:PORT[/PROTO]")
      ->check(check_question);
  command.add_option("--policy", options->file, "Ask this policy, not the one in force")
      ->type_name(kFileType);
  command
      .add_option("--inventory", options->inventory,
                  "Ask for this network (docs/policy.md, \"Offline\"), not the server's")
      ->type_name(kFileType);
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) {
      return run_policy_explain(session, *options);
    };
  });
}

}  // namespace kernmesh::adm
