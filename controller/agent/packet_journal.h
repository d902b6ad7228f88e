// SPDX-License-Identifier: Apache-2.0
// What the programs on mesh0 report of single packets (L3): told in words when it arrives, the last
// denials kept, and handed on to those who follow. A PacketQueue may be used from any thread, the
// rest from the loop's only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi/acl.h"
#include "bpf/abi/acl_state.h"
#include "controller/base/result.h"
#include "controller/core/netmap/netmap.h"
#include "mesh/v1/local.pb.h"

namespace kernmesh::agent {

// The same moment by two clocks.
struct Moment {
  std::uint64_t mono_ns = 0;  // CLOCK_MONOTONIC, which the programs read
  std::int64_t wall_ms = 0;   // Unix
};
Moment moment_now();

// By what an event is told: names from the map, the rule from the live image. Borrows both.
struct EventContext {
  const netmap::Netmap* map = nullptr;     // may be null
  std::span<const mesh_acl_line> image{};  // may be empty
  Moment now;
};
// An event of another policy than the image's is told without its rule, whose slot may be another
// rule's by now.
mesh::v1::AclEvent tell(const mesh_acl_event& event, const EventContext& context);

// Whether the packet was dropped; else it began a flow.
bool is_drop(const mesh_acl_event& event);

// Waits for one reader. What it is too slow for is lost from the oldest on, and counted.
class PacketQueue {
 public:
  static constexpr std::size_t kMost = 1024;  // about 200 KiB; two seconds of a CPU's budget, twice

  void put(const mesh::v1::AclEvent& event);
  // The oldest one; nothing when none comes within `wait`.
  std::optional<mesh::v1::AclEvent> take(std::chrono::milliseconds wait);

 private:
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<mesh::v1::AclEvent> events_;  // guarded by mutex_
  std::uint64_t lost_ = 0;                 // guarded by mutex_; since the last take()
};

enum class Followed : std::uint8_t { kDrops, kFlows };

class PacketJournal {
 public:
  static constexpr std::size_t kMostKept = 1000;
  static constexpr std::size_t kMostFollowers = 16;  // of both kinds; each has a thread of gRPC's

  void add(Followed kind, mesh::v1::AclEvent event);
  // The last of the denials, at most that many, oldest first; 0: all.
  std::vector<mesh::v1::AclEvent> last(std::size_t most) const;
  // Gets every event of its kind from now on, until the caller lets go of it. kExhausted when too
  // many follow. Shared by the caller's thread and, weakly, by the journal.
  Result<std::shared_ptr<PacketQueue>> follow(Followed kind);
  bool has_followers(Followed kind) const;

 private:
  struct Follower {
    Followed kind;
    std::weak_ptr<PacketQueue> queue;
  };
  std::deque<mesh::v1::AclEvent> kept_;
  std::vector<Follower> followers_;
};

}  // namespace kernmesh::agent
