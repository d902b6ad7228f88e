// SPDX-License-Identifier: Apache-2.0
// One compiled BPF object (L2): opened, given the maps that an earlier agent left, loaded. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "controller/base/result.h"
#include "controller/base/unique_fd.h"
#include "controller/bpf/bpffs.h"

struct bpf_object;

namespace kernmesh::bpf {

// What the kernel says of a loaded program.
struct ProgramInfo {
  std::uint32_t id = 0;
  std::string name;
  std::uint64_t tag = 0;               // the kernel's hash of the instructions
  std::vector<std::uint32_t> map_ids;  // sorted

  // `maps` are sorted, too.
  bool uses_any_of(const std::vector<std::uint32_t>& maps) const;
};
Result<ProgramInfo> program_info(int program_fd);
// kNotFound when the program is gone.
Result<UniqueFd> program_by_id(std::uint32_t id);

class Object {
 public:
  // `bytes` is an ELF file that outlives the object (a skeleton's).
  static Result<Object> open(const char* name, std::span<const char> bytes);
  Object(Object&&) = default;
  Object& operator=(Object&&) = default;
  ~Object();

  // Before load(). Entries of a map; ignored for a map that is adopted.
  Status set_max_entries(const char* map, std::uint32_t entries);
  // Before load(). What the programs read as `const volatile`, from the first byte on.
  Status set_constants(std::span<const char> bytes);
  // Takes over pinned maps; returns how many. A pin of another shape is an error (kConflict).
  Result<int> adopt_pins(const PinFolder& folder);
  // Takes over the maps that an attached program of ours uses; returns how many.
  Result<int> adopt_program(std::uint32_t program_id);
  // Takes over one map; `from` is for the error's text.
  Status adopt(const std::string& map, int fd, const std::string& from);
  // Whether the object has such a map for state.
  bool has_map(const std::string& name) const;
  // Removes the pins of the object's maps, before they are made anew.
  Status unpin(const PinFolder& folder) const;

  // Needs CAP_BPF and CAP_NET_ADMIN. kTables leaves the programs out.
  enum class Parts { kAll, kTables };
  Status load(Parts parts = Parts::kAll);
  // Pins every map that has no pin yet.
  Status pin(const PinFolder& folder) const;

  // After load(). The object keeps ownership. -1: no such name, our own bug.
  int map_fd(const char* name) const;
  int program_fd(const char* name) const;
  // How many entries the map has or will have: its maker's choice when it was adopted.
  Result<std::uint32_t> max_entries(const char* map) const;
  // The ids of the maps that state lives in, sorted.
  const std::vector<std::uint32_t>& map_ids() const { return map_ids_; }

 private:
  struct Close {
    void operator()(bpf_object* object) const;
  };
  explicit Object(bpf_object* object) : object_(object) {}
  std::unique_ptr<bpf_object, Close> object_;
  std::vector<std::string> adopted_;
  std::vector<std::uint32_t> map_ids_;
};

}  // namespace kernmesh::bpf
