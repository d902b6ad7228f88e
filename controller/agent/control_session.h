// SPDX-License-Identifier: Apache-2.0
// The agent's conversation with the server (L3): registers, watches, reports, and goes on trying.
// Runs on two threads of its own and hands everything to the owner through the callbacks, which are
// called on those threads and only post to the loop.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "controller/agent/identity.h"
#include "controller/base/latest_slot.h"
#include "controller/rpc/coordination_client.h"

namespace kernmesh::agent {

struct ControlConfig {
  std::string server;
  std::string ca_pem;
  topology::CaFingerprint ca{};
  std::string hostname;
  std::string kernel_release;
  Identity identity;
  topology::AgentInstance instance{};
  Bytes endorsement{};  // of this machine, for identity.node; empty: none
};

// How long a server that is asked may take to answer a registration: what it had to write is on its
// disk by then.
inline constexpr auto kLeavePatience = std::chrono::seconds(5);

class ControlSession {
 public:
  struct Events {
    // An update in order. The owner applies it on its loop and answers with what it then holds
    // through the returned status; an error ends the stream and the next one starts from what is
    // held.
    std::function<Status(Result<rpc::Update>)> on_update;
    // What the agent holds, for resuming; asked before each watch.
    std::function<std::optional<rpc::Held>()> held;
    std::function<void()> on_connected;
    // Why the connection was lost or refused. Tried again unless is_final().
    std::function<void(const Error&)> on_disconnected;
    // The server knows this node by that node key now, or does not take it for good.
    std::function<void(const Result<NodePublicKey>&)> on_node_key;
  };

  // Starts at once. A join key that was given is used until a registration succeeds.
  ControlSession(ControlConfig config, std::string join_key, Events events);
  ~ControlSession();
  ControlSession(const ControlSession&) = delete;
  ControlSession& operator=(const ControlSession&) = delete;

  // Newest wins; sent when there is a session, and again after a reconnect.
  void report_endpoints(std::vector<Endpoint> endpoints);
  void report_applied(MapVersion version);
  // At which relay peers find this node; 0: none.
  void report_home(relay::RelayId home);

  // Tells the server another node key, and its endorsement in a locked network; newest wins. Tried
  // again until on_node_key.
  void tell_node_key(const X25519SecretKey& key, Bytes endorsement);

  // Takes this node out of the network, also one whose registration is under way, and makes no
  // other; the last that is asked of a session. Blocks for at most kLeavePatience and a call's
  // deadline. kNotFound when the server has not let this session in.
  Status leave();

  // Errors that trying again does not mend: the node is unknown, removed, or its proof is refused.
  static bool is_final(const Error& error);

 private:
  void run_watch();
  void run_reports();
  Result<rpc::Session> enroll(std::unique_lock<std::mutex>& lock);
  void tell_key(std::unique_lock<std::mutex>& lock);
  void send_report(std::unique_lock<std::mutex>& lock);
  // Waits for the back-off or the end; false at the end.
  bool pause(Duration duration);

  const ControlConfig config_;
  const Events events_;
  rpc::CoordinationClient client_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // All below guarded by mutex_.
  bool stopping_ = false;
  std::string join_key_;
  struct OwnKey {
    X25519SecretKey key;
    Bytes endorsement;  // of it; empty: none
    bool operator==(const OwnKey&) const = default;
  };
  OwnKey node_key_;           // what the server is told
  OwnKey told_key_;           // what it took last
  bool has_new_key_ = false;  // node_key_ has not been told yet
  bool leaving_ = false;      // no registration is begun any more
  bool enrolling_ = false;    // one at a time, so that the server hears keys in our order
  std::optional<rpc::Session> session_;   // while the server is heard
  std::optional<rpc::Session> admitted_;  // the newest, also when its watch has ended
  LatestSlot<std::vector<Endpoint>> new_endpoints_;
  LatestSlot<MapVersion> new_applied_;
  LatestSlot<relay::RelayId> new_home_;
  std::optional<std::vector<Endpoint>> endpoints_;  // as last reported, for the next session
  std::optional<MapVersion> applied_;
  std::optional<relay::RelayId> home_;

  std::thread watch_thread_;
  std::thread report_thread_;
};

}  // namespace kernmesh::agent
