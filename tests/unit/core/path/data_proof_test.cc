// SPDX-License-Identifier: Apache-2.0
#include "controller/core/path/data_proof.h"

#include <gtest/gtest.h>

namespace kernmesh::path {
namespace {

const MonoTime kBegan{std::chrono::hours(1)};

// A pong each second from `from` to `to` seconds after the beginning, on pings 20 ms before.
void pongs(DataProof& proof, int from, int to, std::optional<milliseconds> data_age,
           MonoTime last_tx) {
  for (int s = from; s <= to; ++s) {
    const MonoTime now = kBegan + seconds(s);
    proof.on_pong(now, now - milliseconds(20), data_age, last_tx);
  }
}

// WireGuard says nothing for 5.3 s after a handshake message that was lost, and the peer tells of
// what arrives then up to two seconds later.
TEST(DataProof, a_lost_handshake_does_not_make_a_new_way_barren) {
  DataProof proof;
  proof.begin(kBegan);
  const MonoTime handshake = kBegan + milliseconds(100), again = handshake + milliseconds(5300);
  pongs(proof, 1, 5, std::nullopt, handshake);
  pongs(proof, 6, 7, std::nullopt, again);
  EXPECT_FALSE(proof.is_barren(kBegan + milliseconds(7500)));
  pongs(proof, 8, 8, milliseconds(1000), again);
  EXPECT_TRUE(proof.is_confirmed());
  EXPECT_FALSE(proof.is_barren(kBegan + seconds(9)));
}

TEST(DataProof, a_way_on_which_nothing_ever_arrives_is_barren) {
  DataProof proof;
  proof.begin(kBegan);
  for (int s = 1; s <= 10; ++s)
    pongs(proof, s, s, std::nullopt, kBegan + seconds(s) - milliseconds(50));
  EXPECT_TRUE(proof.is_barren(kBegan + seconds(10)));
  EXPECT_FALSE(proof.is_confirmed());
}

TEST(DataProof, a_way_on_which_data_stopped_arriving_is_barren) {
  DataProof proof;
  proof.begin(kBegan);
  pongs(proof, 1, 3, milliseconds(10), kBegan + seconds(3));
  for (int s = 4; s <= 20; ++s) {
    pongs(proof, s, s, milliseconds(1000 * (s - 3)), kBegan + seconds(s) - milliseconds(50));
  }
  EXPECT_TRUE(proof.is_confirmed());
  EXPECT_TRUE(proof.is_barren(kBegan + seconds(20)));
}

TEST(DataProof, without_data_to_send_nothing_is_judged) {
  DataProof proof;
  proof.begin(kBegan);
  pongs(proof, 1, 60, std::nullopt, kBegan - seconds(1));
  EXPECT_FALSE(proof.is_barren(kBegan + seconds(60)));
}

}  // namespace
}  // namespace kernmesh::path
