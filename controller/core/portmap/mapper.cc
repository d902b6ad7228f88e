// SPDX-License-Identifier: Apache-2.0
#include "controller/core/portmap/mapper.h"

#include <sodium.h>

#include <algorithm>

namespace kernmesh::portmap {
namespace {

bool is_usable(const Grant& grant) {
  const bool lasts = grant.lifetime.count() == 0 || grant.lifetime >= kLeastLifetime;
  return lasts && grant.external.port.value() != 0 && is_public(grant.external.address);
}

// Keeps these sums apart from others under the same secret.
constexpr std::string_view kPurpose = "kernmesh port mapping";

}  // namespace

std::string_view to_string(Protocol protocol) {
  switch (protocol) {
    case Protocol::kPcp:
      return "PCP";
    case Protocol::kNatPmp:
      return "NAT-PMP";
    case Protocol::kUpnp:
      return "UPnP";
  }
  return "";
}

void Mapper::set_network(MonoTime now, const std::optional<Gateway>& gateway, Port internal) {
  if (gateway == gateway_ && internal == internal_) return;
  gateway_ = gateway;
  internal_ = internal;
  drop_mapping();
  wish_.reset();
  for (auto& epoch : epochs_) epoch.forget();
  begin(now);
}

// A gateway lets nobody with another nonce touch a mapping, nor tells him of it; so a program that
// drew one afresh at each start would find its own port taken until the mapping ends. This one is
// the same as long as the secret and the network are.
Nonce Mapper::make_nonce() const {
  Bytes network(kPurpose.begin(), kPurpose.end());
  put_bytes(network, gateway_->address.bytes());
  put_bytes(network, gateway_->local.bytes());
  put_number(network, internal_.value(), 2);
  // BLAKE2b's shortest sum is longer than a nonce.
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> sum;
  crypto_generichash(sum.data(), sum.size(), network.data(), network.size(), secret_.bytes().data(),
                     secret_.bytes().size());
  Nonce nonce;
  std::copy_n(sum.begin(), nonce.size(), nonce.begin());
  return nonce;
}

void Mapper::begin(MonoTime now) {
  is_running_ = is_asked_again_ = false;
  failed_rounds_ = 0;
  protocol_ = Protocol::kPcp;
  next_at_.reset();
  if (gateway_ && internal_.value() != 0) next_at_ = now;
}

Attempt Mapper::attempt(std::chrono::seconds lifetime) const {
  return {attempts_, protocol_, *gateway_, internal_, wish_, make_nonce(), lifetime};
}

void Mapper::tick(MonoTime now) {
  if (mapping_ && now >= mapping_->ends_at) {
    drop_mapping();
    begin(now);
  }
  if (is_running_ || !next_at_ || now < *next_at_) return;
  is_running_ = true;
  ++attempts_;
  commands_.emplace_back(attempt(std::chrono::duration_cast<std::chrono::seconds>(kLifetime)));
}

std::optional<MonoTime> Mapper::next_deadline() const {
  const auto end = mapping_ ? std::optional(mapping_->ends_at) : std::nullopt;
  if (is_running_ || !next_at_) return end;
  return end ? std::min(*end, *next_at_) : *next_at_;
}

void Mapper::on_done(MonoTime now, std::uint64_t attempt, const Result<Grant>& outcome) {
  if (!is_running_ || attempt != attempts_) return;  // of a network that this node has left
  is_running_ = false;
  if (outcome && is_usable(*outcome)) {
    succeed(now, *outcome);
  } else {
    fail(now);
  }
  if (std::exchange(is_asked_again_, false)) ask_soon(now);
}

void Mapper::ask_soon(MonoTime now) {
  const auto share = random_.bytes<1>()[0];
  next_at_ = std::min<MonoTime>(*next_at_, now + kAnnouncedSpread * (share + 1) / 256);
}

// RFC 6887 section 11.2.1: renewed at a random moment between a half and five eighths.
void Mapper::succeed(MonoTime now, const Grant& grant) {
  const auto lifetime = grant.lifetime.count() > 0 ? std::min<Duration>(grant.lifetime, kLifetime)
                                                   : Duration(kLifetime);
  // A gateway that forgot has just been told again.
  if (grant.epoch_s) (void)epoch_of(protocol_ == Protocol::kPcp).follows(now, *grant.epoch_s);
  const bool is_new = !mapping_ || mapping_->external != grant.external;
  mapping_ = Mapping{protocol_, grant.external, now + lifetime};
  wish_ = grant.external;
  failed_rounds_ = 0;
  const auto share = random_.bytes<1>()[0];
  next_at_ =
      now + std::max<Duration>(lifetime / 2 + lifetime / 8 * share / 256, kLeastRenewalPause);
  if (is_new) commands_.emplace_back(Changed{grant.external});
}

void Mapper::fail(MonoTime now) {
  if (mapping_) {
    next_at_ = now + std::max<Duration>((mapping_->ends_at - now) / 2, kLeastRenewalPause);
    return;  // it ends at its time, and then all protocols are tried again
  }
  if (protocol_ != Protocol::kUpnp) {
    protocol_ = protocol_ == Protocol::kPcp ? Protocol::kNatPmp : Protocol::kUpnp;
    next_at_ = now;
    return;
  }
  protocol_ = Protocol::kPcp;
  const auto pause = kFirstPause * (1 << std::min(failed_rounds_, 5));
  next_at_ = now + std::min<Duration>(pause, kMostPause);
  ++failed_rounds_;
}

void Mapper::on_announcement(MonoTime now, const IpAddress& from,
                             const Announcement& announcement) {
  if (!gateway_ || from != gateway_->address || !next_at_) return;
  const bool forgot = !epoch_of(announcement.is_pcp).follows(now, announcement.epoch_s);
  const bool moved = mapping_ && announcement.external &&
                     *announcement.external != mapping_->external.address &&
                     is_public(*announcement.external);
  const bool gave_up = !mapping_ && failed_rounds_ > 0 && !is_running_;
  if (!forgot && !moved && !gave_up) return;
  // What is under way may have been answered before.
  if (is_running_) {
    is_asked_again_ = true;
  } else {
    ask_soon(now);
  }
}

void Mapper::drop_mapping() {
  if (!mapping_) return;
  mapping_.reset();
  commands_.emplace_back(Changed{std::nullopt});
}

void Mapper::release() {
  // An attempt that is under way may yet be granted. Not by UPnP, which would take a port away that
  // may be another's.
  const bool may_be_granted = is_running_ && protocol_ != Protocol::kUpnp;
  if (mapping_) protocol_ = mapping_->protocol;
  if (mapping_ || may_be_granted) commands_.emplace_back(attempt(std::chrono::seconds(0)));
  drop_mapping();
  next_at_.reset();
  is_running_ = is_asked_again_ = false;
  wish_.reset();
  gateway_.reset();
}

}  // namespace kernmesh::portmap
