// SPDX-License-Identifier: Apache-2.0
// How many calls one connection may make that are no person's (L2, private to this folder,
// thread-safe). gRPC 1.51 bounds calls by connection only for a client that has acknowledged its
// SETTINGS, and counts none that was reset, so that HEADERS became calls without end: 50,000 of
// them 1 GiB, and up to 7 s in which nobody else was served. One that is refused before a message
// of it is read costs next to nothing.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/core/path/token_bucket.h"

namespace kernmesh::rpc {

// An agent makes four when it comes, one every two seconds while somebody signs in, and then one
// when its addresses change.
inline constexpr double kConnectionCallsAtOnce = 100;
inline constexpr double kConnectionCallsPerSecond = 10;
// 32 bytes each. More connections share them: with 10,000 that come back at once it is two or three
// of them. Whoever wants to keep all of them empty must make 40,960 calls a second, which is more
// than the server answers.
inline constexpr std::size_t kCallPlaces = 4096;

class ConnectionCalls {
 public:
  // connection: any number that is this connection's while it lives. One that has another's number
  // of before, or shares its place, has what that left. kExhausted when there is nothing by now.
  Status note(std::uintptr_t connection, MonoTime now);

 private:
  std::mutex mutex_;
  std::vector<path::TokenBucket> places_{
      kCallPlaces, path::TokenBucket(kConnectionCallsPerSecond, kConnectionCallsAtOnce)};
};

}  // namespace kernmesh::rpc
