// SPDX-License-Identifier: Apache-2.0
#include "controller/core/policy/ip_set.h"

#include <algorithm>
#include <deque>
#include <unordered_set>
#include <vector>

#include "controller/core/policy/compiled.h"

namespace kernmesh::policy {
namespace {

class Resolver {
 public:
  Resolver(const Document& document, std::size_t max_ranges)
      : document_(document), left_(max_ranges) {}

  // Cycles were refused before.
  Status resolve(const std::string& name) {
    if (done_.contains(name)) return {};
    const auto found = document_.ipsets.find(name);
    if (found == document_.ipsets.end()) {
      return Error(ErrorCode::kInvalid, "there is no ipset \"" + name + "\"");
    }
    const IpSet& ipset = found->second;
    for (const auto& step : ipset.steps) {
      if (step.selector.kind == SelectorKind::kIpSet) MESH_TRY(resolve(step.selector.name));
    }
    // What an earlier step of the same name says is overruled wherever it speaks.
    std::unordered_set<std::string> named;
    std::deque<AddressSet> literals;
    std::vector<AddressSet::Layer> layers;
    for (auto step = ipset.steps.rbegin(); step != ipset.steps.rend(); ++step) {
      if (!named.insert(to_string(step->selector)).second) continue;
      layers.push_back(
          {step->operation == IpSetOperation::kAdd ? Layering::kAdd : Layering::kRemove,
           addresses_of(step->selector, literals)});
    }
    std::reverse(layers.begin(), layers.end());
    AddressSet result = AddressSet::layered(layers);
    const std::size_t ranges = result.range_count();
    if (ranges > left_) {
      return Error(ErrorCode::kExhausted, "the ipsets come to too many separate ranges at \"" +
                                              name + "\": name fewer or wider prefixes");
    }
    left_ -= ranges;
    done_.emplace(name, std::move(result));
    return {};
  }

  std::unordered_map<std::string, AddressSet> take() { return std::move(done_); }

 private:
  // `literals` keeps what is made here.
  const AddressSet* addresses_of(const Selector& selector, std::deque<AddressSet>& literals) const {
    if (selector.kind == SelectorKind::kIpSet) return &done_.at(selector.name);
    if (selector.kind == SelectorKind::kAutogroup) return &internet();
    const auto host = document_.hosts.find(selector.name);
    if (selector.kind == SelectorKind::kPrefix) {
      literals.emplace_back(std::vector<Prefix>{selector.prefix});
    } else if (host != document_.hosts.end()) {
      literals.emplace_back(std::vector<Prefix>{host->second.prefix});
    } else {
      literals.emplace_back();
    }
    return &literals.back();
  }

  const Document& document_;
  std::size_t left_;
  std::unordered_map<std::string, AddressSet> done_;
};

}  // namespace

Result<std::unordered_map<std::string, AddressSet>> resolve_ipsets(const Document& document,
                                                                   std::size_t max_ranges) {
  Resolver resolver(document, max_ranges);
  for (const auto& [name, ipset] : document.ipsets) MESH_TRY(resolver.resolve(name));
  return resolver.take();
}

}  // namespace kernmesh::policy
