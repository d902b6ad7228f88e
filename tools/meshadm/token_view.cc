// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/token_view.h"

#include "tools/meshadm/quantity.h"
#include "tools/meshadm/wire_text.h"

namespace kernmesh::adm {
namespace {

std::string relative(std::int64_t seconds, WallTime now, const std::string& never) {
  return seconds == 0 ? never : format_relative(WallTime(std::chrono::seconds(seconds)), now);
}

bool is_over(const mesh::v1::Token& token, WallTime now) {
  return WallTime(std::chrono::seconds(token.expires_at())) <= now;
}

Json token_json(const mesh::v1::Token& token, WallTime now) {
  return {{"id", token.id()},
          {"user", token.user_name()},
          {"role", token.role()},
          {"scope", token.scope()},
          {"state", is_over(token, now) ? "expired" : "valid"},
          {"created_at", time_json(token.created_at())},
          {"expires_at", time_json(token.expires_at())},
          {"last_used_at", time_json(token.last_used_at())},
          {"hint", token.hint()},
          {"comment", text_json(token.comment())}};
}

}  // namespace

Document new_token_document(const mesh::v1::CreateTokenResponse& response, WallTime now) {
  Document document;
  const auto& token = response.token();
  document.json = {{"token", token_json(token, now)}, {"secret", response.secret()}};
  document.line("Token " + std::to_string(token.id()) + " for " + token.user_name() + ": role " +
                token.role() + ", scope " + token.scope() + ", expires " +
                relative(token.expires_at(), now, "never") + ". It is shown only now:");
  document.line("");
  document.line("  " + response.secret(), Tone::kStrong);
  document.line("");
  document.line("Put it into a file and name that with --token-file, or into KERNMESH_TOKEN.");
  return document;
}

Document tokens_document(const mesh::v1::ListTokensResponse& response, WallTime now) {
  Document document;
  Json tokens = Json::array();
  Table table{{{"ID", Align::kRight},
               {"USER"},
               {"ROLE"},
               {"SCOPE"},
               {"HINT"},
               {"EXPIRES"},
               {"LAST USED"},
               {"COMMENT"}},
              {}};
  for (const auto& token : response.tokens()) {
    tokens.push_back(token_json(token, now));
    table.rows.push_back({{std::to_string(token.id())},
                          {token.user_name(), Tone::kStrong},
                          {token.role()},
                          {token.scope()},
                          {token.hint()},
                          is_over(token, now) ? Cell{"expired", Tone::kFaint}
                                              : Cell{relative(token.expires_at(), now, "never")},
                          {relative(token.last_used_at(), now, "never")},
                          {token.comment().empty() ? "-" : token.comment()}});
  }
  document.json = {{"tokens", std::move(tokens)}};
  if (table.rows.empty()) {
    document.line("No API tokens yet: meshadm token create --user USER");
  } else {
    document.blocks.emplace_back(std::move(table));
  }
  return document;
}

Document caller_document(const mesh::v1::Caller& caller, WallTime now) {
  Document document;
  document.json = {{"name", caller.name()},
                   {"user", text_json(caller.user_name())},
                   {"role", caller.role()},
                   {"scope", caller.scope()},
                   {"token", caller.token_id() == 0 ? Json() : Json(caller.token_id())},
                   {"expires_at", time_json(caller.expires_at())}};
  document.line(
      caller.name() + ": role " + caller.role() + ", scope " + caller.scope() +
      (caller.expires_at() == 0 ? "" : ", expires " + relative(caller.expires_at(), now, "never")));
  return document;
}

}  // namespace kernmesh::adm
