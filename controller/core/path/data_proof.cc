// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/data_proof.h"

#include <algorithm>

namespace kernmesh::path {

void DataProof::begin(MonoTime now) {
  *this = {};
  began_at_ = now;
}

void DataProof::on_pong(MonoTime now, MonoTime ping_sent, std::optional<milliseconds> data_age,
                        std::optional<MonoTime> last_tx) {
  // The peer read its clock after the ping left: this is not later than the arrival was.
  if (data_age && ping_sent - *data_age >= began_at_)
    arrived_at_ = std::max(arrived_at_.value_or(began_at_), ping_sent - *data_age);
  const auto heard_until = arrived_at_ ? *arrived_at_ + kBarrenSilence : began_at_;
  if (!last_tx || *last_tx <= heard_until) {
    missed_since_.reset();
    missed_ = 0;
    return;
  }
  if (!missed_since_) missed_since_ = now;
  ++missed_;
}

bool DataProof::is_barren(MonoTime now) const {
  const Duration after = arrived_at_ ? kBarrenAfter : kBarrenFromTheStart;
  return missed_since_ && missed_ >= kBarrenPongs && now - *missed_since_ >= after;
}

}  // namespace kernmesh::path
