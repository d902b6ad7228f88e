// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/epoch.h"

#include <gtest/gtest.h>

namespace kernmesh::portmap {
namespace {

using std::chrono::seconds;

struct Case {
  int seconds_later;
  std::uint32_t says;  // after 1,000
  bool follows;
};

TEST(Epoch, follows_while_it_counts_as_the_clock_does) {
  const MonoTime start{seconds(5000)};
  for (const auto& c : {Case{100, 1100, true}, Case{0, 999, true}, Case{0, 998, false},
                        Case{100, 1000, false}, Case{100, 1092, true}, Case{100, 1091, false},
                        Case{100, 1108, true}, Case{100, 1200, false}, Case{100, 3, false},
                        Case{3600, 4600, true}, Case{3600, 4400, true}, Case{3600, 3000, false}}) {
    Epoch epoch;
    EXPECT_TRUE(epoch.follows(start, 1000)) << "the first";
    EXPECT_EQ(epoch.follows(start + seconds(c.seconds_later), c.says), c.follows)
        << c.says << " after " << c.seconds_later << " s";
  }
}

TEST(Epoch, one_that_has_begun_anew_goes_on_from_there) {
  const MonoTime start{seconds(5000)};
  Epoch epoch;
  (void)epoch.follows(start, 100000);
  EXPECT_FALSE(epoch.follows(start + seconds(10), 4));
  EXPECT_TRUE(epoch.follows(start + seconds(20), 14));
  epoch.forget();
  EXPECT_TRUE(epoch.follows(start + seconds(30), 7)) << "another gateway";
}

TEST(Epoch, the_largest_numbers_do_no_harm) {
  Epoch epoch;
  EXPECT_TRUE(epoch.follows(MonoTime{}, 0xffffffff));
  EXPECT_FALSE(epoch.follows(MonoTime{seconds(1)}, 0));
  EXPECT_FALSE(epoch.follows(MonoTime{seconds(2)}, 0xffffffff));
}

}  // namespace
}  // namespace kernmesh::portmap
