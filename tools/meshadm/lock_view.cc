// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/lock_view.h"

#include <algorithm>

#include "controller/rpc/convert.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

using mesh::v1::LockStatus;

std::string hex_of(std::string_view wire) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()});
}

Json signers_json(const LockNetwork& network, const std::vector<lock::Signer>& signers) {
  Json list = Json::array();
  for (const auto& signer : signers) {
    const std::string name = network.name_of(signer);
    const std::string key = to_string(signer);
    list.push_back({{"key", key}, {"node", name == key ? Json() : Json(name)}});
  }
  return list;
}

std::string signers_text(const LockNetwork& network, const std::vector<lock::Signer>& signers) {
  std::string text;
  for (const auto& signer : signers) text += (text.empty() ? "" : ", ") + network.name_of(signer);
  return text;
}

std::string kind_word(lock::StatementKind kind) {
  switch (kind) {
    case lock::StatementKind::kInit:
      return "init";
    case lock::StatementKind::kTrust:
      return "trust";
    case lock::StatementKind::kDistrust:
      return "revoke";
    case lock::StatementKind::kDisable:
      return "disable";
  }
  return "";
}

std::string words_of(const LockNetwork& network, const lock::Statement& statement) {
  switch (statement.kind) {
    case lock::StatementKind::kInit:
      return "a lock with " + signers_text(network, statement.signers) + " as " +
             (statement.signers.size() == 1 ? "its signer" : "its signers") + " and a quorum of " +
             std::to_string(statement.quorum);
    case lock::StatementKind::kTrust:
      return signers_text(network, statement.signers) + " as a signer";
    case lock::StatementKind::kDistrust:
      return signers_text(network, statement.signers) + " as a signer no more";
    case lock::StatementKind::kDisable:
      return "the end of the lock";
  }
  return "";
}

Json statement_json(const LockNetwork& network, const lock::Statement& statement) {
  std::vector<lock::Signer> signed_by;
  for (const auto& made : statement.signatures) signed_by.push_back(made.signer);
  const bool is_init = statement.kind == lock::StatementKind::kInit;
  return {{"digest", to_hex(digest_of(statement))},
          {"kind", kind_word(statement.kind)},
          {"quorum", is_init ? Json(statement.quorum) : Json()},
          {"signers", signers_json(network, statement.signers)},
          {"signed_by", signers_json(network, signed_by)}};
}

std::string state_word(LockStatus::State state) {
  switch (state) {
    case LockStatus::STATE_IN_FORCE:
      return "in force";
    case LockStatus::STATE_ENDED:
      return "ended";
    default:
      return "none";
  }
}

std::string state_word(const lock::History& history) {
  if (!history.chain) return "none";
  return history.is_in_force() ? "in force" : "ended";
}

void add_here(Document& document, const mesh::v1::LockShowResponse& here) {
  const auto& status = here.status();
  Json left_out = Json::array();
  for (const auto& peer : status.left_out()) {
    left_out.push_back(
        {{"node", peer.node_id()}, {"name", peer.name()}, {"reason", peer.reason()}});
  }
  document.json["here"] = {{"state", state_word(status.state())},
                           {"lock", status.lock().empty() ? Json() : Json(hex_of(status.lock()))},
                           {"statement", status.number()},
                           {"quorum", status.quorum()},
                           {"signer", status.is_signer()},
                           {"signed", status.is_endorsed()},
                           {"own_problem", text_json(status.own_problem())},
                           {"problem", text_json(status.problem())},
                           {"machine_key", key_json(here.machine_key())},
                           {"fingerprint", text_json(here.fingerprint())},
                           {"left_out", std::move(left_out)}};
  std::string line = "here    " + state_word(status.state());
  if (status.state() == LockStatus::STATE_IN_FORCE) {
    line += ", lock " + short_digest(status.lock()) + ", statement " +
            std::to_string(status.number()) +
            (status.is_signer() ? "; this machine is a signer" : "");
  }
  document.line(line, Tone::kStrong);
  if (!here.fingerprint().empty()) document.line("        fingerprint " + here.fingerprint());
  if (status.state() == LockStatus::STATE_IN_FORCE) {
    document.line(status.is_endorsed() ? "        this node is signed"
                                       : "! this node is not signed: " + status.own_problem(),
                  status.is_endorsed() ? Tone::kGood : Tone::kWarn);
  }
  if (!status.problem().empty()) {
    document.line("! not what the server has: " + status.problem(), Tone::kBad);
  }
  for (const auto& peer : status.left_out()) {
    document.line("! " + peer.name() + " is left out: " + peer.reason(), Tone::kWarn);
  }
}

// Nodes that signed peers do not take in.
Json unsigned_nodes(Document& document, const LockNetwork& network) {
  Json list = Json::array();
  if (!network.history.is_in_force()) return list;
  for (const auto& node : network.nodes) {
    const Status member = check_node(*network.history.chain, node);
    if (member) continue;
    list.push_back({{"name", node.name}, {"reason", member.error().message()}});
    document.line("! " + node.name + " is not signed: meshadm lock sign " + node.name, Tone::kWarn);
  }
  return list;
}

void add_server(Document& document, const LockNetwork& network) {
  const auto& history = network.history;
  std::string line = "server  " + state_word(history);
  Json json = {{"state", state_word(history)},
               {"lock", history.chain ? Json(to_hex(history.chain->lock)) : Json()},
               {"statement", history.chain ? Json(history.chain->number) : Json()},
               {"quorum", history.chain ? Json(history.chain->quorum) : Json()},
               {"signers", Json::array()}};
  if (history.is_in_force()) {
    const auto& chain = *history.chain;
    json["signers"] = signers_json(network, chain.signers);
    line += ", lock " + to_hex(chain.lock).substr(0, 16) + ", statement " +
            std::to_string(chain.number) + "; signers " + signers_text(network, chain.signers) +
            "; quorum " + std::to_string(chain.quorum);
  }
  document.line(line, Tone::kStrong);
  json["unsigned"] = unsigned_nodes(document, network);
  json["proposals"] = Json::array();
  for (const auto& proposal : network.proposals) {
    Json entry = statement_json(network, proposal.statement);
    entry["created_at"] = time_json(proposal.created_at);
    entry["lacks"] = text_json(proposal.lacks);
    json["proposals"].push_back(std::move(entry));
    document.line("! proposed: " + words_of(network, proposal.statement) + "; it lacks " +
                      (proposal.lacks.empty() ? "nothing" : proposal.lacks) + ": meshadm lock sign",
                  Tone::kWarn);
  }
  document.json["server"] = std::move(json);
}

}  // namespace

std::string short_digest(std::string_view wire) { return hex_of(wire).substr(0, 16); }

Document nodes_to_sign_document(const std::vector<const LockNode*>& nodes) {
  Document document;
  Table table{{{"NODE"}, {"ADDRESS"}, {"FINGERPRINT"}}, {}};
  for (const auto* node : nodes) {
    table.rows.push_back({{node->name, Tone::kStrong},
                          {node->addresses.empty() ? "-" : to_string(node->addresses.front())},
                          {fingerprint(node->claim())}});
  }
  document.line("The fingerprint of each node is what `meshadm lock status` shows on it:");
  document.blocks.emplace_back(std::move(table));
  return document;
}

Document secrets_document(const std::vector<std::string>& secrets) {
  Document document;
  document.json = {{"statement", Json()}, {"secrets", secrets}};
  document.line(
      "Whoever shows one of these ends the lock; nobody can show them again. Keep them "
      "apart from the network:");
  document.line("");
  for (const auto& secret : secrets) document.line("  " + secret, Tone::kStrong);
  document.line("");
  return document;
}

Document statement_document(const StatementNews& news) {
  Document document;
  Json json = statement_json(news.network, news.statement);
  json["state"] = news.submitted.is_in_force ? "in force" : "proposed";
  json["lacks"] = text_json(news.submitted.lacks);
  document.json["statement"] = std::move(json);
  document.json["signed_nodes"] = news.nodes;
  document.json["secrets"] = news.secrets;
  const std::string what = words_of(news.network, news.statement);
  if (news.submitted.is_in_force) {
    document.line("In force: " + what + ".", Tone::kGood);
  } else {
    document.line("Proposed: " + what + ". It lacks " + news.submitted.lacks +
                  ": `meshadm lock sign` at another signer.");
  }
  return document;
}

Document signed_nodes_document(const std::vector<std::string>& names) {
  Document document;
  document.json["signed_nodes"] = names;
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  document.line(names.empty() ? "Nothing is left to sign." : "Signed " + text + ".");
  return document;
}

Document lock_status_document(const LockPicture& picture) {
  Document document;
  document.json = {{"here", Json()}, {"server", Json()}};
  if (picture.here != nullptr) add_here(document, *picture.here);
  if (picture.network != nullptr) add_server(document, *picture.network);
  return document;
}

}  // namespace kernmesh::adm
