// SPDX-License-Identifier: Apache-2.0
#include "controller/server/sign_in_users.h"

#include <algorithm>

#include "controller/core/signin/user_name.h"
#include "controller/server/audit.h"
#include "controller/server/lookup.h"
#include "controller/server/proof.h"

namespace kernmesh::server {
namespace {

// Of each kind; a provider may name a thousand groups.
constexpr std::size_t kMostGroupsTold = 8;
constexpr std::size_t kMostIssuerTold = 200;

// For a shell: the administrator copies it.
std::string quoted_word(const std::string& text) {
  std::string word = "'";
  for (const char c : printable(text, signin::kMostSubjectBytes)) {
    word += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return word + "'";
}

std::vector<std::string> sorted_once(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

Status check_machine(const View& view, const signin::Newcomer& newcomer,
                     const store::UserRecord* user) {
  const auto* node = view.network.find(newcomer.machine_key);
  if (node == nullptr || (user != nullptr && node->user_id == user->user.id)) return {};
  return Error(ErrorCode::kPermissionDenied,
               "this machine is in the network as another user's, who alone can sign it in again; "
               "to make it yours, run `meshadm logout` on it first");
}

Error is_somebody_else(const topology::User& other, const signin::Identity& identity) {
  return {ErrorCode::kPermissionDenied,
          "there is a user \"" + other.name +
              "\" already, whom the network knows by your name or address, and who is not the "
              "account that you have signed in with. If that is you, ask the administrator to run "
              "`meshadm user link " +
              other.name + " " + quoted_word(identity.subject) + "`"};
}

void tell(const char* sign, const std::vector<std::string>& groups, std::string& text) {
  const auto told = std::min(groups.size(), kMostGroupsTold);
  for (std::size_t i = 0; i < told; ++i) {
    text += (text.empty() ? "" : ", ") + std::string(sign) + "group " +
            printable(groups[i], signin::kMostGroupBytes);
  }
  if (told < groups.size()) {
    text += ", " + std::string(sign) + std::to_string(groups.size() - told) + " groups more";
  }
}

// For the audit log.
std::string difference(const topology::User& was, const topology::User& is) {
  std::string text;
  if (was.name != is.name) text = "was called " + was.name;
  if (was.email != is.email) {
    text += (text.empty() ? "" : ", ") + std::string("address ") +
            (was.email.empty() ? "-" : was.email) + " -> " + (is.email.empty() ? "-" : is.email);
  }
  std::vector<std::string> added, removed;
  std::set_difference(is.groups.begin(), is.groups.end(), was.groups.begin(), was.groups.end(),
                      std::back_inserter(added));
  std::set_difference(was.groups.begin(), was.groups.end(), is.groups.begin(), is.groups.end(),
                      std::back_inserter(removed));
  tell("+", added, text);
  tell("-", removed, text);
  return text;
}

store::UserRecord record_of(const View& view, const store::UserRecord* known,
                            const signin::Identity& identity, WallTime now) {
  store::UserRecord record;
  if (known != nullptr) {
    record = *known;
    record.user.name = signin::next_user_name(known->user.name, identity);
  } else {
    record.user.id = UserId(view.highest.user.value() + 1);
    record.user.name = signin::user_name(identity);
    record.user.created_at = now;
    record.issuer = identity.issuer;
    record.subject = identity.subject;
  }
  record.user.email = signin::known_address(identity);
  record.user.groups = sorted_once(identity.groups);
  return record;
}

}  // namespace

Result<store::Commit> plan_sign_in(const View& view, const signin::Newcomer& newcomer,
                                   const signin::Identity& identity, WallTime now) {
  const auto* known = find_user_of(view, identity.issuer, identity.subject);
  MESH_TRY(check_machine(view, newcomer, known));
  auto record = record_of(view, known, identity, now);
  store::Commit commit;
  if (known != nullptr && known->user == record.user) return commit;
  if (const auto* other = find_namesake(view, record.user)) {
    return is_somebody_else(*other, identity);
  }
  const bool is_new = known == nullptr;
  const std::string account = printable(identity.subject, signin::kMostSubjectBytes) + " of " +
                              printable(identity.issuer, kMostIssuerTold);
  commit.audit.push_back({now, subject_of(record.user), is_new ? "user.create" : "user.update",
                          subject_of(record.user),
                          is_new ? "signed in as " + account : difference(known->user, record.user),
                          newcomer.source});
  // A user without nodes is in nobody's netmap.
  commit.audience = is_new ? store::Audience::kServer : store::Audience::kNetwork;
  commit.puts.emplace_back(std::move(record));
  return commit;
}

Status SignInUsers::take(const signin::Newcomer& newcomer, const signin::Identity& identity) {
  return commit_planned(directory_, store_, [&](const View& view) {
    return plan_sign_in(view, newcomer, identity, clock_());
  });
}

}  // namespace kernmesh::server
