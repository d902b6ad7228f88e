// SPDX-License-Identifier: Apache-2.0
#include "controller/relay/signals.h"

#include <initializer_list>

namespace kernmesh::relay {

sigset_t own_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set, number);
  return set;
}

void block_signals() {
  const sigset_t set = own_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace kernmesh::relay
