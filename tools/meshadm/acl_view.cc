// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/acl_view.h"

#include <algorithm>
#include <string>

#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

using mesh::v1::AclExplainResponse;
using mesh::v1::AclRule;
using Texts = google::protobuf::RepeatedPtrField<std::string>;

// Of a list in a table's cell; the rest is counted.
constexpr int kMostInCell = 4;

constexpr const char* kNoPolicy =
    "There is no policy in force on this node: nothing passes through the mesh. `meshadm status` "
    "says why.";

std::string list_text(const Texts& texts, std::uint32_t count, int most = kMostInCell) {
  std::string text;
  const int shown = std::min(texts.size(), most);
  for (int i = 0; i < shown; ++i) text += (text.empty() ? "" : ", ") + texts.Get(i);
  const auto rest =
      std::max(count, static_cast<std::uint32_t>(texts.size())) - static_cast<std::uint32_t>(shown);
  if (rest > 0) text += (text.empty() ? "" : " and ") + std::to_string(rest) + " more";
  return text.empty() ? "?" : text;
}
std::string list_text(const Texts& texts) {
  return list_text(texts, static_cast<std::uint32_t>(texts.size()));
}

Json list_json(const Texts& texts) {
  Json list = Json::array();
  for (const auto& text : texts) list.push_back(text);
  return list;
}

Json rule_json(const AclRule& rule) {
  return {{"id", rule.id()},
          {"line", rule.line()},
          {"policy_revision", rule.policy_revision()},
          {"packets", rule.packets()},
          {"bytes", rule.bytes()},
          {"sources", list_json(rule.sources())},
          {"source_count", rule.source_count()},
          {"destinations", list_json(rule.destinations())},
          {"services", list_json(rule.services())}};
}

Json rules_json(const google::protobuf::RepeatedPtrField<AclRule>& rules) {
  Json list = Json::array();
  for (const auto& rule : rules) list.push_back(rule_json(rule));
  return list;
}

// As `policy explain` has it.
constexpr const char* kAbsentList = "the policy has neither `acls` nor `grants`";

std::string place_of(const AclRule& rule) {
  if (rule.line() == 0) return std::string("a rule for want of any (") + kAbsentList + ")";
  return "line " + std::to_string(rule.line()) + " of policy revision " +
         std::to_string(rule.policy_revision());
}

std::string from(const AclRule& rule) { return list_text(rule.sources(), rule.source_count()); }

std::string outcome_word(AclExplainResponse::Outcome outcome) {
  switch (outcome) {
    case AclExplainResponse::OUTCOME_ALLOWED:
      return "allowed";
    case AclExplainResponse::OUTCOME_DENIED:
      return "denied";
    case AclExplainResponse::OUTCOME_UNKNOWN_SOURCE:
      return "unknown_source";
    case AclExplainResponse::OUTCOME_NOT_OURS:
      return "not_ours";
    case AclExplainResponse::OUTCOME_NO_POLICY:
      return "no_policy";
    case AclExplainResponse::OUTCOME_STALE:
      return "stale";
    default:
      return "unknown";
  }
}

class ExplainAnswer {
 public:
  ExplainAnswer(const AclExplainResponse& response, const std::string& source,
                const PacketQuestion& question)
      : response_(response),
        source_(source),
        service_(service_text(question.protocol, question.port)) {}

  Document document() {
    document_.json = {{"outcome", outcome_word(response_.outcome())},
                      {"source",
                       {{"address", address_json(response_.source())},
                        {"node", text_json(response_.source_name())},
                        {"user", text_json(response_.source_user())}}},
                      {"destination", address_json(response_.destination())},
                      {"service", service_},
                      {"rule", response_.has_rule() ? rule_json(response_.rule()) : Json()},
                      {"from_source", rules_json(response_.from_source())},
                      {"to_destination", rules_json(response_.to_destination())}};
    if (response_.outcome() == AclExplainResponse::OUTCOME_ALLOWED) {
      allowed();
    } else {
      denied();
    }
    return std::move(document_);
  }

 private:
  std::string who() const {
    const std::string name = response_.source_name().empty() ? source_ : response_.source_name();
    const std::string address = address_text(response_.source());
    const std::string user = response_.source_user().empty() ? "" : ", " + response_.source_user();
    return name == address ? address : name + " (" + address + user + ")";
  }
  std::string what() const {
    return who() + " -> " + address_text(response_.destination()) + " " + service_ + ": ";
  }
  void verdict(const char* word, Tone tone, const std::string& rest) {
    document_.blocks.emplace_back(Line{{{what()}, {word, tone}, {rest}}});
  }

  void allowed() {
    const auto& rule = response_.rule();
    const std::string words = ": " + from(rule) + " -> " + list_text(rule.destinations()) + " " +
                              list_text(rule.services());
    const std::string by =
        rule.line() == 0 ? std::string(", because ") + kAbsentList : " by " + place_of(rule);
    verdict("allowed", Tone::kGood, by + words);
  }

  void denied() {
    switch (response_.outcome()) {
      case AclExplainResponse::OUTCOME_UNKNOWN_SOURCE:
        return verdict("denied", Tone::kBad,
                       ": that is no peer's address, or the peer's key has expired");
      case AclExplainResponse::OUTCOME_NOT_OURS:
        return verdict("denied", Tone::kBad, ": this node does not serve that destination");
      case AclExplainResponse::OUTCOME_NO_POLICY:
        verdict("denied", Tone::kBad, "");
        return document_.line(std::string("  ") + kNoPolicy, Tone::kFaint);
      case AclExplainResponse::OUTCOME_STALE:
        verdict("denied", Tone::kBad, ": the policy is older than --max-policy-age allows");
        return tell("nothing passes until the server is heard again; see `meshadm status`");
      default:
        verdict("denied", Tone::kBad, ": no rule admits it");
        return near();
    }
  }

  void near() {
    for (const auto& rule : response_.from_source()) {
      tell(place_of(rule) + " lets the source use " + list_text(rule.services()) + " at " +
           list_text(rule.destinations()));
    }
    for (const auto& rule : response_.to_destination()) {
      tell(place_of(rule) + " opens it there, but not for this source: for " + from(rule));
    }
    if (response_.from_source().empty() && response_.to_destination().empty())
      tell("no rule comes near: none names this source and this destination");
  }
  void tell(const std::string& text) { document_.line("  " + text, Tone::kFaint); }

  const AclExplainResponse& response_;
  const std::string& source_;
  const std::string service_;
  Document document_;
};

}  // namespace

Document acl_document(const mesh::v1::AclShowResponse& response) {
  Document document;
  document.json = {{"generation", response.generation()},
                   {"version", version_json(response.version())},
                   {"rules", rules_json(response.rules())}};
  if (response.generation() == 0) {
    document.line(kNoPolicy, Tone::kWarn);
    return document;
  }
  if (response.rules().empty()) {
    document.line("No rule opens anything on this node: peers reach none of its ports.");
    return document;
  }
  Table table{{{"LINE", Align::kRight},
               {"SOURCES"},
               {"DESTINATIONS"},
               {"SERVICES"},
               {"PACKETS", Align::kRight},
               {"BYTES", Align::kRight}},
              {}};
  for (const auto& rule : response.rules()) {
    table.rows.push_back({{rule.line() == 0 ? "-" : std::to_string(rule.line())},
                          {from(rule)},
                          {list_text(rule.destinations())},
                          {list_text(rule.services())},
                          {std::to_string(rule.packets())},
                          {format_bytes(rule.bytes())}});
  }
  document.blocks.emplace_back(std::move(table));
  return document;
}

Document acl_stats_document(const mesh::v1::AclStatsResponse& response) {
  Document document;
  Json counters = Json::array();
  Table table{{{"PACKETS", Align::kRight}, {"REASON"}, {"MEANING"}}, {}};
  for (const auto& counter : response.counters()) {
    counters.push_back({{"label", counter.label()},
                        {"meaning", counter.meaning()},
                        {"packets", counter.packets()}});
    if (counter.packets() == 0) continue;
    table.rows.push_back(
        {{std::to_string(counter.packets())}, {counter.label()}, {counter.meaning()}});
  }
  document.json = {{"generation", response.generation()},
                   {"version", version_json(response.version())},
                   {"rules", response.rules()},
                   {"image_bytes", response.image_bytes()},
                   {"source_classes", response.source_classes()},
                   {"destination_classes", response.destination_classes()},
                   {"port_classes", response.port_classes()},
                   {"opened_flows", response.opened_flows()},
                   {"served_flows", response.served_flows()},
                   {"max_flows", response.max_flows()},
                   {"counters", std::move(counters)}};
  if (response.generation() == 0) {
    document.line(kNoPolicy, Tone::kWarn);
  } else {
    document.line("rules   " + std::to_string(response.rules()) + ", in an image of " +
                  format_bytes(response.image_bytes()) + " made from netmap " +
                  std::to_string(response.version().epoch()) + "." +
                  std::to_string(response.version().revision()));
  }
  document.line("flows   " + std::to_string(response.opened_flows()) + " opened by this node, " +
                std::to_string(response.served_flows()) + " by peers, room for " +
                std::to_string(response.max_flows()) + " of each");
  document.line("");
  if (table.rows.empty()) {
    document.line("No packet has come or gone yet.");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document acl_answer_document(const AclExplainResponse& response, const std::string& source,
                             const PacketQuestion& question) {
  return ExplainAnswer(response, source, question).document();
}

}  // namespace kernmesh::adm
