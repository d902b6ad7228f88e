// SPDX-License-Identifier: Apache-2.0
// Judges packets by bytes that claim to be a policy's image, read back from a kernel whose agent
// may have been of another build: nothing outside of them is read. What is found and set in their
// table of addresses is found again.
#include <array>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "controller/core/maplayout/acl_verdict.h"
#include "controller/core/maplayout/address_table.h"
#include "controller/core/maplayout/rule_slots.h"

using namespace kernmesh;             // NOLINT
using namespace kernmesh::maplayout;  // NOLINT

namespace {

constexpr std::size_t kQuestionBytes = 12;

IpAddress any_address(const std::uint8_t* bytes) {
  if (bytes[0] % 2 == 0) return IpAddress::from_v4_bytes({100, 64, bytes[1], bytes[2]});
  return IpAddress::from_v6_bytes(
      {bytes[3], bytes[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, bytes[2]});
}

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < kQuestionBytes) return 0;
  const policy::Packet packet{any_address(data), any_address(data + 4), data[8],
                              static_cast<std::uint16_t>(data[9] << 8 | data[10])};
  const bool is_our_build = data[11] % 8 != 0;
  const std::size_t bytes = size - kQuestionBytes;
  // Exactly as large as it claims, so that a read past its end is seen.
  std::vector<mesh_acl_line> image(bytes / sizeof(mesh_acl_line));
  if (!image.empty()) {
    std::memcpy(image.data(), data + kQuestionBytes, image.size() * sizeof(mesh_acl_line));
    if (is_our_build) image[0].w[0] = MESH_ABI_VERSION;
  }
  const AclVerdict verdict = judge(image, packet);
  if (verdict.outcome == AclOutcome::kAllowed) must(verdict.rule.id.value() != 0);
  const auto slots = RuleSlots::restored(image);
  must(!slots || slots->end() <= RuleSlots::kMaxRules + 1);
  const SourceAddress source{to_mesh_addr(packet.source), NodeId(7), 3};
  if (!set_address(image, source)) return 0;
  const auto found = find_address(image, source.address);
  must(found && found->node == source.node && found->source_class == source.source_class);
  must(!addresses_in(image).empty());
  must(remove_address(image, source.address));
  return 0;
}
