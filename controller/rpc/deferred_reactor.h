// SPDX-License-Identifier: Apache-2.0
// A call that is answered later, on gRPC's callback API (L2, private to this folder).
//
// Finish() is called once, by whoever sets `finished_` first: the one who answers, or gRPC when the
// caller hangs up or the server stops. Nothing of gRPC's is touched by the other, nor after
// Finish(), because OnDone() may follow on another thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "controller/rpc/deferred_call.h"
#include "controller/rpc/unary.h"

namespace kernmesh::rpc {

template <typename Response>
class DeferredReactor final : public grpc::ServerUnaryReactor,
                              public DeferredCall<Response>,
                              public std::enable_shared_from_this<DeferredReactor<Response>> {
 public:
  // What the caller is told of an error.
  using Fail = std::function<grpc::Status(const Error&)>;
  DeferredReactor(Response* response, Fail fail) : response_(response), fail_(std::move(fail)) {}

  // Takes the place of gRPC's ownership until OnDone. Called once, before the answer.
  void hold() { self_ = this->shared_from_this(); }

  bool is_open() const override { return !finished_; }
  bool answer(Result<Response> result) override {
    if (finished_.exchange(true)) return false;
    if (!result) {
      this->Finish(fail_(result.error()));
      return true;
    }
    *response_ = std::move(*result);
    this->Finish(grpc::Status::OK);
    return true;
  }

 private:
  void OnCancel() override {
    if (finished_.exchange(true)) return;
    this->Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the caller has hung up"));
  }
  void OnDone() override {
    const auto keep = std::move(self_);  // the object may go with this share, after all else
  }

  Response* const response_;  // gRPC's, until OnDone
  const Fail fail_;
  std::atomic<bool> finished_ = false;
  std::shared_ptr<DeferredReactor> self_;  // gRPC's share: the object lives until OnDone
};

// As answer() in unary.h, but `handle(caller, call)` returns nothing and answers when it likes.
template <typename Response, typename Handle>
grpc::ServerUnaryReactor* answer_later(Gate& gate, const ServerCall& call, Response* response,
                                       const Handle& handle) {
  const auto caller = admit(gate, call);
  if (!caller) {
    auto* const refusal = call.context->DefaultReactor();
    refusal->Finish(to_grpc(caller.error(), call.method));
    return refusal;
  }
  const auto fail = [&gate, who = *caller, &method = call.method](const Error& error) {
    return failure(gate, who, method, error);
  };
  // Shared by gRPC until OnDone, and by whoever owes the answer.
  const auto reactor = std::make_shared<DeferredReactor<Response>>(response, fail);
  reactor->hold();
  handle(*caller, std::shared_ptr<DeferredCall<Response>>(reactor));
  return reactor.get();
}

}  // namespace kernmesh::rpc
