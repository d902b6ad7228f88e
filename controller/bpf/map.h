// SPDX-License-Identifier: Apache-2.0
// Typed access to a BPF map by a borrowed file descriptor (L2). Every call is one system call or a
// bounded loop of them; the kernel makes single calls atomic.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <cerrno>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "controller/base/result.h"

namespace kernmesh::bpf {

// Key and Value are the layouts of bpf/abi.
template <typename Key, typename Value>
class Map {
  // Padding would compare and hash as garbage.
  static_assert(std::has_unique_object_representations_v<Key>);
  static_assert(std::has_unique_object_representations_v<Value>);

 public:
  Map(int fd, const char* name) : fd_(fd), name_(name) {}

  // kExhausted when the map is full.
  Status set(const Key& key, const Value& value) const {
    // The kernel refills its reserve of entries a little later than thousands of writes in a row
    // empty it, and says ENOMEM meanwhile.
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      if (bpf_map_update_elem(fd_, &key, &value, BPF_ANY) == 0) return {};
      if (errno != ENOMEM) break;
      constexpr timespec kPause{0, 100'000};
      nanosleep(&kPause, nullptr);
    }
    if (errno == E2BIG)
      return Error(ErrorCode::kExhausted, std::string("map ") + name_ + " is full");
    return Error::from_errno(std::string("write map ") + name_, errno);
  }
  // Erasing what is not there succeeds.
  Status erase(const Key& key) const {
    if (bpf_map_delete_elem(fd_, &key) == 0 || errno == ENOENT) return {};
    return Error::from_errno(std::string("erase from map ") + name_, errno);
  }
  Result<std::optional<Value>> get(const Key& key) const {
    Value value;
    if (bpf_map_lookup_elem(fd_, &key, &value) == 0) return std::optional<Value>(value);
    if (errno == ENOENT) return std::optional<Value>();
    return Error::from_errno(std::string("read map ") + name_, errno);
  }
  // In no order. Entries that others change meanwhile may be missed or come twice.
  Result<std::vector<std::pair<Key, Value>>> dump() const {
    std::vector<std::pair<Key, Value>> out;
    Key key, next;
    bool first = true;
    // A deleted key sends the kernel's iteration back to the start, hence the bound.
    for (int steps = 0; steps < kMaxSteps; ++steps) {
      if (bpf_map_get_next_key(fd_, first ? nullptr : &key, &next) != 0) {
        if (errno == ENOENT) return out;
        return Error::from_errno(std::string("walk map ") + name_, errno);
      }
      first = false;
      key = next;
      MESH_TRY_ASSIGN(std::optional<Value> value, get(key));
      if (value) out.emplace_back(key, *value);
    }
    return Error(ErrorCode::kUnavailable,
                 std::string("map ") + name_ + " changes too fast to read");
  }
  // Of a hash. Read by the thousand, for the kernel gives no number.
  Result<std::uint64_t> count() const {
    std::vector<Key> keys(kBatch);
    std::vector<Value> values(kBatch);
    std::uint64_t sum = 0;
    std::uint32_t place = 0;  // the kernel's, a bucket
    for (bool first = true;; first = false) {
      std::uint32_t got = kBatch;
      const int e = bpf_map_lookup_batch(fd_, first ? nullptr : &place, &place, keys.data(),
                                         values.data(), &got, nullptr);
      if (e != 0 && errno != ENOENT)
        return Error::from_errno(std::string("count entries of map ") + name_, errno);
      sum += got;
      if (e != 0) return sum;
    }
  }

 private:
  static constexpr std::uint32_t kBatch = 4096;  // no bucket is as long
  static constexpr int kAttempts = 200;
  static constexpr int kMaxSteps = 1 << 22;  // four times the largest map of ours
  int fd_;
  const char* name_;
};

// Entries of a per-CPU array of counters, each summed up over all CPUs. At most `entries`: less
// when the array is shorter. One system call.
Result<std::vector<std::uint64_t>> sums_over_cpus(int fd, std::uint32_t entries);

}  // namespace kernmesh::bpf
