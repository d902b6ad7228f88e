// SPDX-License-Identifier: Apache-2.0
// A place for at most one value: putting replaces, taking empties (L0). State streams use it so
// that a slow reader costs one value of memory and always gets the newest. Not thread-safe; the
// owner locks.
#pragma once

#include <optional>
#include <utility>

namespace kernmesh {

template <typename T>
class LatestSlot {
 public:
  // Returns true when an unread value was replaced.
  bool put(T value) {
    const bool replaced = value_.has_value();
    value_ = std::move(value);
    return replaced;
  }
  std::optional<T> take() { return std::exchange(value_, std::nullopt); }
  bool empty() const { return !value_.has_value(); }

 private:
  std::optional<T> value_;
};

}  // namespace kernmesh
