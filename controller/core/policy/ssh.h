// SPDX-License-Identifier: Apache-2.0
// The `ssh` section compiled: who may log in where as whom (L1, pure). SSH rules open nothing in
// the packet filter.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/core/policy/document.h"
#include "controller/core/policy/population.h"

namespace kernmesh::policy {

struct SshLogin {
  std::uint32_t line = 0;  // of the rule
  std::vector<IpAddress> principals;
  // Local user a principal asks for -> the one it gets: "=" the same, "" refused; "*" any other.
  std::map<std::string, std::string> users;
  SshAction action = SshAction::kAccept;
  std::optional<std::chrono::seconds> check_period;  // 0: at every login; absent: the default
  std::vector<std::string> accept_env;
};

// Answers for one network; borrows both.
class SshPolicy {
 public:
  SshPolicy(const Document& document, const Population& population);

  // In the order they are tried: `check` rules before `accept`, each in file order.
  std::vector<SshLogin> logins_at(NodeIndex node) const;

  // What happens to a login, nothing: refused.
  std::optional<SshAction> decide(NodeIndex source, NodeIndex destination,
                                  const std::string& user) const;

 private:
  struct Resolved {
    const SshRule* rule;
    NodeSet sources;
    NodeSet destinations;
    bool to_self = false;
  };

  NodeSet nodes_of(const std::vector<Selector>& selectors) const;
  void append(std::vector<SshLogin>& logins, const Resolved& resolved, const NodeSet& principals,
              const User* user) const;
  void append_by_user(std::vector<SshLogin>& logins, const Resolved& resolved,
                      const NodeSet& principals) const;
  void add_at(std::vector<SshLogin>& logins, const Resolved& resolved, NodeIndex node) const;

  const Document& document_;
  const Population& population_;
  std::vector<Resolved> rules_;  // checks first
};

}  // namespace kernmesh::policy
