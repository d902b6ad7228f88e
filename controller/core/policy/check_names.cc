// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/check_names.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "controller/base/nearest.h"

namespace kernmesh::policy {
namespace {

// The search for what was meant takes time with each name, and a hostile text has many of both.
constexpr std::size_t kMostSearched = 1000;

std::string_view noun(SelectorKind kind) {
  switch (kind) {
    case SelectorKind::kAny:
      return "everybody";
    case SelectorKind::kAutogroup:
      return "the autogroup";
    case SelectorKind::kUser:
      return "the user";
    case SelectorKind::kDomainUsers:
      return "the users";
    case SelectorKind::kGroup:
      return "the group";
    case SelectorKind::kTag:
      return "the tag";
    case SelectorKind::kHost:
      return "the host";
    case SelectorKind::kIpSet:
      return "the ipset";
    case SelectorKind::kPrefix:
      return "the address";
  }
  return "";
}

template <typename Value>
void check_name(std::string_view what, const Located& name, std::string_view section,
                const std::unordered_map<std::string, Value>& defined, Diagnostics& diagnostics) {
  if (defined.contains(name.text)) return;
  std::string message = std::string(what) + " " + quoted(name.text) + " is not defined";
  std::string meant;
  if (defined.size() <= kMostSearched && diagnostics.error_count() < Diagnostics::kMaxKept) {
    std::vector<std::string> names;
    names.reserve(defined.size());
    for (const auto& [known, value] : defined) names.push_back(known);
    std::sort(names.begin(), names.end());
    meant = nearest(name.text, names);
  }
  message +=
      meant.empty() ? "; define it in " + quoted(section) : "; did you mean " + quoted(meant) + "?";
  diagnostics.error(name.at, std::move(message));
}

}  // namespace

bool names_somebody(const Selector& selector) {
  switch (selector.kind) {
    case SelectorKind::kUser:
    case SelectorKind::kDomainUsers:
    case SelectorKind::kGroup:
    case SelectorKind::kTag:
      return true;
    case SelectorKind::kAutogroup:
      return selector.autogroup != Autogroup::kSelf && selector.autogroup != Autogroup::kInternet &&
             selector.autogroup != Autogroup::kDangerAll;
    default:
      return false;
  }
}

void check_defined(const Selector& selector, const Document& document, Diagnostics& diagnostics) {
  const std::string_view what = noun(selector.kind);
  const Located name{selector.name, selector.at};
  if (selector.kind == SelectorKind::kGroup) {
    check_name(what, name, "groups", document.groups, diagnostics);
  } else if (selector.kind == SelectorKind::kTag) {
    check_name(what, name, "tagOwners", document.tag_owners, diagnostics);
  } else if (selector.kind == SelectorKind::kHost) {
    check_name(what, name, "hosts", document.hosts, diagnostics);
  } else if (selector.kind == SelectorKind::kIpSet) {
    check_name(what, name, "ipsets", document.ipsets, diagnostics);
  }
}

void check_postures(const std::vector<Located>& names, const Document& document,
                    Diagnostics& diagnostics) {
  for (const Located& name : names) {
    check_name("the posture", name, "postures", document.postures, diagnostics);
  }
}

std::string described(const Selector& selector) {
  return std::string(noun(selector.kind)) + " " + quoted(to_string(selector));
}

}  // namespace kernmesh::policy
