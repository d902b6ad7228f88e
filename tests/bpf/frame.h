// SPDX-License-Identifier: Apache-2.0
// Builds Ethernet frames byte by byte and runs tc programs on them (test support). Everything can
// be made wrong; what is not set is right.
#pragma once

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace kernmesh::bpf::test {

using Bytes = std::vector<std::uint8_t>;

inline void put16(Bytes& out, unsigned v) {
  out.push_back(static_cast<std::uint8_t>(v >> 8));
  out.push_back(static_cast<std::uint8_t>(v));
}
inline unsigned get16(const Bytes& in, std::size_t at) { return in[at] << 8U | in[at + 1]; }

// RFC 1071, over bytes; a valid sum folds to 0xffff.
inline unsigned ones_sum(const std::uint8_t* data, std::size_t size, unsigned sum = 0) {
  for (std::size_t i = 0; i + 1 < size; i += 2) sum += data[i] << 8U | data[i + 1];
  if (size % 2 != 0) sum += data[size - 1] << 8U;
  while (sum >> 16U) sum = (sum & 0xffff) + (sum >> 16U);
  return sum;
}

// A WireGuard message: the type, then index words, then filler.
inline Bytes message(std::uint8_t type, std::size_t size, std::uint32_t word1 = 0x11223344,
                     std::uint32_t word2 = 0x55667788) {
  Bytes out(size, 0xa5);
  const std::uint32_t words[] = {type, word1, word2};
  std::memcpy(out.data(), words, std::min(size, sizeof(words)));
  return out;
}

struct Frame {
  std::string src = "10.0.0.2", dst = "10.0.0.1";  // both of one family
  std::uint16_t sport = 7000, dport = 4242;
  Bytes payload = message(4, 64);
  std::uint8_t tos = 0, protocol = 17, ihl = 5;
  std::uint16_t fragment = 0, ethertype = 0;  // ethertype 0: the family's own
  std::optional<std::uint16_t> udp_len, ip_len;
  enum class Checksum { kComplete, kPartial, kNone } checksum = Checksum::kComplete;

  bool v6() const { return src.find(':') != std::string::npos; }

  Bytes address(const std::string& text) const {
    Bytes out(v6() ? 16 : 4);
    inet_pton(v6() ? AF_INET6 : AF_INET, text.c_str(), out.data());
    return out;
  }
  Bytes udp() const {
    const unsigned length = udp_len.value_or(static_cast<std::uint16_t>(8 + payload.size()));
    Bytes out, pseudo = address(src);
    put16(out, sport);
    put16(out, dport);
    put16(out, length);
    put16(out, 0);
    const Bytes to = address(dst);
    pseudo.insert(pseudo.end(), to.begin(), to.end());
    put16(pseudo, 17);
    put16(pseudo, length);
    unsigned sum = ones_sum(pseudo.data(), pseudo.size());
    out.insert(out.end(), payload.begin(), payload.end());
    if (checksum == Checksum::kComplete) sum = ~ones_sum(out.data(), out.size(), sum);
    if (checksum == Checksum::kNone) sum = 0;
    out[6] = static_cast<std::uint8_t>(sum >> 8);
    out[7] = static_cast<std::uint8_t>(sum);
    return out;
  }
  // Destination MAC zero: that of lo, on which test runs arrive.
  Bytes bytes() const {
    Bytes out(12), body = udp();
    put16(out, ethertype != 0 ? ethertype : v6() ? 0x86dd : 0x0800);
    if (v6()) {
      put16(out, 0x6000 | tos << 4);
      put16(out, 0);
      put16(out, ip_len.value_or(static_cast<std::uint16_t>(body.size())));
      out.push_back(protocol);
      out.push_back(64);
    } else {
      out.push_back(static_cast<std::uint8_t>(0x40 | ihl));
      out.push_back(tos);
      put16(out, ip_len.value_or(static_cast<std::uint16_t>(ihl * 4 + body.size())));
      put16(out, 1);
      put16(out, fragment);
      out.push_back(64);
      out.push_back(protocol);
      put16(out, 0);
    }
    for (const std::string& a : {src, dst}) {
      const Bytes bytes = address(a);
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
    if (!v6() && ihl > 5) out.resize(out.size() + (ihl - 5U) * 4, 1);
    out.insert(out.end(), body.begin(), body.end());
    return out;
  }
};

struct TestRun {
  int error = 0;
  std::int32_t verdict = 0;
  Bytes out;
};

// The frame arrives on `ifindex` (1: lo). Without `ethernet` it starts with the IP header.
inline TestRun run(int program_fd, const Bytes& frame, __sk_buff context = {}) {
  TestRun result;
  result.out.resize(frame.size() + 256);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = result.out.data(),
              .data_size_in = static_cast<__u32>(frame.size()),
              .data_size_out = static_cast<__u32>(result.out.size()), .ctx_in = &context,
              .ctx_size_in = sizeof(context));
  result.error = bpf_prog_test_run_opts(program_fd, &options);
  result.verdict = static_cast<std::int32_t>(options.retval);
  result.out.resize(options.data_size_out);
  return result;
}

}  // namespace kernmesh::bpf::test
