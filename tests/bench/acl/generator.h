// SPDX-License-Identifier: Apache-2.0
// Live frames of many senders into one end of a veth pair, and what they cost until the other end
// is done with them (test support).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct bpf_object;

namespace kernmesh::bench {

struct Sender {
  std::uint32_t address_be = 0;
  std::uint16_t port_be = 0;
  std::uint16_t zero = 0;
};

enum class Transport : std::uint8_t { kTcp = 6, kUdp = 17 };

// A network namespace of its own with the pair sender0 (here frames are put in) and mesh0.
class Lane {
 public:
  explicit Lane(const std::string& generator_file);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void enter() const;  // the calling thread's network namespace from now on
  // A shell command inside; ends the program when it fails.
  void shell(const std::string& command) const;
  void set_senders(const std::vector<Sender>& senders) const;
  void attach_sink() const;  // counts and drops what the programs before it let pass
  std::uint64_t sunk() const;
  // ns per packet, wall time of the one CPU that this thread is pinned to.
  double send(Transport transport, std::uint32_t packets) const;

 private:
  struct Close {
    void operator()(bpf_object* object) const;
  };
  int netns_ = -1;
  std::unique_ptr<bpf_object, Close> object_;
};

}  // namespace kernmesh::bench
