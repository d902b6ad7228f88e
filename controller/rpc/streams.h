// SPDX-License-Identifier: Apache-2.0
// Streams of messages from the server, as a service sees them (L2).
#pragma once

#include "controller/base/clock.h"
#include "controller/base/error.h"

namespace kernmesh::rpc {

// Where the messages of one stream come from. The stream owns it and calls it from one thread at a
// time.
template <typename Message>
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  // Fills `message` with the next one; false when there is none now. Called only when the stream
  // can take a message: a reader that does not drain costs one message.
  virtual bool next(Message& message) = 0;
};

// One stream as the server sees it. Thread-safe; call without holding locks.
class UpdateStream {
 public:
  virtual ~UpdateStream() = default;
  // Asks the source again, soon.
  virtual void wake() = 0;
  // Ends the stream with this error after the message under way, or at once when the reader has not
  // taken that message for a while. Only the first call counts.
  virtual void end(const Error& error) = 0;
  // How long the message under way has not been taken; zero when none is.
  virtual Duration stalled_for() const = 0;
};

}  // namespace kernmesh::rpc
