// SPDX-License-Identifier: Apache-2.0
// Asks the provider, for each device authorization under way, whether its person has signed in (L3;
// one thread of its own; RFC 8628 section 3.5).
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "controller/core/signin/ledger.h"
#include "controller/oidc/provider.h"

namespace kernmesh::server {

// One question takes the thread some 100 ms, and each is asked for every 5 s.
inline constexpr std::size_t kMostDevices = 32;

class DeviceQueue {
 public:
  // Called on the queue's thread, once for each: who it is, or why it is nobody.
  using OnEnd = std::function<void(signin::SignInId, const signin::Newcomer&,
                                   const Result<signin::Identity>&)>;
  DeviceQueue(oidc::Provider& provider, std::function<MonoTime()> clock, OnEnd on_end);
  ~DeviceQueue();
  DeviceQueue(const DeviceQueue&) = delete;
  DeviceQueue& operator=(const DeviceQueue&) = delete;

  // kExhausted when as many are under way as one thread can ask for.
  Status check_room();
  void add(signin::SignInId id, signin::Newcomer newcomer, const signin::DeviceGrant& grant);
  // Asks for it no more; a question under way may still end it.
  void remove(signin::SignInId id);

 private:
  struct Device {
    signin::Newcomer newcomer;
    std::string device_code;
    std::chrono::seconds interval{};
    MonoTime due;
    MonoTime until;
  };
  void run();
  // Asks once; what it returns says whether the device is done with.
  bool ask(signin::SignInId id, Device& device);

  oidc::Provider& provider_;
  const std::function<MonoTime()> clock_;
  const OnEnd on_end_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;  // guarded by mutex_, as the next
  std::map<signin::SignInId, Device> devices_;
  std::thread thread_;
};

}  // namespace kernmesh::server
