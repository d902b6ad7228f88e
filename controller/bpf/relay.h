// SPDX-License-Identifier: Apache-2.0
// The relay's kernel part from user space (L2): loads bpf/relay.bpf.c or takes over what an earlier
// run left, writes its maps, reads what it counts. Destroying a Relay changes nothing in the
// kernel: forwarding goes on. Not thread-safe; calls mean the calling thread's network namespace.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/bpf/counter.h"
#include "controller/bpf/object.h"
#include "controller/bpf/slots.h"
#include "controller/bpf/xdp.h"
#include "controller/core/relay/pairing.h"

namespace kernmesh::bpf {

struct RelayOptions {
  std::string instance;  // names the pin folder; one per relay on the machine
  std::uint32_t max_channels = 65536;
};

// How the program sends out of the interface on which a packet came.
enum class SendBack { kTx, kRedirect };

struct RelayConfig {
  Port port;
  SendBack send_back = SendBack::kTx;
  std::uint64_t bytes_per_second = 0;  // of a channel; 0: no limit
  std::chrono::milliseconds burst{100};
  std::uint32_t stun_per_second = 20;  // of a source address; IPv6 counts by /64
  std::uint32_t stun_per_second_cpu = 200'000;
  std::uint32_t stun_burst = 40;
  IpAddress probe;  // a neighbour whose ARP reply serves the self-test; 0.0.0.0: none
};

// What identifies a packet of a channel.
struct RelaySource {
  Endpoint client;
  relay::Channel channel;
  auto operator<=>(const RelaySource&) const = default;
};

struct RelayUse {
  RelaySource source;
  std::uint64_t packets = 0, bytes = 0, dropped_packets = 0;
  MonoTime last{};  // epoch 0: never
};

class Relay {
 public:
  // kConflict: pins of another shape.
  static Result<Relay> open(const RelayOptions& options);
  // Takes the programs of that relay off every interface of this namespace, whatever layout version
  // their maps have, and removes the pins; loads nothing. kPermissionDenied, kUnsupported: this
  // process cannot look. kConflict: a program cannot be taken off, and the message says what to do.
  static Status remove(const std::string& instance);
  // Whether maps of an earlier run go on; those of another layout version do not.
  bool adopted() const { return adopted_; }

  // Replaces an earlier run's program, also one of another layout version.
  Status attach(IfIndex interface, XdpMode mode);
  Status detach(IfIndex interface);
  Result<std::optional<XdpState>> query(IfIndex interface) const { return query_xdp(interface); }
  // Whether that program is the relay's and forwards by these very maps.
  bool shares_maps(const ProgramInfo& program) const;
  // After every attach(): takes the programs of other layout versions that are left off their
  // interfaces, for nobody writes their maps any more, and removes those maps' pins.
  Status end_predecessors();
  // Detaches everywhere in this namespace and removes the pins, of other layout versions, too.
  Status remove();

  Status set_config(const RelayConfig& config);
  // As an earlier run has set it, or kTx.
  Result<SendBack> send_back() const;
  // Exactly these are the addresses at which STUN is answered from now on.
  Status set_locals(const std::set<IpAddress>& addresses);

  // One write: packets take the old way or the new one. Counters of a channel that stays go on.
  // kExhausted: more than max_channels. Sources on a stream have no place here; asserts.
  Status set_channel(const relay::Origin& from, relay::Channel in, const relay::Onward& onward);
  Status remove_channel(const RelaySource& source);
  Result<std::vector<RelaySource>> channels() const;
  Result<std::vector<RelayUse>> usage() const;
  Result<std::vector<Counter>> counters() const;

  // For tests that run the program on a packet. Borrowed.
  int program_fd() const { return object_.program_fd("relay_xdp"); }

 private:
  // Of an earlier run and of other layout versions.
  struct Found {
    int adopted = 0;
    std::vector<std::uint32_t> other_maps;  // sorted ids
  };
  Relay(Object object, PinFolder pins, Found found);
  Status read_slots();
  Result<OwnProgram> own_program() const;

  Object object_;
  PinFolder pins_;
  bool adopted_;
  std::vector<std::uint32_t> other_maps_;
  SlotPool slots_;
};

}  // namespace kernmesh::bpf
