// SPDX-License-Identifier: Apache-2.0
#include "controller/base/timestamp.h"

#include <gtest/gtest.h>

namespace kernmesh {
namespace {

using std::chrono::seconds;

TEST(Timestamp, is_rfc_3339_in_utc) {
  EXPECT_EQ(format_rfc3339(WallTime(seconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_rfc3339(WallTime(seconds(1'795'239'630))), "2026-11-21T05:40:30Z");
  EXPECT_EQ(format_rfc3339(WallTime(seconds(951'782'400))), "2000-02-29T00:00:00Z");
}

}  // namespace
}  // namespace kernmesh
