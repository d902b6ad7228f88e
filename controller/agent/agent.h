// SPDX-License-Identifier: Apache-2.0
// The agent's life (L3): logged out, down, starting, up; what `meshadm` asks for, what the server
// says, what survives a restart. The public calls of rpc::LocalHandler come on gRPC's threads and
// hand their work to the loop; everything else runs on the loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

#include "controller/agent/acl_report.h"
#include "controller/agent/agent_options.h"
#include "controller/agent/clock_guard.h"
#include "controller/agent/control_session.h"
#include "controller/agent/instance.h"
#include "controller/agent/join.h"
#include "controller/agent/key_rotation.h"
#include "controller/agent/lock_keeper.h"
#include "controller/agent/mesh_node.h"
#include "controller/agent/packet_journal.h"
#include "controller/agent/person_wait.h"
#include "controller/agent/policy_lease.h"
#include "controller/agent/port_mapping.h"
#include "controller/host/event_loop.h"
#include "controller/rpc/local_server.h"

namespace kernmesh::agent {

class Agent final : public rpc::LocalHandler {
 public:
  // Locks the interface, reads keys and settings, takes over what an earlier agent left.
  static Result<std::unique_ptr<Agent>> open(const AgentOptions& options);
  ~Agent() override;

  // Until a signal; the data plane goes on afterwards.
  Status run(const std::function<void()>& on_ready);

  Result<mesh::v1::UpResponse> up(const mesh::v1::UpRequest& request) override;
  Status sign_in(const mesh::v1::UpRequest& request,
                 const rpc::Stream<mesh::v1::SignInResponse>& stream) override;
  Result<mesh::v1::DownResponse> down() override;
  Result<mesh::v1::LogoutResponse> logout() override;
  Result<mesh::v1::StatusResponse> status() override;
  Result<mesh::v1::PingResponse> ping(const std::string& target) override;
  Result<mesh::v1::NetcheckResponse> netcheck() override;
  Result<mesh::v1::RoutesResponse> routes() override;
  mesh::v1::VersionResponse version() override;
  Result<mesh::v1::AclShowResponse> acl_show() override;
  Result<mesh::v1::AclExplainResponse> acl_explain(
      const mesh::v1::AclExplainRequest& request) override;
  Result<mesh::v1::AclStatsResponse> acl_stats() override;
  Status drops(const mesh::v1::DropsRequest& request,
               const rpc::Stream<mesh::v1::AclEvent>& stream) override;
  Status flows(const mesh::v1::FlowsRequest& request,
               const rpc::Stream<mesh::v1::FlowsResponse>& stream) override;
  Result<mesh::v1::LockShowResponse> lock_show() override;
  Result<mesh::v1::LockSignResponse> lock_sign(const mesh::v1::LockSignRequest& request) override;
  // For the pages of --http-listen; empty when the agent stops meanwhile.
  std::string metrics();
  bool is_healthy();

 private:
  using UpDone = std::function<void(Status)>;
  // Who waits for the first netmap, and what to go back to when there will be none.
  struct Joining {
    UpDone done;
    Settings before;
    MonoTime deadline;
    std::optional<Error> last_error;
  };

  Agent(AgentOptions options, Instance instance, host::EventLoop loop, Settings settings,
        Identity identity);
  Status load_stored();
  // Runs `work` on the loop and waits for it; kUnavailable when the agent stops first.
  template <typename T>
  Result<T> on_loop(std::function<Result<T>()> work);

  Status watch_signals();
  std::optional<MonoTime> settle();
  void begin_up(Join join, UpDone done);
  Status bring_up(const Join& join, const std::function<bool()>& is_wanted);
  Status await_person(const Join& join, const rpc::Stream<mesh::v1::SignInResponse>& stream);
  void start_session(std::string join_key);
  ControlConfig control_config(const topology::CaFingerprint& ca) const;
  Status ensure_node();
  MeshNode::Events node_events();
  void on_netmap(NetmapPtr map, const std::optional<NetmapStep>& step = {});
  void on_connected();
  void on_disconnected(const Error& error);
  void step_aside();
  KeyRotation::Events rotation_events();
  void look_after_key(MonoTime now);
  void finish_joining(const Status& status);
  void abandon_joining(std::string_view by);
  void give_up_joining(const Settings& before);
  void end_session();
  void forget_stored();
  void note_saved(const Status& status);
  void resume();
  Status take_down();
  Result<NodeId> find_peer(const std::string& target) const;
  std::vector<std::string> problems() const;
  // kUnavailable while the node is not up. Borrows from node_ and stored_.
  Result<AclFacts> acl_facts() const;
  void on_packets(const std::vector<mesh_acl_event>& events);
  void set_access();
  void on_heard();
  void open_lock(const topology::CaFingerprint& ca);
  void announce_endorsement();

  const AgentOptions options_;
  const Instance instance_;
  std::optional<InstanceLock> instance_lock_;
  UniqueFd state_lock_;
  host::EventLoop loop_;
  UniqueFd signals_;
  Settings settings_;
  Identity identity_;
  NetmapPtr stored_;  // the last good netmap
  std::vector<Endpoint> endpoints_;
  std::optional<RelayId> home_;
  topology::AgentInstance run_{};  // this process
  bool displaced_ = false;         // another machine has our keys, and we stepped aside
  KeyRotation rotation_;
  ClockGuard clock_guard_;
  PacketJournal journal_;
  PolicyLease lease_;
  std::unique_ptr<PortMapping> mapping_;  // made with the first node, null when it is not wanted
  std::unique_ptr<MeshNode> node_;
  bool node_lost_ = false, connected_ = false;
  MonoTime retry_at_{}, unconnected_since_{};
  std::optional<Error> start_error_, apply_error_, save_error_, server_error_;
  std::optional<Joining> joining_;
  PersonWait person_;
  MapVersion received_, applied_;
  std::unique_ptr<LockKeeper> lock_;          // of the network of settings_; outlives receiver_
  std::unique_ptr<NetmapReceiver> receiver_;  // outlives session_, whose thread uses it
  std::unique_ptr<ControlSession> session_;
  std::uint64_t session_number_ = 0;  // work that an ended session posted is not its successor's
  std::atomic<bool> stopping_{false};
};

}  // namespace kernmesh::agent
