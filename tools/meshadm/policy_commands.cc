// SPDX-License-Identifier: Apache-2.0
// policy compile, and the group that the other policy verbs are in.
#include <iterator>
#include <memory>

#include "tools/meshadm/command.h"
#include "tools/meshadm/policy_answer.h"
#include "tools/meshadm/policy_verbs.h"

namespace kernmesh::adm {
namespace {

struct CompileOptions {
  bool lines = false;
};

Result<Outcome> run_compile(Session& session, const CompileOptions& options) {
  auto& surroundings = session.surroundings();
  if (!options.lines) {
    const std::string request(std::istreambuf_iterator<char>(surroundings.in), {});
    surroundings.out << answer_compile(request).dump() << "\n";
    return Outcome::kDone;
  }
  for (std::string line; std::getline(surroundings.in, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    surroundings.out << answer_compile(line).dump() << std::endl;
  }
  return Outcome::kDone;
}

}  // namespace

void add_policy_commands(CLI::App& root, Invocation& invocation) {
  auto& group = add_group(root, {"policy", "Read, test and change who may reach what",
                                 "meshadm policy get -o policy.hujson\n"
                                 "meshadm policy check policy.hujson\n"
                                 "meshadm policy set policy.hujson --comment \"web for ops\""});
  add_policy_check(group, invocation);
  add_policy_diff(group, invocation);
  add_policy_explain(group, invocation);
  add_policy_revisions(group, invocation);
  auto options = std::make_shared<CompileOptions>();
  auto& compile = add_command(
      group, {"compile", "Compile a policy against a network, both from standard input, offline",
              "meshadm policy compile --json < request.json\n"
              "meshadm policy compile --jsonl < requests.jsonl"});
  compile.add_flag("--jsonl", options->lines, "One request a line, one answer a line");
  compile.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_compile(session, *options); };
  });
}

}  // namespace kernmesh::adm
