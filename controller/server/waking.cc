// SPDX-License-Identifier: Apache-2.0
#include "controller/server/waking.h"

namespace kernmesh::server {
namespace {

MapVersion newest(const Directory& directory) {
  return directory.read([](const View& view) { return view.network.version(); });
}

}  // namespace

Waking::Waking(const Directory& directory, const Presence& presence)
    : directory_(directory), presence_(presence), looked_(newest(directory)), all_woken_(looked_) {}

std::vector<OpenStream> Waking::due() {
  // Before the streams are listed: one that opens after that reads at least this.
  const MapVersion now = newest(directory_);
  auto streams = presence_.streams();
  if (now.revision.value() - all_woken_.revision.value() >= kWakeAllAfter) {
    looked_ = all_woken_ = now;
    return streams;
  }
  directory_.read([&](const View& view) {
    // Relays and the network lock concern everybody.
    const auto is_new = [&](Revision changed) {
      return changed > looked_.revision && changed <= now.revision;
    };
    if (is_new(view.relays_changed) || is_new(view.lock_changed)) return;
    std::erase_if(streams, [&](const OpenStream& open) {
      return !view.network.may_concern(open.caller.node, looked_, now);
    });
  });
  looked_ = now;
  return streams;
}

}  // namespace kernmesh::server
