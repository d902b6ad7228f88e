// SPDX-License-Identifier: Apache-2.0
#include "controller/server/relay_registry.h"

#include <algorithm>

#include "controller/core/path/candidate.h"
#include "controller/core/topology/name.h"
#include "controller/rpc/convert.h"
#include "controller/server/join_keys.h"
#include "controller/server/token.h"

namespace kernmesh::server {
namespace {

constexpr std::size_t kMostEndpoints = 8;  // two families on a few uplinks
constexpr std::size_t kMostRelays = 256;   // the map goes to every node
constexpr std::size_t kMostVersion = 64;

store::AuditEvent event(WallTime now, const store::RelayRecord& record, const char* action,
                        std::string detail) {
  const std::string who = "relay " + to_string(record.relay.id);
  return {now, who, action, who + " (" + record.relay.name + ")", std::move(detail), ""};
}

const store::RelayRecord* find_relay(const View& view, const MachinePublicKey& key) {
  for (const auto& [id, record] : view.relays) {
    if (record.machine_key == key) return &record;
  }
  return nullptr;
}

Status check_key_is_free(const View& view, const RelayApplicant& applicant) {
  for (const auto& [id, record] : view.relays) {
    if (record.relay.key != applicant.relay_key || record.machine_key == applicant.machine_key)
      continue;
    return Error(ErrorCode::kAlreadyExists, "this relay key belongs to another relay");
  }
  return {};
}

Result<RelayAdmission> plan_new(const View& view, const RelayApplicant& applicant,
                                const store::JoinKeyRecord& key, WallTime now) {
  if (view.relays.size() >= kMostRelays) {
    return Error(ErrorCode::kExhausted,
                 "there are " + std::to_string(kMostRelays) + " relays already");
  }
  store::RelayRecord record;
  record.relay.id = netmap::RelayId(view.highest.relay.value() + 1);
  record.relay.name =
      topology::unique_name(topology::to_dns_label(applicant.name), [&](const std::string& name) {
        return std::any_of(view.relays.begin(), view.relays.end(),
                           [&](const auto& entry) { return entry.second.relay.name == name; });
      });
  record.relay.region = applicant.region;
  record.relay.key = applicant.relay_key;
  record.machine_key = applicant.machine_key;
  record.created_at = now;
  record.version = applicant.version;
  RelayAdmission admission{record.relay.id, {}};
  admission.commit.audit = {event(now, record, "relay.join", "with join key " + to_string(key.id))};
  count_use(key, admission.commit);
  admission.commit.puts.emplace_back(std::move(record));
  return admission;
}

RelayAdmission plan_return(store::RelayRecord record, const RelayApplicant& applicant,
                           WallTime now) {
  RelayAdmission admission{record.relay.id, {}};
  const auto before = record;
  record.relay.key = applicant.relay_key;
  if (!applicant.region.empty()) record.relay.region = applicant.region;
  if (record == before) return admission;
  const bool rotated = record.relay.key != before.relay.key;
  admission.commit.audience = store::Audience::kNetwork;
  admission.commit.audit = {event(now, record, rotated ? "relay.rotate" : "relay.region", "")};
  admission.commit.puts.emplace_back(std::move(record));
  return admission;
}

Result<std::vector<Endpoint>> endpoints_from(const View& view,
                                             const mesh::v1::ReportRelayRequest& request) {
  if (request.endpoints_size() > static_cast<int>(kMostEndpoints)) {
    return Error(ErrorCode::kInvalid,
                 "a relay has at most " + std::to_string(kMostEndpoints) + " endpoints");
  }
  const std::array overlay{view.meta.overlay.v4, view.meta.overlay.v6};
  std::vector<Endpoint> endpoints;
  for (const auto& message : request.endpoints()) {
    MESH_TRY_ASSIGN(const auto endpoint, rpc::from_proto(message));
    if (!path::is_usable(endpoint, path::Loopback::kRefuse, overlay)) {
      return Error(ErrorCode::kInvalid, "nodes cannot reach a relay at " + to_string(endpoint));
    }
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

// Nodes take a TLS port by its certificate alone, so a relay of before that says none has none.
Status take_tls(const mesh::v1::ReportRelayRequest& request, netmap::Relay& relay) {
  relay.tls_port = Port();
  relay.tls_fingerprint = {};
  if (request.tls_port() == 0 || request.tls_fingerprint().empty()) return {};
  const Port port(static_cast<std::uint16_t>(request.tls_port()));
  for (const auto& endpoint : relay.endpoints) {
    if (endpoint.port != port) continue;
    return Error(ErrorCode::kInvalid, "the port for TLS, " + to_string(port) +
                                          ", is also that of " + to_string(endpoint) +
                                          "; nodes tell the two by it");
  }
  MESH_TRY_ASSIGN(relay.tls_fingerprint, rpc::tls_fingerprint_from_wire(request.tls_fingerprint()));
  relay.tls_port = port;
  return {};
}

}  // namespace

Result<RelayAdmission> plan_relay_admission(const View& view, const RelayApplicant& applicant,
                                            const topology::CaFingerprint& ca, WallTime now) {
  MESH_TRY(check_key_is_free(view, applicant));
  if (const auto* known = find_relay(view, applicant.machine_key))
    return plan_return(*known, applicant, now);
  if (!applicant.ticket) {
    return Error(ErrorCode::kNotFound,
                 "this relay is not known to the server: join with a join key that `meshadm key "
                 "create --relay` makes");
  }
  MESH_TRY_ASSIGN(const auto key,
                  find_join_key(view, *applicant.ticket, ca, store::Admits::kRelay, now));
  return plan_new(view, applicant, key, now);
}

Result<mesh::v1::ChallengeResponse> RelayRegistry::challenge(
    const rpc::Caller&, const mesh::v1::ChallengeRequest& request) {
  MESH_TRY_ASSIGN(const auto key, rpc::machine_key_from_wire(request.machine_key()));
  mesh::v1::ChallengeResponse response;
  response.set_nonce(proofs_.nonce_for(key));
  return response;
}

Result<RelayApplicant> RelayRegistry::check(const mesh::v1::RegisterRelayRequest& request) {
  RelayApplicant applicant;
  MESH_TRY_ASSIGN(applicant.machine_key, rpc::machine_key_from_wire(request.machine_key()));
  MESH_TRY_ASSIGN(applicant.relay_key, rpc::relay_key_from_wire(request.relay_key()));
  const std::vector<std::uint8_t> nonce(request.nonce().begin(), request.nonce().end());
  MESH_TRY(proofs_.check(
      {applicant.machine_key, request.nonce(), request.signature(),
       topology::relay_registration_message(identity_.ca, nonce, applicant.relay_key)}));
  if (!request.join_key().empty()) {
    MESH_TRY_ASSIGN(applicant.ticket, topology::parse_ticket(request.join_key()));
  }
  applicant.name = request.name().substr(0, 255);
  applicant.version = printable(request.relay_version(), kMostVersion);
  if (!request.region().empty()) MESH_TRY(topology::check_dns_label(request.region()));
  applicant.region = request.region();
  return applicant;
}

Result<mesh::v1::RegisterRelayResponse> RelayRegistry::enroll(
    const rpc::Caller& caller, const mesh::v1::RegisterRelayRequest& request) {
  MESH_TRY_ASSIGN(const auto applicant, check(request));
  RelaySession session;
  session.machine_key = applicant.machine_key;
  {
    const std::lock_guard lock(joining_);
    const auto plan = [&](const View& view) -> Result<store::Commit> {
      MESH_TRY_ASSIGN(auto admission,
                      plan_relay_admission(view, applicant, identity_.ca, clock_()));
      session.relay = admission.relay;
      for (auto& event : admission.commit.audit) event.from = caller.from;
      return std::move(admission.commit);
    };
    if (const auto status = commit_planned(directory_, store_, plan); !status) {
      denials_.warn(DenialLog::By::kStranger, "registration of relay " +
                                                  to_string(applicant.machine_key) +
                                                  " denied: " + status.error().message());
      return status.error();
    }
  }
  session.expires_at = clock_() + kSessionLifetime;
  mesh::v1::RegisterRelayResponse response;
  directory_.read([&](const View& view) {
    response.set_session_token(make_relay_token(view.meta.token_secret, session));
    const auto found = view.relays.find(session.relay);
    if (found != view.relays.end()) response.set_name(found->second.relay.name);
  });
  response.set_token_expires_at(rpc::to_wire(session.expires_at));
  response.set_relay_id(session.relay.value());
  response.set_server_time(rpc::to_wire(clock_()));
  return response;
}

Result<mesh::v1::ReportRelayResponse> RelayRegistry::report(
    const rpc::Caller& caller, const mesh::v1::ReportRelayRequest& request) {
  if (request.tls_port() > 65535) return Error(ErrorCode::kInvalid, "no such TLS port");
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY(check_standing(view, caller.relay, caller.machine_key));
    store::Commit commit;
    auto record = view.relays.at(caller.relay);
    const auto before = record;
    MESH_TRY_ASSIGN(record.relay.endpoints, endpoints_from(view, request));
    MESH_TRY(take_tls(request, record.relay));
    record.relay.online = true;
    record.version = printable(request.relay_version(), kMostVersion);
    if (record == before) return commit;
    record.last_seen_at = clock_();
    commit.audience = store::Audience::kNetwork;
    if (record.relay.endpoints != before.relay.endpoints) {
      std::string at;
      for (const auto& endpoint : record.relay.endpoints) at += " " + to_string(endpoint);
      commit.audit = {event(clock_(), record, "relay.endpoints", "now" + at)};
      commit.audit.back().from = caller.from;
    }
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  presence_.heard(caller.relay, request.load());
  mesh::v1::ReportRelayResponse response;
  response.add_ticket_keys(rpc::to_wire(identity_.ticket_key));
  response.set_drain(directory_.read([&](const View& view) {
    const auto found = view.relays.find(caller.relay);
    return found != view.relays.end() && found->second.relay.draining;
  }));
  return response;
}

Status note_silent_relays(const Directory& directory, store::Store& store,
                          const RelayPresence& presence, WallTime now) {
  return commit_planned(directory, store, [&](const View& view) -> Result<store::Commit> {
    store::Commit commit;
    commit.audience = store::Audience::kNetwork;
    for (const auto& [id, record] : view.relays) {
      if (!record.relay.online || presence.is_online(id)) continue;
      auto silent = record;
      silent.relay.online = false;
      silent.last_seen_at = now;
      commit.puts.emplace_back(std::move(silent));
    }
    return commit;
  });
}

}  // namespace kernmesh::server
