// SPDX-License-Identifier: Apache-2.0
// What an object takes over from the programs that run now (L2): the maps of its own layout
// version, or the state of another version that this build can read. A version that it cannot read
// leaves nothing but its name. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"
#include "controller/bpf/bpffs.h"
#include "controller/bpf/layout.h"
#include "controller/bpf/object.h"
#include "controller/bpf/predecessor.h"

namespace kernmesh::bpf {

// Which entries are written: all, or those whose keys are not there yet.
enum class Carrying { kAll, kMissing };
struct Carried {
  std::uint64_t entries = 0;
  std::uint64_t refused = 0;  // have no counterpart in the other layout
};
// From one map to another through a conversion. Entries that programs add meanwhile may be missed.
Result<Carried> carry(int from, int to, EntryConversion convert, Carrying which);

class Succession {
 public:
  // Before the object is loaded. What runs decides: pins of this version that nothing uses while
  // another version runs are stale, unless that one cannot be read; then they are what it left for
  // us.
  static Result<Succession> begin(Object& object, const PinFolder& pins,
                                  const std::vector<Predecessor>& running);
  // After it is loaded and before its programs are attached: fills the maps that are not shared.
  Status fill(const Object& object);
  // After a program was replaced: what the replaced one has written since.
  Status catch_up(const Object& object);
  // All programs are replaced: lets the other version's maps go.
  void finish() { old_maps_.clear(); }

  // The version whose state is taken over by converting it; null: this version's, or none.
  const Layout* from() const { return from_; }
  // Another version runs that this build cannot read.
  std::optional<std::uint32_t> unreadable() const { return unreadable_; }
  bool is_of_other_version() const { return from_ != nullptr || unreadable_.has_value(); }
  // Maps that are an earlier agent's.
  int adopted() const { return adopted_; }
  // Whether what was known before is known now.
  bool has_state() const { return from_ != nullptr || adopted_ > 0; }
  const Carried& carried() const { return carried_; }
  // Of the other version, borrowed; -1: it has none of that name.
  int old_map(const std::string& name) const;

 private:
  Status share(Object& object);

  const Layout* from_ = nullptr;
  std::map<std::string, UniqueFd> old_maps_;
  std::optional<std::uint32_t> unreadable_;
  int adopted_ = 0;
  Carried carried_;
};

}  // namespace kernmesh::bpf
