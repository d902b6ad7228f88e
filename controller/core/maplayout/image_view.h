// SPDX-License-Identifier: Apache-2.0
// Reads an image, or what claims to be one, without ever leaving it (L1, pure).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "bpf/abi/acl.h"

namespace kernmesh::maplayout {

// An image's lines before its tables: mesh_acl_header, mesh_acl_own, mesh_acl_extent.
inline constexpr std::uint32_t kHeaderLine = 0;
inline constexpr std::uint32_t kOwnLine = 1;
inline constexpr std::uint32_t kExtentLine = 2;

class ImageView {
 public:
  explicit ImageView(std::span<const mesh_acl_line> lines) : lines_(lines) {}

  std::size_t lines() const { return lines_.size(); }

  // The element of that index in an array that starts at a line; nothing outside of the image.
  template <typename Element>
  std::optional<Element> at(std::uint64_t first_line, std::uint64_t index) const {
    static_assert(std::is_trivially_copyable_v<Element>);
    static_assert(MESH_ACL_LINE_BYTES % sizeof(Element) == 0);
    constexpr std::uint64_t kPerLine = MESH_ACL_LINE_BYTES / sizeof(Element);
    const std::uint64_t line = first_line + index / kPerLine;
    if (line >= lines_.size()) return std::nullopt;
    Element element;
    std::memcpy(&element,
                reinterpret_cast<const char*>(&lines_[line]) + index % kPerLine * sizeof element,
                sizeof element);
    return element;
  }

 private:
  std::span<const mesh_acl_line> lines_;
};

}  // namespace kernmesh::maplayout
