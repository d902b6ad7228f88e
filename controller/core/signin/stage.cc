// SPDX-License-Identifier: Apache-2.0
#include "controller/core/signin/stage.h"

namespace kernmesh::signin {

std::string_view to_string(Stage stage) {
  switch (stage) {
    case Stage::kPending:
      return "pending";
    case Stage::kAuthorized:
      return "authorized";
    case Stage::kConsumed:
      return "consumed";
    case Stage::kDenied:
      return "denied";
    case Stage::kExpired:
      return "expired";
  }
  return "unknown";
}

Result<Stage> next_stage(Stage stage, StageEvent event) {
  if (stage == Stage::kPending) {
    if (event == StageEvent::kAuthorize) return Stage::kAuthorized;
    if (event == StageEvent::kDeny) return Stage::kDenied;
    if (event == StageEvent::kLapse) return Stage::kExpired;
  }
  if (stage == Stage::kAuthorized) {
    if (event == StageEvent::kConsume) return Stage::kConsumed;
    if (event == StageEvent::kLapse) return Stage::kExpired;
  }
  return Error(ErrorCode::kConflict, "this sign-in is " + std::string(to_string(stage)));
}

}  // namespace kernmesh::signin
