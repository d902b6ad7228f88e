// SPDX-License-Identifier: Apache-2.0
#include "controller/rpc/stream_reactor.h"

#include "controller/rpc/status.h"
#include "mesh/v1/admin.pb.h"
#include "mesh/v1/coordination.pb.h"

namespace kernmesh::rpc {
namespace {

// An ended stream whose reader does not take the message under way is cancelled after this.
constexpr auto kPatience = std::chrono::seconds(2);

}  // namespace

template <typename Message>
void StreamReactor<Message>::start(std::unique_ptr<MessageSource<Message>> source,
                                   std::function<void()> on_done) {
  source_ = std::move(source);
  on_done_ = std::move(on_done);
  self_ = this->shared_from_this();
  pump();
}

template <typename Message>
void StreamReactor<Message>::refuse(const grpc::Status& status) {
  self_ = this->shared_from_this();
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  this->Finish(status);
}

template <typename Message>
void StreamReactor<Message>::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    if (pumping_) return;
    pumping_ = true;
  }
  pump();
}

template <typename Message>
void StreamReactor<Message>::end(const Error& error) {
  finish_with(error);
  if (stalled_for() < kPatience) return;
  const std::lock_guard lock(context_mutex_);
  if (context_ != nullptr) context_->TryCancel();
}

template <typename Message>
void StreamReactor<Message>::finish_with(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    if (!end_) end_ = to_grpc(error);
    if (pumping_) return;
    pumping_ = true;
  }
  pump();
}

template <typename Message>
Duration StreamReactor<Message>::stalled_for() const {
  const std::lock_guard lock(mutex_);
  return write_started_ ? Clock::now() - *write_started_ : Duration{};
}

template <typename Message>
void StreamReactor<Message>::pump() {
  for (;;) {
    std::optional<grpc::Status> end;
    {
      const std::lock_guard lock(mutex_);
      woken_ = false;
      write_started_.reset();
      finished_ = end_.has_value();
      end = end_;
    }
    if (end) {
      this->Finish(*end);
      return;
    }
    message_.Clear();
    if (source_->next(message_)) {
      {
        const std::lock_guard lock(mutex_);
        write_started_ = Clock::now();
      }
      this->StartWrite(&message_);
      return;
    }
    const std::lock_guard lock(mutex_);
    if (!woken_ && !end_) {
      pumping_ = false;
      return;
    }
  }
}

template <typename Message>
void StreamReactor<Message>::OnWriteDone(bool ok) {
  if (!ok) {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = grpc::Status(grpc::StatusCode::CANCELLED, "the reader is gone");
  }
  pump();
}

template <typename Message>
void StreamReactor<Message>::OnCancel() {
  finish_with(Error(ErrorCode::kUnavailable, "the reader is gone"));
}

template <typename Message>
void StreamReactor<Message>::OnDone() {
  {
    const std::lock_guard lock(context_mutex_);
    context_ = nullptr;
  }
  if (on_done_) on_done_();
  const auto keep = std::move(self_);  // the object may go with this share, after all else
}

template class StreamReactor<mesh::v1::NetmapUpdate>;
template class StreamReactor<mesh::v1::AuditEvent>;

}  // namespace kernmesh::rpc
