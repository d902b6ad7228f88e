// SPDX-License-Identifier: Apache-2.0
#include "controller/core/lock/endorsement.h"

#include <algorithm>

#include "controller/core/lock/signing.h"

namespace kernmesh::lock {
namespace {

constexpr std::uint8_t kEndorsementVersion = 1;
constexpr std::string_view kEndorsementLabel = "kernmesh lock endorsement v1";
constexpr std::string_view kFingerprintLabel = "kernmesh lock fingerprint v1";
constexpr std::string_view kRotationLabel = "kernmesh lock rotation v1";

void put_address(Bytes& out, const IpAddress& address) {
  put_number(out, static_cast<std::uint8_t>(address.family()), 1);
  put_bytes(out, std::span(address.bytes()).first(static_cast<std::size_t>(address.bits()) / 8));
}

// What the signer signs.
Bytes endorsed_content(const Endorsement& endorsement) {
  Bytes out;
  put_number(out, kEndorsementVersion, 1);
  put_bytes(out, endorsement.lock);
  put_bytes(out, endorsement.machine_key.bytes());
  put_bytes(out, endorsement.node_key.bytes());
  put_number(out, endorsement.addresses.size(), 1);
  for (const auto& address : endorsement.addresses) put_address(out, address);
  put_number(out, endorsement.base, 8);
  put_bytes(out, endorsement.signer.bytes());
  return out;
}

Digest endorsed_digest(const Endorsement& endorsement) {
  return digest_of(labelled(kEndorsementLabel, endorsed_content(endorsement)));
}

// What the machine key signs: its number and key, for this endorsement and no other.
Digest rotation_digest(const Endorsement& endorsement, const Rotation& rotation) {
  Bytes content;
  put_bytes(content, endorsed_digest(endorsement));
  put_number(content, rotation.number, 8);
  put_bytes(content, rotation.node_key.bytes());
  return digest_of(labelled(kRotationLabel, content));
}

Error no_member(const std::string& why) {
  return {ErrorCode::kPermissionDenied, "network lock: " + why};
}

Error bad_endorsement(const char* what) {
  return {ErrorCode::kCorrupt, std::string("endorsement of the network lock: ") + what};
}

Result<IpAddress> take_address(ByteReader& reader) {
  switch (reader.take_number<1>()) {
    case 4:
      return IpAddress::from_v4_bytes(reader.take<4>());
    case 6:
      return IpAddress::from_v6_bytes(reader.take<16>());
    default:
      return bad_endorsement("an address of no known family");
  }
}

}  // namespace

Endorsement endorse(const Chain& chain, const Claim& claim, std::uint64_t base,
                    const Ed25519SecretKey& signer) {
  Endorsement endorsement;
  endorsement.lock = chain.lock;
  endorsement.machine_key = claim.machine_key;
  endorsement.node_key = claim.node_key;
  endorsement.addresses = claim.addresses;
  endorsement.base = base;
  endorsement.signer = machine_public_key(signer);
  endorsement.signature = sign(signer, endorsed_digest(endorsement));
  return endorsement;
}

void rotate(Endorsement& endorsement, const NodePublicKey& node_key,
            const Ed25519SecretKey& machine, std::uint64_t least) {
  Rotation rotation;
  rotation.number = std::max(rotation_of(endorsement), least) + 1;
  rotation.node_key = node_key;
  rotation.signature = sign(machine, rotation_digest(endorsement, rotation));
  endorsement.rotation = rotation;
}

const NodePublicKey& key_of(const Endorsement& endorsement) {
  return endorsement.rotation ? endorsement.rotation->node_key : endorsement.node_key;
}

std::uint64_t rotation_of(const Endorsement& endorsement) {
  return endorsement.rotation ? endorsement.rotation->number : endorsement.base;
}

std::uint64_t base_for(const Endorsement& present, const Claim& claim) {
  if (present.machine_key != claim.machine_key || !check_signatures(present)) return 0;
  return rotation_of(present) + (key_of(present) == claim.node_key ? 0 : 1);
}

std::string fingerprint(const Claim& claim) {
  Bytes content;
  put_bytes(content, claim.machine_key.bytes());
  put_bytes(content, claim.node_key.bytes());
  put_number(content, claim.addresses.size(), 1);
  for (const auto& address : claim.addresses) put_address(content, address);
  const Digest digest = digest_of(labelled(kFingerprintLabel, content));
  const std::string hex = to_hex(std::span(digest).first(digest.size() / 2));
  std::string text;
  for (std::size_t i = 0; i < hex.size(); i += 4) {
    text += (text.empty() ? "" : "-") + hex.substr(i, 4);
  }
  return text;
}

Status check_signatures(const Endorsement& endorsement) {
  if (!verify(endorsement.signer, endorsed_digest(endorsement), endorsement.signature)) {
    return no_member("its endorsement was altered");
  }
  if (!endorsement.rotation) return {};
  if (endorsement.rotation->number <= endorsement.base ||
      !verify(endorsement.machine_key, rotation_digest(endorsement, *endorsement.rotation),
              endorsement.rotation->signature)) {
    return no_member("the rotation of its key was not signed by the node itself");
  }
  return {};
}

Status check_claim(const Chain& chain, const Endorsement& endorsement, const Claim& claim,
                   std::uint64_t least_rotation) {
  if (endorsement.lock != chain.lock) return no_member("it was endorsed for another lock");
  if (!trusts(chain, endorsement.signer)) {
    return no_member("it was endorsed by " + to_string(endorsement.signer) +
                     ", which is not trusted (any more)");
  }
  if (endorsement.machine_key != claim.machine_key) {
    return no_member("its endorsement is another machine's");
  }
  if (endorsement.addresses != claim.addresses) {
    return no_member("it was endorsed with other addresses");
  }
  if (key_of(endorsement) != claim.node_key) {
    return no_member("it was endorsed with another WireGuard key");
  }
  const auto number = rotation_of(endorsement);
  if (number >= least_rotation) return {};
  return no_member("its key of rotation " + std::to_string(number) + " was replaced in rotation " +
                   std::to_string(least_rotation));
}

Status check_endorsement(const Chain& chain, const Endorsement& endorsement, const Claim& claim,
                         std::uint64_t least_rotation) {
  if (chain.disabled) return {};
  MESH_TRY(check_claim(chain, endorsement, claim, least_rotation));
  return check_signatures(endorsement);
}

Bytes encode(const Endorsement& endorsement) {
  Bytes out = endorsed_content(endorsement);
  put_bytes(out, endorsement.signature);
  put_number(out, endorsement.rotation ? endorsement.rotation->number : 0, 8);
  if (endorsement.rotation) {
    put_bytes(out, endorsement.rotation->node_key.bytes());
    put_bytes(out, endorsement.rotation->signature);
  }
  return out;
}

Result<Endorsement> parse_endorsement(std::span<const std::uint8_t> bytes) {
  if (bytes.size() > kMostEndorsementBytes) return bad_endorsement("too long");
  ByteReader reader(bytes);
  if (reader.take_number<1>() != kEndorsementVersion) return bad_endorsement("of another version");
  Endorsement out;
  out.lock = reader.take<32>();
  out.machine_key = MachinePublicKey(reader.take<32>());
  out.node_key = NodePublicKey(reader.take<32>());
  const auto addresses = reader.take_number<1>();
  if (addresses > kMostEndorsedAddresses) return bad_endorsement("too many addresses");
  for (std::uint64_t i = 0; i < addresses; ++i) {
    MESH_TRY_ASSIGN(const auto address, take_address(reader));
    out.addresses.push_back(address);
  }
  out.base = reader.take_number<8>();
  out.signer = Signer(reader.take<32>());
  out.signature = reader.take<64>();
  const auto number = reader.take_number<8>();
  if (number != 0) {
    Rotation rotation;
    rotation.number = number;
    rotation.node_key = NodePublicKey(reader.take<32>());
    rotation.signature = reader.take<64>();
    out.rotation = rotation;
  }
  if (reader.ran_short()) return bad_endorsement("cut short");
  if (!reader.rest().empty()) return bad_endorsement("something stands behind it");
  return out;
}

}  // namespace kernmesh::lock
