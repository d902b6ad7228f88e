// SPDX-License-Identifier: Apache-2.0
// One agent among several on a machine (L3): the names of everything it owns in the kernel, and the
// lock that keeps a second agent off the same interface.
#pragma once

#include <cstdint>
#include <string>

#include "controller/base/clock.h"
#include "controller/base/result.h"
#include "controller/base/unique_fd.h"

namespace kernmesh::agent {

// The end of the veth pair inside the private namespace, where the instance's interfaces are made:
// none of them has this name.
inline constexpr const char* kPrivateName = "underlay0";

// What an administrator may choose of access control.
struct AccessOptions {
  std::uint32_t max_flows =
      65536;                  // of each kind; a table that is there keeps its size until `down`
  bool quiet = false;         // denied packets are dropped without an answer
  Duration max_policy_age{};  // everything drops when the server is not heard for so long; 0: never
};

struct Instance {
  std::string mesh_name;      // "mesh0", the interface people use
  std::string underlay_name;  // "meshu0", the host's end of the veth pair
  // Unique on the machine: the inode of the host's network namespace, and mesh_name. Names the
  // folder of pins; the private namespace is "kernmesh-" + id in `ip netns`.
  std::string id;
  AccessOptions access;
  MonoTime deny_after{};  // what is left of max_policy_age when the instance starts; 0: never
  std::string private_netns() const { return "kernmesh-" + id; }
};

// Of the calling thread's network namespace. kInvalid for names the kernel would refuse.
Result<Instance> make_instance(const std::string& mesh_name, const std::string& underlay_name);

// A file that is locked, and removed when it goes.
class InstanceLock {
 public:
  InstanceLock(UniqueFd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  InstanceLock(InstanceLock&&) = default;
  InstanceLock& operator=(InstanceLock&&) = delete;
  ~InstanceLock();

 private:
  UniqueFd file_;
  std::string path_;
};

// Held for the process's life. kAlreadyExists when another agent has it (names its process).
Result<InstanceLock> lock_instance(const Instance& instance);

}  // namespace kernmesh::agent
