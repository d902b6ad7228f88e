// SPDX-License-Identifier: Apache-2.0
// The SignIn service in front of its handler (L2). Open to everybody, as Register is: what a caller
// proves stands in the request.
#pragma once

#include <memory>
#include <string>

#include "controller/base/result.h"
#include "controller/rpc/deferred_reactor.h"
#include "controller/rpc/gate.h"
#include "controller/rpc/method_access.h"
#include "controller/rpc/unary.h"
#include "mesh/v1/signin.grpc.pb.h"

namespace kernmesh::rpc {

using StartSignInCall = DeferredCall<mesh::v1::StartSignInResponse>;

// Implemented by the server; called from gRPC's threads.
class SignInHandler {
 public:
  virtual ~SignInHandler() = default;
  // `peer` is gRPC's text for the caller's address: "ipv4:192.0.2.7:1234". Does not wait for the
  // provider; whoever does has a share of `call`.
  virtual void start(const mesh::v1::StartSignInRequest& request, const std::string& peer,
                     std::shared_ptr<StartSignInCall> call) = 0;
  virtual Result<mesh::v1::AwaitSignInResponse> await(
      const mesh::v1::AwaitSignInRequest& request) = 0;
};

class SignInService final : public mesh::v1::SignIn::CallbackService {
 public:
  // Both outlive it. Without a handler nobody is signed in.
  SignInService(Gate& gate, SignInHandler* handler) : gate_(gate), handler_(handler) {}

  grpc::ServerUnaryReactor* StartSignIn(grpc::CallbackServerContext* context,
                                        const mesh::v1::StartSignInRequest* request,
                                        mesh::v1::StartSignInResponse* response) override {
    const ServerCall call{context, access_of("/mesh.v1.SignIn/StartSignIn")};
    return answer_later(gate_, call, response,
                        [&](const Caller&, std::shared_ptr<StartSignInCall> waiting) {
                          if (handler_ == nullptr) {
                            waiting->answer(no_provider());
                          } else {
                            handler_->start(*request, context->peer(), std::move(waiting));
                          }
                        });
  }
  grpc::ServerUnaryReactor* AwaitSignIn(grpc::CallbackServerContext* context,
                                        const mesh::v1::AwaitSignInRequest* request,
                                        mesh::v1::AwaitSignInResponse* response) override {
    const ServerCall call{context, access_of("/mesh.v1.SignIn/AwaitSignIn")};
    return answer(gate_, call, response,
                  [&](const Caller&) -> Result<mesh::v1::AwaitSignInResponse> {
                    if (handler_ == nullptr) return no_provider();
                    return handler_->await(*request);
                  });
  }

 private:
  static Error no_provider() {
    return {ErrorCode::kUnsupported,
            "this server signs nobody in: join with a join key (meshadm up --key mk-...)"};
  }
  Gate& gate_;
  SignInHandler* handler_;
};

}  // namespace kernmesh::rpc
