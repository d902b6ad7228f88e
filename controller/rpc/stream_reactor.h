// SPDX-License-Identifier: Apache-2.0
// One stream of messages to a client on gRPC's callback API (L2, private to this folder).
//
// Exactly one thread at a time is the pump: it asks the source, starts writes and finishes. Being
// the pump is the flag `pumping_`; a started write passes it to the thread that reports the write's
// end. Finish() is called by the pump only and the flag is never given back after it, so it happens
// once. No lock is held while gRPC or the source is called, and nothing of the object is touched
// after StartWrite() or Finish(), because either may be followed by OnDone() on another thread.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "controller/rpc/streams.h"

namespace kernmesh::rpc {

// For the messages that stream_reactor.cc names at its end.
template <typename Message>
class StreamReactor : public grpc::ServerWriteReactor<Message>,
                      public UpdateStream,
                      public std::enable_shared_from_this<StreamReactor<Message>> {
 public:
  explicit StreamReactor(grpc::CallbackServerContext* context) : context_(context) {}

  // Takes the place of gRPC's ownership until OnDone and starts pumping. `on_done` runs when the
  // stream is over. Called once.
  void start(std::unique_ptr<MessageSource<Message>> source, std::function<void()> on_done);
  // Instead of start(): nothing but this error.
  void refuse(const grpc::Status& status);

  void wake() override;
  void end(const Error& error) override;
  Duration stalled_for() const override;

 private:
  using Clock = std::chrono::steady_clock;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void pump();
  void finish_with(const Error& error);

  std::unique_ptr<MessageSource<Message>> source_;
  std::function<void()> on_done_;
  std::shared_ptr<StreamReactor> self_;  // gRPC's share: the object lives until OnDone
  Message message_;                      // the pump's, and gRPC's while a write is under way

  mutable std::mutex mutex_;
  bool pumping_ = true;  // start() or refuse() is the first pump
  bool woken_ = false;
  bool finished_ = false;
  std::optional<grpc::Status> end_;
  std::optional<Clock::time_point> write_started_;

  // Guards the context's life against OnDone. Recursive, because gRPC may run OnDone inside
  // TryCancel on the same thread.
  std::recursive_mutex context_mutex_;
  grpc::CallbackServerContext* context_;  // null after OnDone
};

}  // namespace kernmesh::rpc
