// SPDX-License-Identifier: Apache-2.0
#include "controller/agent/lock_keeper.h"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

#include "controller/agent/file.h"
#include "controller/rpc/convert.h"

namespace kernmesh::agent {
namespace {

constexpr const char* kLockFile = "lock-";
constexpr std::string_view kLockMagic = "KERNMESH-LOCK-01";
constexpr std::size_t kMostLockFileBytes = std::size_t{1} << 26;  // a million machines

// Of peers that one netmap leaves out; `meshadm lock status` names all.
constexpr std::size_t kMostLogged = 10;

std::span<const std::uint8_t> octets_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string checksum_of(std::string_view body) {
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()), octets_of(body).data(),
                     body.size());
  return hash;
}

Result<lock::Memory> read_memory(const std::string& path) {
  MESH_TRY_ASSIGN(const auto file, read_file(path, kMostLockFileBytes));
  if (!file) return lock::Memory();
  std::string_view rest = *file;
  if (!rest.starts_with(kLockMagic) || rest.size() < kLockMagic.size() + crypto_hash_sha256_BYTES) {
    return Error(ErrorCode::kCorrupt, "it is not of this version");
  }
  rest.remove_prefix(kLockMagic.size());
  const std::string_view body = rest.substr(crypto_hash_sha256_BYTES);
  if (checksum_of(body) != rest.substr(0, crypto_hash_sha256_BYTES)) {
    return Error(ErrorCode::kCorrupt, "its checksum differs");
  }
  return lock::parse_memory(octets_of(body));
}

void log_change(const std::optional<Error>& before, const std::optional<Error>& now) {
  if (!now || (before && before->message() == now->message())) return;
  const bool is_named = now->message().starts_with("network lock: ");
  spdlog::error("{}{}", is_named ? "" : "network lock: ", now->message());
}

}  // namespace

LockKeeper::LockKeeper(std::string path, const topology::CaFingerprint& ca,
                       const Ed25519SecretKey& machine)
    : path_(std::move(path)), ca_(ca), machine_(machine), name_(machine_public_key(machine)) {}

std::unique_ptr<LockKeeper> LockKeeper::open(const std::string& state_dir,
                                             const topology::CaFingerprint& ca,
                                             const Ed25519SecretKey& machine) {
  const std::string name = kLockFile + to_hex(std::span(ca).first(16));
  std::unique_ptr<LockKeeper> keeper(new LockKeeper(state_dir + "/" + name, ca, machine));
  keeper->load();
  return keeper;
}

void LockKeeper::load() {
  auto memory = read_memory(path_);
  if (memory) {
    memory_ = std::move(*memory);
    return;
  }
  unreadable_ = memory.error().with_context(path_);
  spdlog::error("network lock: {}", unreadable_->message());
}

Status LockKeeper::remember(lock::Memory next) {
  const Bytes bytes = encode(next);
  const std::string_view body(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const Status written =
      replace_file(path_, std::string(kLockMagic) + checksum_of(body) + std::string(body));
  const auto before = unwritten_;
  unwritten_.reset();
  if (!written) {
    unwritten_ = written.error();
    log_change(before, unwritten_);
    return written;
  }
  memory_ = std::move(next);
  return {};
}

void LockKeeper::follow(const netmap::LockStatements& sent) {
  const auto before = refused_;
  refused_.reset();
  if (sent == memory_.history.statements) return;
  lock::Memory next = memory_;
  const Status followed = lock::follow(next.history, sent);
  if (!followed) {
    refused_ = followed.error();
    log_change(before, refused_);
    return;
  }
  if (next.history.statements.size() == memory_.history.statements.size()) return;
  if (!remember(std::move(next))) return;
  const auto& chain = *memory_.history.chain;
  spdlog::info("network lock {}: statement {}, {} signers, quorum {}{}", to_hex(chain.lock),
               chain.number, chain.signers.size(), chain.quorum, chain.disabled ? ", ended" : "");
}

// Whom the server names is nobody's word now.
void LockKeeper::leave_out_all(netmap::Netmap& map) {
  map.left_out.merge(map.peers);
  map.peers.clear();
  std::vector<lock::LeftOut> left_out;
  for (const auto& [id, peer] : map.left_out) {
    left_out.push_back({id, peer.name, "what this node knew of the network lock is lost"});
  }
  note_left_out(std::move(left_out));
}

// Peers whose new key could not be written down wait until it can.
void LockKeeper::settle(lock::Admission::Outcome outcome, netmap::Netmap& map) {
  auto left_out = std::move(outcome.left_out);
  if (outcome.risen.empty()) return note_left_out(std::move(left_out));
  lock::Memory next = memory_;
  for (const auto& [machine, number] : outcome.risen) next.rotations[machine] = number;
  if (!remember(std::move(next))) {
    for (auto peer = map.peers.begin(); peer != map.peers.end();) {
      const auto at = peer++;
      if (!outcome.risen.contains(at->second.machine_key)) continue;
      left_out.push_back({at->first, at->second.name, unwritten_->message()});
      map.left_out.insert(map.peers.extract(at));
    }
  }
  note_left_out(std::move(left_out));
}

void LockKeeper::note_left_out(std::vector<lock::LeftOut> left_out) {
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(left_out.begin(), left_out.end(), by_id);
  std::size_t news = 0;
  for (const auto& peer : left_out) {
    const auto known = std::lower_bound(left_out_.begin(), left_out_.end(), peer, by_id);
    if (known != left_out_.end() && *known == peer) continue;
    if (++news > kMostLogged) continue;
    spdlog::warn("peer {} (\"{}\") is left out: {}", peer.id.value(), peer.name, peer.reason);
  }
  if (news > kMostLogged) spdlog::warn("{} more peers are left out", news - kMostLogged);
  left_out_ = std::move(left_out);
}

Status LockKeeper::check_own(const Bytes& endorsement) const {
  if (endorsement.empty()) {
    return Error(ErrorCode::kPermissionDenied, "network lock: nobody has signed this node");
  }
  MESH_TRY_ASSIGN(const auto read, lock::parse_endorsement(endorsement));
  // Before the first map of this run what was signed has to do.
  const auto& addresses = addresses_.empty() ? read.addresses : addresses_;
  return check_endorsement(*memory_.history.chain, read, {name_, key_of(read), addresses}, 0);
}

// The server's, unless ours is newer and as good.
void LockKeeper::take_own(const netmap::Self& self) {
  addresses_ = self.addresses;
  sent_own_ = self.endorsement;
  if (!memory_.history.is_in_force() || sent_own_ == memory_.own || !check_own(sent_own_)) return;
  if (check_own(memory_.own)) {
    const auto held = lock::parse_endorsement(memory_.own);
    const auto sent = lock::parse_endorsement(sent_own_);
    if (rotation_of(*sent) < rotation_of(*held)) return;
  }
  lock::Memory next = memory_;
  next.own = sent_own_;
  static_cast<void>(remember(std::move(next)));  // problems() tells
}

void LockKeeper::admit(netmap::Netmap& map) {
  std::optional<lock::Chain> chain;
  lock::Rotations seen;
  {
    const std::lock_guard guard(mutex_);
    if (unreadable_) return leave_out_all(map);
    follow(map.lock);
    take_own(map.self);
    chain = memory_.history.chain;
    seen = memory_.rotations;
  }
  // A second at 10,000 peers that are all new, in which the loop may go on asking.
  auto outcome = chain ? admission_.sort(*chain, seen, map) : lock::Admission::Outcome();
  const std::lock_guard guard(mutex_);
  settle(std::move(outcome), map);
}

Bytes LockKeeper::own_for(const NodePublicKey& key) {
  if (!memory_.history.is_in_force() || !check_own(memory_.own)) return {};
  auto endorsement = *lock::parse_endorsement(memory_.own);
  const auto known = memory_.rotations.find(name_);
  const std::uint64_t highest = known == memory_.rotations.end() ? 0 : known->second;
  if (key_of(endorsement) == key && rotation_of(endorsement) >= highest) return memory_.own;
  rotate(endorsement, key, machine_, highest);
  lock::Memory next = memory_;
  next.own = encode(endorsement);
  next.rotations[name_] = rotation_of(endorsement);
  const Bytes own = next.own;
  // Used also when the disk takes it not: a node that its peers leave out helps nobody.
  if (!remember(next)) memory_ = std::move(next);
  return own;
}

Bytes LockKeeper::endorsement_for(const NodePublicKey& key) {
  const std::lock_guard guard(mutex_);
  return own_for(key);
}

std::optional<Bytes> LockKeeper::announcement(const NodePublicKey& key) {
  const std::lock_guard guard(mutex_);
  Bytes own = own_for(key);
  if (own.empty() || own == sent_own_ || own == announced_) return std::nullopt;
  announced_ = own;
  return own;
}

Status forget_locks(const std::string& state_dir) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir, error)) {
    if (entry.path().filename().string().starts_with(kLockFile))
      MESH_TRY(remove_file(entry.path().string()));
  }
  return {};
}

}  // namespace kernmesh::agent
