// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/parse_ssh.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/core/policy/fields.h"
#include "controller/core/policy/go_duration.h"
#include "controller/core/policy/words.h"

namespace kernmesh::policy {
namespace {

constexpr std::chrono::hours kMostCheckPeriod{168};

Result<SshUser> parse_ssh_user(const Located& entry) {
  constexpr std::string_view kLocalpart = "localpart:";
  constexpr std::string_view kAnybody = "localpart:*@";
  const std::string_view name = trimmed(entry.text);
  if (name.empty() || name == "*") {
    return Error(ErrorCode::kInvalid, "the user " + quoted(entry.text) +
                                          " is not valid; write root, autogroup:nonroot, a login "
                                          "name or localpart:*@example.com");
  }
  if (name == "root") return SshUser{{SshUserKind::kRoot, "root"}, entry.at};
  if (name == "autogroup:nonroot") return SshUser{{SshUserKind::kNonroot, ""}, entry.at};
  if (name.starts_with("autogroup:")) {
    return Error(ErrorCode::kInvalid, "the user " + quoted(name) +
                                          " is not valid; the only autogroup here is "
                                          "autogroup:nonroot");
  }
  if (!name.starts_with(kLocalpart)) {
    return SshUser{{SshUserKind::kLiteral, std::string(name)}, entry.at};
  }
  const std::string_view domain = name.substr(std::min(kAnybody.size(), name.size()));
  if (!name.starts_with(kAnybody) || !is_host_name(domain)) {
    return Error(ErrorCode::kInvalid,
                 "the user " + quoted(name) + " is not valid; write localpart:*@example.com");
  }
  return SshUser{{SshUserKind::kLocalpart, std::string(domain)}, entry.at};
}

std::vector<SshUser> read_users(const JsonValue& list, Diagnostics& diagnostics) {
  std::vector<SshUser> users;
  for (const Located& entry : read_strings(list, "\"users\"", diagnostics)) {
    auto user = parse_ssh_user(entry);
    if (user) {
      users.push_back(*std::move(user));
    } else {
      diagnostics.error(entry.at, user.error().message());
    }
  }
  return users;
}

SshAction read_ssh_action(const JsonValue& value, Diagnostics& diagnostics) {
  const auto action = read_string(value, "\"action\"", diagnostics);
  if (!action || *action == "accept") return SshAction::kAccept;
  if (*action == "check") return SshAction::kCheck;
  diagnostics.error(value.at(), "the action " + quoted(*action) +
                                    " does not exist; write \"accept\" or \"check\"");
  return SshAction::kAccept;
}

std::optional<std::chrono::seconds> read_check_period(const JsonValue& value,
                                                      Diagnostics& diagnostics) {
  const auto text = read_string(value, "\"checkPeriod\"", diagnostics);
  if (!text) return std::nullopt;
  if (trimmed(*text) == "always") return std::chrono::seconds{0};
  const auto period = parse_go_duration(trimmed(*text));
  if (!period) {
    diagnostics.error(value.at(), period.error().message() + ", or always");
    return std::nullopt;
  }
  if (period->count() < 0 || *period > kMostCheckPeriod) {
    diagnostics.error(value.at(), "the checkPeriod " + quoted(*text) +
                                      " is out of range; it is 0s to 168h, or always");
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::seconds>(*period);
}

struct Seen {
  bool action = false;
  bool src = false;
  bool dst = false;
  bool users = false;
};

void report_missing(const SshRule& rule, const Seen& seen, Diagnostics& diagnostics) {
  if (!seen.action) {
    diagnostics.error(rule.at, "the ssh rule has no \"action\"; write \"accept\" or \"check\"");
  }
  for (const auto& [key, is_there] :
       {std::pair{"src", seen.src}, std::pair{"dst", seen.dst}, std::pair{"users", seen.users}}) {
    if (is_there) continue;
    diagnostics.warning(rule.at, "the ssh rule has no " + quoted(key) + " and lets nobody in");
  }
}

SshRule read_rule(const JsonValue& entry, std::uint32_t index, Diagnostics& diagnostics) {
  SshRule rule;
  rule.index = index;
  rule.at = entry.at();
  Seen seen;
  read_object(
      entry, "an ssh rule",
      {{"action",
        [&](const JsonValue& value) {
          seen.action = true;
          rule.action = read_ssh_action(value, diagnostics);
        }},
       {"src",
        [&](const JsonValue& value) {
          seen.src = true;
          rule.src = read_selectors(value, "\"src\"", diagnostics);
        }},
       {"dst",
        [&](const JsonValue& value) {
          seen.dst = true;
          rule.dst = read_selectors(value, "\"dst\"", diagnostics);
        }},
       {"users",
        [&](const JsonValue& value) {
          seen.users = true;
          rule.users = read_users(value, diagnostics);
        }},
       {"checkPeriod",
        [&](const JsonValue& value) { rule.check_period = read_check_period(value, diagnostics); }},
       {"acceptEnv",
        [&](const JsonValue& value) {
          for (Located& name : read_strings(value, "\"acceptEnv\"", diagnostics)) {
            rule.accept_env.push_back(std::move(name.text));
          }
        }},
       {"srcPosture",
        [&](const JsonValue& value) {
          rule.src_posture = read_strings(value, "\"srcPosture\"", diagnostics);
        }},
       {"recorder", {}}},
      diagnostics);
  if (entry.kind() == JsonKind::kObject) report_missing(rule, seen, diagnostics);
  return rule;
}

}  // namespace

void read_ssh(const JsonValue& list, Document& document, Diagnostics& diagnostics) {
  std::uint32_t index = 0;
  read_list(list, "\"ssh\"", diagnostics, [&](const JsonValue& entry) {
    document.ssh.push_back(read_rule(entry, index++, diagnostics));
  });
}

}  // namespace kernmesh::policy
