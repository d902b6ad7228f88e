// SPDX-License-Identifier: Apache-2.0
#include "controller/server/relay_administration.h"

#include <charconv>

#include "controller/rpc/convert.h"
#include "controller/rpc/paging.h"
#include "controller/server/audit.h"

namespace kernmesh::server {

namespace v1 = mesh::v1;

namespace {

// By name, or by id in decimal. A name of digits only wins over an id.
Result<store::RelayRecord> find_relay(const View& view, const std::string& text) {
  for (const auto& [id, record] : view.relays) {
    if (record.relay.name == text) return record;
  }
  std::uint32_t number = 0;
  const char* end = text.data() + text.size();
  if (std::from_chars(text.data(), end, number).ptr == end) {
    const auto found = view.relays.find(netmap::RelayId(number));
    if (found != view.relays.end()) return found->second;
  }
  return Error(ErrorCode::kNotFound, "there is no relay \"" + text.substr(0, 80) + "\"");
}

}  // namespace

store::AuditEvent RelayAdministration::event(const rpc::Caller& caller, const char* action,
                                             const store::RelayRecord& record) const {
  return event_by(
      caller, clock_(),
      {action, "relay " + to_string(record.relay.id) + " (" + record.relay.name + ")", ""});
}

v1::Relay RelayAdministration::describe(const store::RelayRecord& record) const {
  v1::Relay message;
  *message.mutable_place() = rpc::to_proto(record.relay);
  const auto load = presence_.load_of(record.relay.id);
  message.mutable_place()->set_online(load.has_value());
  if (load) *message.mutable_load() = *load;
  message.set_created_at(rpc::to_wire(record.created_at));
  message.set_last_seen_at(rpc::to_wire(load ? clock_() : record.last_seen_at));
  message.set_relay_version(record.version);
  return message;
}

Result<v1::ListRelaysResponse> RelayAdministration::list_relays(
    const rpc::Caller&, const v1::ListRelaysRequest& request) {
  MESH_TRY_ASSIGN(const auto page, rpc::page_of(request));
  return directory_.read([&](const View& view) {
    v1::ListRelaysResponse response;
    const auto take = [&](const store::RelayRecord& record) {
      *response.add_relays() = describe(record);
      return true;
    };
    response.set_next_page_token(rpc::fill_page(view.relays, page, take));
    return response;
  });
}

Result<v1::Relay> RelayAdministration::get_relay(const rpc::Caller&,
                                                 const v1::GetRelayRequest& request) {
  return directory_.read([&](const View& view) -> Result<v1::Relay> {
    MESH_TRY_ASSIGN(const auto record, find_relay(view, request.relay()));
    return describe(record);
  });
}

Result<v1::Relay> RelayAdministration::drain_relay(const rpc::Caller& caller,
                                                   const v1::DrainRelayRequest& request) {
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(auto record, find_relay(view, request.relay()));
    store::Commit commit;
    if (record.relay.draining != request.undo()) return commit;
    record.relay.draining = !request.undo();
    commit.audience = store::Audience::kNetwork;
    commit.audit = {event(caller, request.undo() ? "relay.undrain" : "relay.drain", record)};
    commit.puts.emplace_back(std::move(record));
    return commit;
  }));
  v1::GetRelayRequest changed;
  changed.set_relay(request.relay());
  return get_relay(caller, changed);
}

Result<v1::RemoveRelayResponse> RelayAdministration::remove_relay(
    const rpc::Caller& caller, const v1::RemoveRelayRequest& request) {
  netmap::RelayId id;
  MESH_TRY(commit_planned(directory_, store_, [&](const View& view) -> Result<store::Commit> {
    MESH_TRY_ASSIGN(const auto record, find_relay(view, request.relay()));
    id = record.relay.id;
    store::Commit commit;
    commit.audience = store::Audience::kNetwork;
    commit.removals.emplace_back(store::Removal<netmap::RelayId>{id, record.written});
    commit.audit = {event(caller, "relay.remove", record)};
    return commit;
  }));
  presence_.forget(id);
  return v1::RemoveRelayResponse{};
}

}  // namespace kernmesh::server
