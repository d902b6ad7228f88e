// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/calling.h"

#include <algorithm>

namespace kernmesh::path {

void Calling::begin(MonoTime now) {
  left_ = kCalls;
  next_ = last_sent_ ? std::max(now, *last_sent_ + kCallPause) : now;
}

void Calling::answer(MonoTime now) {
  if (next_ || (last_sent_ && now - *last_sent_ < kCallAnswerPause)) return;
  left_ = 1;
  next_ = now;
}

void Calling::on_sent(MonoTime now) {
  last_sent_ = now;
  --left_;
  next_ = left_ > 0 ? std::optional(now + kCallPause) : std::nullopt;
}

}  // namespace kernmesh::path
