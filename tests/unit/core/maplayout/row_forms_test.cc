// SPDX-License-Identifier: Apache-2.0
// Dense and sparse rows, and images that are refused because they would grow too large.
#include "controller/core/maplayout/row_places.h"

#include "tests/unit/core/maplayout/sample_slice.h"

namespace kernmesh::maplayout {
namespace {

// Peer N, from 2 on, may use the ports from N to N + width - 1.
SampleSlice stairs(std::uint32_t peers, std::uint32_t width) {
  SampleSlice sample;
  for (std::uint32_t id = 2; id < peers + 2; ++id) {
    sample.peer(id);
    sample.set(id, {id});
    std::vector<policy::Service> services;
    for (std::uint32_t port = id; port < id + width; ++port) {
      services.push_back(tcp(static_cast<std::uint16_t>(port)));
    }
    sample.rule(id, {id}, std::move(services));
  }
  return sample;
}

void expect_stairs(const AclImage& image, std::uint32_t peers, std::uint32_t width) {
  for (std::uint32_t id = 2; id < peers + 2; ++id) {
    for (std::uint32_t port = 0; port < peers + width + 4; ++port) {
      const policy::Packet question{IpAddress::from_v4_number(0x64400000u + id),
                                    address("100.64.0.1"), policy::kProtocolTcp,
                                    static_cast<std::uint16_t>(port)};
      const bool is_open = id <= port && port < id + width;
      const auto verdict = judge(image.lines, question);
      ASSERT_EQ(verdict.outcome, is_open ? AclOutcome::kAllowed : AclOutcome::kDenied)
          << "peer " << id << " port " << port;
      if (is_open) {
        ASSERT_EQ(verdict.rule.id, RuleId(id));
      }
    }
  }
}

std::span<const mesh_acl_cell> cells_of(const AclImage& image) {
  const auto header = header_of(image);
  return {reinterpret_cast<const mesh_acl_cell*>(&image.lines[header.cells]),
          std::size_t{extent_of(image).source_classes} * header.destination_classes};
}

std::size_t cells_with(const AclImage& image, std::uint32_t form) {
  const auto cells = cells_of(image);
  return static_cast<std::size_t>(
      std::count_if(cells.begin(), cells.end(),
                    [form](const mesh_acl_cell& cell) { return (cell.row & form) != 0; }));
}

std::size_t sparse_cells(const AclImage& image) { return cells_with(image, MESH_ACL_ROW_SPARSE); }

TEST(RowForms, a_single_port_stands_in_its_cell) {
  const auto image = stairs(100, 1).compile();
  EXPECT_EQ(cells_with(image, MESH_ACL_ROW_SINGLE), 100u);
  EXPECT_EQ(extent_of(image).row_words, 2u);
  expect_stairs(image, 100, 1);
}

TEST(RowForms, rows_are_dense_while_there_is_room) {
  const auto image = stairs(40, 10).compile();
  EXPECT_EQ(sparse_cells(image), 0u);
  expect_stairs(image, 40, 10);
}

TEST(RowForms, short_rows_over_many_ports_are_sparse_from_the_start) {
  const auto image = stairs(200, 4).compile();
  EXPECT_EQ(sparse_cells(image), 200u);
  expect_stairs(image, 200, 4);
}

TEST(RowForms, only_as_many_rows_become_sparse_as_room_asks_for) {
  const SampleSlice sample = stairs(120, 9);
  const auto dense = sample.compile();
  ASSERT_EQ(sparse_cells(dense), 0u);
  ImageOptions options;
  std::size_t before = 0;
  options.max_lines = extent_of(dense).lines - 40;
  for (int i = 0; i < 3; ++i, options.max_lines -= 200) {
    const auto image = sample.compile(options);
    const auto sparse = sparse_cells(image);
    EXPECT_GT(sparse, before);
    EXPECT_LT(sparse, 120u);
    EXPECT_LE(image.lines.size(), options.max_lines);
    expect_stairs(image, 120, 9);
    before = sparse;
  }
}

TEST(RowForms, a_row_of_up_to_seven_pairs_lies_within_a_line_and_all_start_even) {
  for (const std::uint32_t width : {2u, 3u, 4u, 5u, 6u, 7u, 8u, 20u}) {
    const SampleSlice sample = stairs(100, width);
    ImageOptions options;
    options.max_lines = extent_of(sample.compile()).lines;
    for (; const auto image = sample.try_compile(options); options.max_lines -= 3) {
      const auto header = header_of(*image);
      for (const auto& cell : cells_of(*image)) {
        if ((cell.row & MESH_ACL_ROW_SPARSE) == 0) continue;
        const auto start = cell.row & ~MESH_ACL_ROW_SPARSE;
        ASSERT_EQ(start % 2, 0u);
        ASSERT_EQ(image->lines[header.rows + start / 16].w[start % 16], width);
        if (width <= 7) {
          ASSERT_EQ(start / 16, (start + 1 + 2 * width) / 16);
        }
      }
    }
  }
}

TEST(RowForms, an_image_without_room_is_refused_with_its_measures) {
  ImageOptions options;
  options.max_lines = 2400;  // the table of ports alone has 2,048
  const auto refused = stairs(300, 20).try_compile(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  for (const char* part : {"301 classes of sources", "1 of destinations", "320 of ports", "rows",
                           "2400 lines", "a group or tag"}) {
    EXPECT_NE(refused.error().message().find(part), std::string::npos)
        << part << " in: " << refused.error().message();
  }
}

TEST(RowForms, a_refused_image_leaves_the_slots_alone) {
  RuleSlots slots;
  ASSERT_TRUE(compile_acl(stairs(3, 1).input(), slots, {}));
  ImageOptions options;
  options.max_lines = 2100;
  ASSERT_FALSE(compile_acl(stairs(400, 20).input(), slots, options));
  EXPECT_EQ(slots.end(), 4u);
}

TEST(RowForms, ten_thousand_sources_with_a_port_each_fit_in_a_small_image) {
  const auto image = stairs(10'000, 1).compile();
  EXPECT_LT(image.lines.size() * MESH_ACL_LINE_BYTES, 4u << 20);
  for (const std::uint32_t id : {2u, 5000u, 10'001u}) {
    const policy::Packet question{IpAddress::from_v4_number(0x64400000u + id),
                                  address("100.64.0.1"), policy::kProtocolTcp,
                                  static_cast<std::uint16_t>(id)};
    EXPECT_EQ(judge(image.lines, question).rule.id, RuleId(id));
  }
}

// Every source may use the 10,000 ports of rules for all, and one rule of its own comes before
// them.
TEST(RowForms, a_product_of_sources_and_ports_is_refused_before_it_is_made) {
  SampleSlice sample = stairs(10'000, 1);
  sample.set(1, {}, {"100.64.0.0/10"});
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    sample.rule(1'000'000 + i, {1}, {tcp(static_cast<std::uint16_t>(i + 30'000))});
  }
  const auto refused = sample.try_compile();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_NE(refused.error().message().find("20001 classes of sources"), std::string::npos)
      << refused.error().message();
}

TEST(RowForms, more_kinds_of_ports_than_a_class_can_number_are_refused) {
  SampleSlice sample;
  sample.peer(2);
  sample.set(1, {2});
  for (std::uint32_t i = 0; i < 40'000; ++i) {
    const auto port = static_cast<std::uint16_t>(i + 1);
    sample.rule(i + 1, {1}, {tcp(port)});
    sample.rule(i + 50'001, {1}, {{{policy::kProtocolUdp}, {{port, port}}}});
  }
  const auto refused = sample.try_compile();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kExhausted);
  EXPECT_NE(refused.error().message().find("ports"), std::string::npos);
}

}  // namespace
}  // namespace kernmesh::maplayout
