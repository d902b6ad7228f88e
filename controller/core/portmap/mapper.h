// SPDX-License-Identifier: Apache-2.0
// Keeps a port of the gateway mapped to this node's public port (L1, sans-IO): which protocol is
// tried when, when a mapping is renewed, and when it is given up. Not thread-safe.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "controller/base/clock.h"
#include "controller/core/path/random_stream.h"
#include "controller/core/portmap/announcement.h"
#include "controller/core/portmap/epoch.h"
#include "controller/core/portmap/gateway.h"
#include "controller/core/portmap/pcp.h"

namespace kernmesh::portmap {

enum class Protocol : std::uint8_t { kPcp, kNatPmp, kUpnp };  // in the order of trying
std::string_view to_string(Protocol protocol);

// Asked of a gateway. What it grants ends by itself soon after a node has gone, and a gateway that
// restarts and forgets is found out at the next renewal, half of it later, if it does not tell.
inline constexpr auto kLifetime = std::chrono::minutes(20);
// Less is a failure: each end and new beginning is told to the server and to peers. RFC 6887
// section 15 advises gateways to give two minutes at least.
inline constexpr auto kLeastLifetime = std::chrono::minutes(1);
// Between rounds in which no protocol worked: doubled after each.
inline constexpr auto kFirstPause = std::chrono::minutes(5);
inline constexpr auto kMostPause = std::chrono::hours(2);
// RFC 6887 section 11.2.1: the least time between two tries to renew.
inline constexpr auto kLeastRenewalPause = std::chrono::seconds(4);
// After an announcement, so that the nodes of one network do not all ask at once.
inline constexpr auto kAnnouncedSpread = std::chrono::seconds(5);

struct Mapping {
  Protocol protocol = Protocol::kPcp;
  Endpoint external;
  MonoTime ends_at{};
};

// To be carried out one at a time, and answered by on_done() with the same number.
struct Attempt {
  std::uint64_t number = 0;
  Protocol protocol = Protocol::kPcp;
  Gateway gateway;
  Port internal;
  std::optional<Endpoint> wish;  // what it had before
  Nonce nonce{};
  std::chrono::seconds lifetime{};  // 0: take the mapping away; no answer is wanted
};
struct Grant {
  Endpoint external;
  std::chrono::seconds lifetime{};       // 0: for ever
  std::optional<std::uint32_t> epoch_s;  // UPnP has none
};
struct Changed {
  std::optional<Endpoint> external;  // none any more
};

class Mapper {
 public:
  // A node that comes back with the same secret can renew what it had before. What is drawn from it
  // besides are moments in time, which may repeat.
  explicit Mapper(const path::Seed& secret) : secret_(secret), random_(secret) {}

  // Whom to ask, and the port to map. Another gateway, local address or port begins anew; none
  // gives up what there was.
  void set_network(MonoTime now, const std::optional<Gateway>& gateway, Port internal);
  // An error is a failure, and so is an endpoint that cannot be reached from outside.
  void on_done(MonoTime now, std::uint64_t attempt, const Result<Grant>& outcome);
  // Counts only from the gateway. One that has forgotten, or has another address, is asked again.
  void on_announcement(MonoTime now, const IpAddress& from, const Announcement& announcement);
  // Before the node leaves: takes the mapping away. Goes on with set_network().
  void release();

  void tick(MonoTime now);
  std::optional<MonoTime> next_deadline() const;
  std::vector<std::variant<Attempt, Changed>> take_commands() {
    return std::exchange(commands_, {});
  }
  const std::optional<Mapping>& mapping() const { return mapping_; }

 private:
  Nonce make_nonce() const;
  Attempt attempt(std::chrono::seconds lifetime) const;
  void begin(MonoTime now);
  void drop_mapping();
  void succeed(MonoTime now, const Grant& grant);
  void fail(MonoTime now);
  void ask_soon(MonoTime now);
  Epoch& epoch_of(bool is_pcp) { return epochs_[is_pcp ? 0 : 1]; }

  const path::Seed secret_;
  path::RandomStream random_;
  std::optional<Gateway> gateway_;
  Port internal_;
  Protocol protocol_ = Protocol::kPcp;
  std::optional<Endpoint> wish_;
  std::optional<Mapping> mapping_;
  std::array<Epoch, 2> epochs_;  // of the gateway, by protocol
  std::uint64_t attempts_ = 0;
  bool is_running_ = false;      // the attempt with the newest number
  bool is_asked_again_ = false;  // once it has ended
  std::optional<MonoTime> next_at_;
  int failed_rounds_ = 0;
  std::vector<std::variant<Attempt, Changed>> commands_;
};

}  // namespace kernmesh::portmap
