// SPDX-License-Identifier: Apache-2.0
// Whether a gateway has kept its mappings, by the seconds that it counts since it last had none
// (L1, pure).
#pragma once

#include <cstdint>
#include <optional>

#include "controller/base/clock.h"

namespace kernmesh::portmap {

class Epoch {
 public:
  // What the gateway says at `now`. False: it is not what follows from the last reading, so that
  // the gateway has forgotten. By RFC 6887 section 8.5; RFC 6886 section 3.6 is a little stricter.
  bool follows(MonoTime now, std::uint32_t epoch_s);
  void forget() { last_.reset(); }

 private:
  struct Reading {
    MonoTime at{};
    std::int64_t epoch_s = 0;
  };
  std::optional<Reading> last_;
};

}  // namespace kernmesh::portmap
