// SPDX-License-Identifier: Apache-2.0
// The image's tables of peers' addresses, one for each family (L1, pure): laid out once, then
// changed in place while programs read them, by the single stores that bpf/abi/acl.h allows. One
// writer at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi/acl.h"
#include "controller/core/maplayout/source_classes.h"

namespace kernmesh::maplayout {

struct AddressTables {
  std::uint32_t seed = 0;
  std::vector<mesh_acl_line> v4, v6;  // a power of two of them each
};

// From `seed` on, the first with which every address finds a place within its window, in tables at
// most five eighths full. kExhausted when none does in `max_lines`.
Result<AddressTables> lay_out(const std::vector<SourceAddress>& addresses, std::uint32_t seed,
                              std::uint64_t max_lines);

// The functions below take a whole image, aligned to 8 bytes, which may be live. One whose header
// does not fit its size is not touched: nothing is found and nothing set.

// Entries that set_address() has in mind for addresses before any of them is written.
class Reservations {
 public:
  explicit Reservations(std::span<const mesh_acl_line> image) : image_(image) {}
  // Whether the address has an entry or can have a free one that is not reserved yet; reserves it.
  bool reserve(const mesh_addr& address);

 private:
  std::span<const mesh_acl_line> image_;
  std::vector<const void*> taken_;  // sorted
};

// Changes who has the address, or fills a free entry for it. False when there is none within the
// window: one that was removed is not used again, since a program may just be reading it.
bool set_address(std::span<mesh_acl_line> image, const SourceAddress& source);

// False when it was not there.
bool remove_address(std::span<mesh_acl_line> image, const mesh_addr& address);

// All that stand in the table.
std::vector<SourceAddress> addresses_in(std::span<const mesh_acl_line> image);

std::optional<SourceAddress> find_address(std::span<const mesh_acl_line> image,
                                          const mesh_addr& address);

}  // namespace kernmesh::maplayout
