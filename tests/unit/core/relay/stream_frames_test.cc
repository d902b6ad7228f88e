// SPDX-License-Identifier: Apache-2.0
#include "controller/core/relay/stream_frames.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace kernmesh::relay {
namespace {

using Verdict = FrameReader::Verdict;

struct Reading {
  FrameReader reader;
  std::vector<Bytes> datagrams;
  Verdict take(std::span<const std::uint8_t> bytes) {
    return reader.take(bytes, [this](std::span<const std::uint8_t> datagram) {
      datagrams.emplace_back(datagram.begin(), datagram.end());
    });
  }
};

Bytes framed(const std::vector<Bytes>& datagrams) {
  Bytes stream;
  for (const auto& datagram : datagrams) put_frame(stream, datagram);
  return stream;
}

const std::vector<Bytes> kSome = {Bytes{1}, Bytes(300, 2), Bytes(kMostFramed, 3), Bytes{4, 5}};

TEST(StreamFrames, many_in_one_piece_come_apart) {
  Reading reading;
  EXPECT_EQ(reading.take(framed(kSome)), Verdict::kGood);
  EXPECT_EQ(reading.datagrams, kSome);
  EXPECT_EQ(reading.reader.kept_bytes(), 0U);
}

TEST(StreamFrames, come_whole_however_the_stream_is_cut) {
  const Bytes stream = framed(kSome);
  for (const std::size_t piece : {1U, 2U, 3U, 301U, 4096U}) {
    Reading reading;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      const auto length = std::min<std::size_t>(piece, stream.size() - at);
      ASSERT_EQ(reading.take(std::span(stream).subspan(at, length)), Verdict::kGood);
    }
    EXPECT_EQ(reading.datagrams, kSome) << "in pieces of " << piece;
  }
}

TEST(StreamFrames, a_truncated_one_is_kept_and_not_handed_over) {
  Reading reading;
  EXPECT_EQ(reading.take(Bytes{0, 4, 1, 2, 3}), Verdict::kGood);
  EXPECT_TRUE(reading.datagrams.empty());
  EXPECT_EQ(reading.reader.kept_bytes(), 5U);
  EXPECT_EQ(reading.take(Bytes{4, 0}), Verdict::kGood);
  EXPECT_EQ(reading.datagrams, std::vector<Bytes>{(Bytes{1, 2, 3, 4})});
}

TEST(StreamFrames, an_empty_one_ends_the_stream) {
  Reading reading;
  EXPECT_EQ(reading.take(Bytes{0, 1, 9, 0, 0, 0, 1, 8}), Verdict::kHostile);
  EXPECT_EQ(reading.datagrams, std::vector<Bytes>{Bytes{9}}) << "what came before it counts";
}

TEST(StreamFrames, an_oversized_one_ends_the_stream_before_its_bytes_are_kept) {
  Reading reading;
  Bytes stream;
  put_number(stream, kMostFramed + 1, kFrameLengthBytes);
  EXPECT_EQ(reading.take(stream), Verdict::kHostile);
  EXPECT_TRUE(reading.datagrams.empty());
}

TEST(StreamFrames, never_keeps_more_than_one_datagram) {
  Reading reading;
  Bytes stream;
  put_number(stream, kMostFramed, kFrameLengthBytes);
  stream.resize(kFrameLengthBytes + kMostFramed - 1, 7);
  EXPECT_EQ(reading.take(stream), Verdict::kGood);
  EXPECT_LT(reading.reader.kept_bytes(), kFrameLengthBytes + kMostFramed);
}

TEST(StreamFrames, what_could_not_be_read_again_is_not_written) {
  Bytes out;
  put_frame(out, Bytes());
  put_frame(out, Bytes(kMostFramed + 1, 1));
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace kernmesh::relay
