// SPDX-License-Identifier: Apache-2.0
// The virtual underlay from user space (L2): loads or takes over bpf/underlay.bpf.c, attaches it,
// fills its maps. Destroying an Underlay changes nothing in the kernel. Not thread-safe; calls mean
// the calling thread's network namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "controller/base/clock.h"
#include "controller/base/ids.h"
#include "controller/base/ip.h"
#include "controller/base/result.h"
#include "controller/bpf/attachment.h"
#include "controller/bpf/counter.h"
#include "controller/bpf/event_stream.h"
#include "controller/bpf/object.h"
#include "controller/bpf/path.h"
#include "controller/bpf/settled_hooks.h"
#include "controller/bpf/slots.h"
#include "controller/bpf/succession.h"
#include "controller/bpf/traffic_watch.h"

namespace kernmesh::bpf {

// WireGuard's address in its namespace, 240.255.255.254; peers have 240.0.0.1 onward.
IpAddress synthetic_self();
// The `number`th peer's address, 1 to 16,777,213; outside that it is our own bug (asserts).
IpAddress synthetic_peer(std::uint32_t number);

struct UnderlayConfig {
  IfIndex meshu;     // host end of the veth
  Port public_port;  // P, on every real interface
  Port synth_port;   // of every peer's synthetic endpoint
  Port wg_port;      // WireGuard's listen port
};

enum class UnderlayProgram { kOut, kIn };

struct UnderlayOptions {
  std::string instance;  // names the pin folder; one per agent on the machine
  std::uint32_t max_peers = 16384;
  // kTables for a reader or writer of maps that attaches nothing: the programs are not loaded.
  Object::Parts parts = Object::Parts::kAll;
};

class Underlay {
 public:
  // Takes over the maps of an earlier agent (pins, and through what it left attached to any
  // interface of this namespace), or the content of another layout version's, or makes new ones
  // (succession.h). What is attached stays so. kConflict: maps of another shape or instance.
  static Result<Underlay> open(const UnderlayOptions& options);
  // After set_config(): puts ours where another version's hang, inbound first, if they left state.
  Status replace_predecessors();
  const Succession& succession() const { return succession_; }

  // kOut belongs on meshu, kIn on each real interface (with or without link-layer header).
  Status attach(IfIndex interface, UnderlayProgram program);
  // Success when there is nothing to detach, also on a link of a kind that carries no paths.
  Status detach(IfIndex interface, UnderlayProgram program);
  Result<AttachmentState> query(IfIndex interface, UnderlayProgram program) const;
  // For `down`: detaches from every interface of this namespace, orphans too, and removes the
  // pins of every layout version.
  Status remove();
  bool adopted() const { return succession_.adopted() > 0; }

  Status set_config(const UnderlayConfig& config);
  Result<std::optional<UnderlayConfig>> config() const;
  // Exactly these are the host's addresses on real networks from now on; of more than
  // most_locals() the first.
  Status set_locals(const std::vector<IpAddress>& addresses);
  std::size_t most_locals() const;
  // Exactly these are its addresses inside the mesh: kIn drops what comes to them in the clear,
  // also when set_locals() names them.
  Status set_overlay(const std::vector<IpAddress>& addresses);

  // One write: packets take the old path or the new one. kInvalid: family mismatch, no interface,
  // meshu as interface, kSecondary or kBoth without a second hop.
  Status set_path(const IpAddress& synth, const Path& path);
  // A peer without a path yet: what WireGuard tries to send it shows in traffic() from now on. A
  // path that is there stays. kExhausted: more than max_peers.
  Status track(const IpAddress& synth);
  Status clear_path(const IpAddress& synth);   // the counters stay
  Status remove_path(const IpAddress& synth);  // and its counters; sources of the peer go first
  Result<std::optional<Path>> path(const IpAddress& synth) const;
  Result<std::vector<std::pair<IpAddress, Path>>> paths() const;
  // Peers with or without a path.
  Result<std::vector<IpAddress>> tracked() const;

  // Tracks the peer, too.
  Status set_source(const Source& source, const IpAddress& synth);
  Status remove_source(const Source& source);
  Result<std::vector<std::pair<Source, IpAddress>>> sources() const;

  // For handshake initiations that pass the agent, what the programs do for others (mesh_begun):
  // one to the peer leaves now; whether one of the peer's crosses ours, which stands.
  Status note_begun(MonoTime now, const IpAddress& synth, std::span<const std::uint8_t> initiation);
  Status forget_begun(const IpAddress& synth);  // it is in vain
  bool gives_way(MonoTime now, const IpAddress& synth,
                 std::span<const std::uint8_t> initiation) const;

  // nullopt: not tracked.
  Result<std::optional<Traffic>> traffic(const IpAddress& synth) const;
  // The peers of which something came or went since the last call; at the first, ever.
  Result<std::vector<std::pair<IpAddress, TrafficTimes>>> moved_traffic();
  Result<std::vector<Counter>> counters() const;
  // A new reader of unknown initiations; make one.
  Result<EventStream> events() const;
  // The same of this node's own handshakes.
  Result<HandshakeStream> handshakes() const;

  // For tests that run a program on a packet. Borrowed.
  int program_fd(const char* name) const { return object_.program_fd(name); }
  int map_fd(const char* name) const { return object_.map_fd(name); }

 private:
  Underlay(Object object, PinFolder pins, std::uint64_t owner, Succession succession);
  Result<OwnProgram> own_program(IfIndex interface, UnderlayProgram program) const;
  Status claim();
  Status read_slots();
  // With counters at zero when it is new. The second counts what comes through relays.
  Status write_path(std::uint32_t synth_be, mesh_path value);
  Result<std::uint32_t> slot_of(std::uint32_t synth_be);
  Result<std::uint32_t> relayed_slot_of(std::uint32_t synth_be);

  Object object_;
  PinFolder pins_;
  std::uint64_t owner_;
  Succession succession_;
  SettledHooks settled_;
  SlotPool slots_;
  std::unordered_map<std::uint32_t, std::uint32_t> relayed_slots_;  // by synthetic address
  TrafficWatch watch_;
};

}  // namespace kernmesh::bpf
