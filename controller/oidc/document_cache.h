// SPDX-License-Identifier: Apache-2.0
// One document of the provider, parsed (L2, thread-safe). Whoever needs it while another one
// fetches it waits for that answer, so a crowd asks once.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "controller/base/result.h"
#include "controller/core/signin/fetch_pace.h"

namespace kernmesh::oidc {

enum class Freshness { kNotStale, kNewest };

template <typename Document>
class DocumentCache {
 public:
  // Shared by the cache and by those who read it while it is replaced.
  using Pointer = std::shared_ptr<const Document>;

  // kNewest fetches as often as the pace allows, and takes what there is otherwise. A stale
  // document is not used when it cannot be fetched: keys may have been withdrawn.
  Result<Pointer> get(Freshness freshness, MonoTime now,
                      const std::function<Result<Document>()>& fetch) {
    const std::lock_guard lock(mutex_);
    const bool is_stale = pace_.is_stale(now);
    if (!is_stale && (freshness == Freshness::kNotStale || !pace_.may_ask(now))) return document_;
    if (!pace_.may_ask(now)) return *failure_;
    pace_.note_asked(now);
    auto fetched = fetch();
    if (!fetched) {
      failure_ = fetched.error();
      return *failure_;
    }
    pace_.note_fetched(now);
    document_ = std::make_shared<const Document>(std::move(*fetched));
    return document_;
  }

 private:
  std::mutex mutex_;
  signin::FetchPace pace_;
  Pointer document_;
  std::optional<Error> failure_ = Error(ErrorCode::kUnavailable, "the provider was not asked yet");
};

}  // namespace kernmesh::oidc
