// SPDX-License-Identifier: Apache-2.0
// A call whose text comes in pieces, on gRPC's callback API (L2, private to this folder). gRPC
// calls it from one thread at a time; it is its own and goes when the call is over.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <functional>
#include <string>

#include "controller/base/result.h"
#include "controller/core/policy/parse.h"
#include "controller/rpc/field_violation.h"

namespace kernmesh::rpc {

// Request has `text` and `text_bytes`; its other fields are those of the first message.
template <typename Request, typename Response>
class UploadReactor final : public grpc::ServerReadReactor<Request> {
 public:
  struct Call {
    // Gets the request with all of its text, and is called at most once.
    std::function<Result<Response>(const Request&)> handle;
    // What the caller is told of an error.
    std::function<grpc::Status(const Error&)> fail;
  };
  UploadReactor(Response* response, Call call) : response_(response), call_(std::move(call)) {}

  // Reads, or ends the call with this error before a message is read. Called once.
  void begin(const Status& admitted) {
    if (admitted) {
      this->StartRead(&piece_);
    } else {
      this->Finish(call_.fail(admitted.error()));
    }
  }

 private:
  // The end of the stream does not make a text whole: it is also what a broken connection looks
  // like.
  void OnReadDone(bool ok) override {
    if (!ok) {
      return refuse(ErrorCode::kInvalid, "the text ended before all of it was there");
    }
    const bool is_first = !begun_;
    begun_ = true;
    if (is_first) {
      whole_ = std::move(piece_);
      wanted_ = whole_.text_bytes() == 0 ? whole_.text().size() : whole_.text_bytes();
    } else {
      whole_.mutable_text()->append(piece_.text());
    }
    const std::size_t held = whole_.text().size();
    if (wanted_ > policy::kMaxPolicyBytes || held > wanted_) {
      return refuse(ErrorCode::kInvalid, "a policy has at most " +
                                             std::to_string(policy::kMaxPolicyBytes) +
                                             " bytes, and as many as its first message says");
    }
    if (held == wanted_) return answer();
    if (!is_first && piece_.text().empty()) {
      return refuse(ErrorCode::kInvalid, "a piece of the text is empty");
    }
    piece_.Clear();
    this->StartRead(&piece_);
  }

  void answer() {
    auto result = call_.handle(whole_);
    if (!result) return this->Finish(call_.fail(result.error()));
    *response_ = std::move(*result);
    this->Finish(grpc::Status::OK);
  }
  void refuse(ErrorCode code, std::string why) {
    this->Finish(call_.fail(in_field("text", Error(code, std::move(why)))));
  }
  void OnDone() override { delete this; }

  Response* response_;  // gRPC's, until OnDone
  Call call_;
  Request piece_;
  Request whole_;
  bool begun_ = false;
  std::size_t wanted_ = 0;  // bytes of text
};

}  // namespace kernmesh::rpc
