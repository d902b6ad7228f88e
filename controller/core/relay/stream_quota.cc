// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/stream_quota.h"

namespace kernmesh::relay {

bool StreamQuota::take(const IpAddress& source) {
  if (all_ >= limits_.all || unbound_ >= limits_.unbound) return false;
  const auto found = by_source_.find(source_of(source));
  if (found != by_source_.end() && found->second >= limits_.of_source) return false;
  ++by_source_[source_of(source)];
  ++all_;
  ++unbound_;
  return true;
}

void StreamQuota::give_back(const IpAddress& source, Standing standing) {
  const auto found = by_source_.find(source_of(source));
  if (--found->second == 0) by_source_.erase(found);
  --all_;
  if (standing == Standing::kUnbound) --unbound_;
}

}  // namespace kernmesh::relay
