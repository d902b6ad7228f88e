// SPDX-License-Identifier: Apache-2.0
// Requests that create something and may come again (L3, thread-safe): the same id and request
// answers with what was created. A secret that was shown is shown again and yet kept nowhere: it is
// made of the id, of which only a hash is stored.
#pragma once

#include <optional>
#include <string>

#include "controller/core/topology/registration.h"
#include "controller/rpc/gate.h"
#include "controller/server/directory.h"
#include "controller/server/wall_clock.h"

namespace kernmesh::server {

class RequestMemory {
 public:
  using Record = std::optional<store::RequestRecord>;

  // All outlive it.
  RequestMemory(const Directory& directory, store::Store& store, WallClock clock)
      : directory_(directory), store_(store), clock_(std::move(clock)) {}

  // `create(record)` for a request that is new, or has no id; it puts the record with its subject
  // into the commit that creates. `recall(record)` for one that was done. Both give the same
  // Result. kInvalid for a malformed id, kAlreadyExists for one of another request.
  template <typename Request, typename Create, typename Recall>
  auto once(const rpc::Caller& caller, const Request& request, const Create& create,
            const Recall& recall) const -> decltype(create(Record())) {
    if (request.request_id().empty()) return create(Record());
    MESH_TRY_ASSIGN(const auto asked, asked_by(caller, request.request_id(), without_id(request)));
    MESH_TRY_ASSIGN(const auto before, find(asked));
    if (before) return recall(*before);
    auto created = create(Record(asked));
    if (created || created.error().code() != ErrorCode::kAlreadyExists) return created;
    // The same request, at the same time, on another thread?
    MESH_TRY_ASSIGN(const auto meanwhile, find(asked));
    return meanwhile ? recall(*meanwhile) : std::move(created);
  }

  // Random without a record; with one the same whenever it is asked for.
  void fill_secret(topology::Ticket& ticket, const std::string& request_id,
                   const Record& record) const;

 private:
  template <typename Request>
  static std::string without_id(Request request) {
    request.clear_request_id();
    return Request::descriptor()->full_name() + "\n" + request.SerializeAsString();
  }
  Result<store::RequestRecord> asked_by(const rpc::Caller& caller, const std::string& id,
                                        const std::string& request) const;
  Result<Record> find(const store::RequestRecord& asked) const;

  const Directory& directory_;
  store::Store& store_;
  WallClock clock_;
};

}  // namespace kernmesh::server
