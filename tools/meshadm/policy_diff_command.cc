// SPDX-License-Identifier: Apache-2.0
// policy diff.
#include <memory>

#include "controller/core/policy/diff.h"
#include "controller/core/policy/stand_in.h"
#include "tools/meshadm/policy_findings.h"
#include "tools/meshadm/policy_source.h"
#include "tools/meshadm/policy_verbs.h"

namespace kernmesh::adm {
namespace {

// A change of everything is thousands of lines, which nobody reads; JSON has all.
constexpr std::size_t kMostLines = 40;   // of what is newly allowed, and as many of what is denied
constexpr std::size_t kMostNames = 6;    // of one end of a line
constexpr std::size_t kMostBytes = 120;  // of services or a capability's values

struct DiffOptions {
  std::string file;
  std::string file2;
  std::string inventory;
};

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMostNames; ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kMostNames) {
    text += " and " + std::to_string(names.size() - kMostNames) + " more";
  }
  return text;
}

// At a place where UTF-8 is not cut.
std::string shortened(std::string text) {
  if (text.size() <= kMostBytes) return text;
  std::size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::vector<std::string> tags_of(const ReadPolicy& a, const ReadPolicy& b) {
  std::vector<std::string> tags;
  for (const auto* document : {a.document.get(), b.document.get()}) {
    for (const auto& [tag, owners] : document->tag_owners) tags.push_back(tag);
  }
  return tags;
}

Json difference_json(const policy::Difference& difference) {
  const auto& sample = difference.sample;
  const bool is_packet = !difference.services.empty();
  return {{"change", difference.kind == policy::DifferenceKind::kAllowed ? "allowed" : "denied"},
          {"sources", difference.sources},
          {"destinations", difference.destinations},
          {"services", to_string(difference.services)},
          {"terms", difference.terms},
          {"except_own_devices", difference.except_own},
          {"family", !difference.family                    ? Json()
                     : *difference.family == IpFamily::kV4 ? Json("ipv4")
                                                           : Json("ipv6")},
          {"sample",
           {{"source", to_string(sample.source)},
            {"destination", to_string(sample.destination)},
            {"protocol", is_packet ? Json(policy::protocol_name(sample.protocol)) : Json()},
            {"port", is_packet ? Json(sample.port) : Json()}}}};
}

std::string difference_line(const policy::Difference& difference) {
  const bool allowed = difference.kind == policy::DifferenceKind::kAllowed;
  std::string line = (allowed ? "+ " : "- ") + listed(difference.sources) + " -> " +
                     listed(difference.destinations);
  if (!difference.services.empty()) line += " " + shortened(to_string(difference.services));
  if (!difference.terms.empty()) line += " " + shortened(difference.terms);
  if (difference.except_own) line += " (not on their own devices)";
  if (difference.family) {
    line += *difference.family == IpFamily::kV4 ? " (IPv4 only)" : " (IPv6 only)";
  }
  return line;
}

Document diff_document(const std::vector<policy::Difference>& differences) {
  Document document;
  Json list = Json::array();
  std::size_t allowed = 0, denied = 0;
  for (const auto& difference : differences) {
    list.push_back(difference_json(difference));
    const bool is_allowed = difference.kind == policy::DifferenceKind::kAllowed;
    if (++(is_allowed ? allowed : denied) > kMostLines) continue;
    document.line(difference_line(difference), is_allowed ? Tone::kGood : Tone::kBad);
  }
  document.json = {{"differences", std::move(list)}};
  const auto rest = [](std::size_t count) { return count > kMostLines ? count - kMostLines : 0; };
  if (rest(allowed) + rest(denied) > 0) {
    document.line("and " + std::to_string(rest(allowed)) + " more that it allows, " +
                  std::to_string(rest(denied)) + " that it denies: --json has all of them");
  }
  if (differences.empty()) document.line("Both admit the same.");
  return document;
}

Result<Outcome> run_diff(Session& session, const DiffOptions& options) {
  MESH_TRY_ASSIGN(auto source, read_policy(session, options.file));
  PolicyText before_source;
  if (options.file2.empty()) {
    MESH_TRY_ASSIGN(before_source, fetch_policy(session, 0));
  } else {
    before_source = std::move(source);
    MESH_TRY_ASSIGN(source, read_policy(session, options.file2));
  }
  MESH_TRY_ASSIGN(const auto network, read_network(session, options.inventory));
  MESH_TRY_ASSIGN(const auto before, compile_policy(before_source));
  MESH_TRY_ASSIGN(const auto after, compile_policy(source));
  const auto staged = policy::with_stand_ins(network, tags_of(before, after));
  session.renderer().show(diff_document(policy::diff(before.compiled, after.compiled, staged)));
  return Outcome::kDone;
}

}  // namespace

void add_policy_diff(CLI::App& group, Invocation& invocation) {
  auto& command = add_command(
      group, {"diff", "Show what a policy file would newly allow (+) and deny (-), by meaning",
              "meshadm policy diff policy.hujson\n"
              "meshadm policy diff old.hujson new.hujson --inventory network.json"});
  auto options = std::make_shared<DiffOptions>();
  command.add_option("file", options->file, "The policy, compared with the one in force")
      ->required()
      ->type_name(kFileType);
  command.add_option("file2", options->file2, "Compare from FILE to this one instead")
      ->type_name("[FILE2]");
  command
      .add_option("--inventory", options->inventory,
                  "Compare over this network (docs/policy.md, \"Offline\"), not the server's")
      ->type_name(kFileType);
  command.callback([&invocation, options] {
    invocation.action = [options](Session& session) { return run_diff(session, *options); };
  });
}

}  // namespace kernmesh::adm
