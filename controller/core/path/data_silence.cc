// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/data_silence.h"

#include <algorithm>
#include <utility>

namespace kernmesh::path {

bool DataSilence::on_reading(MonoTime last_tx, MonoTime last_rx, Duration round_trip) {
  if (last_rx_ != last_rx) {
    if (last_rx_) usual_ = std::max(unanswered_, usual_ * 7 / 8);
    last_rx_ = last_rx;
    asked_ = false;
  }
  unanswered_ = std::max(last_tx - last_rx, Duration{});
  const Duration silence = std::max(
      {Duration(kDataSilence), usual_ * kSilenceOfUsual, round_trip * kPatienceRoundTrips});
  return unanswered_ >= silence && !std::exchange(asked_, true);
}

}  // namespace kernmesh::path
