// SPDX-License-Identifier: Apache-2.0
// Frames whose headers lie in pages beside the packet's linear part, as some drivers deliver them:
// sent through a packet socket's ring, of which the kernel copies the Ethernet header alone, into a
// veth pair (test support; wants root).
#pragma once

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "controller/base/unique_fd.h"
#include "controller/bpf/attachment.h"
#include "controller/bpf/cls_bpf.h"
#include "controller/bpf/tcx.h"
#include "tests/bpf/frame.h"

namespace kernmesh::bpf::test {

constexpr std::size_t kSlotBytes = 4096;

// Sends into `from`, so that the frames arrive on its peer.
class PagedSender {
 public:
  explicit PagedSender(const char* from)
      : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    const tpacket_req ring{kSlotBytes, 1, kSlotBytes, 1};
    const int version = TPACKET_V2;
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(if_nametoindex(from));
    const int fd = socket_.get();
    EXPECT_EQ(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)), 0);
    EXPECT_EQ(setsockopt(fd, SOL_PACKET, PACKET_TX_RING, &ring, sizeof(ring)), 0);
    EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    slot_ = static_cast<std::uint8_t*>(
        mmap(nullptr, kSlotBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    EXPECT_NE(slot_, MAP_FAILED);
  }
  PagedSender(const PagedSender&) = delete;
  PagedSender& operator=(const PagedSender&) = delete;
  ~PagedSender() { munmap(slot_, kSlotBytes); }

  // When it returns the other end has had the frame.
  void send(const Bytes& frame) {
    auto* const head = reinterpret_cast<tpacket2_hdr*>(slot_);
    ASSERT_EQ(head->tp_status, static_cast<__u32>(TP_STATUS_AVAILABLE));
    std::memcpy(slot_ + TPACKET2_HDRLEN - sizeof(sockaddr_ll), frame.data(), frame.size());
    head->tp_len = static_cast<__u32>(frame.size());
    head->tp_status = TP_STATUS_SEND_REQUEST;
    ASSERT_EQ(::send(socket_.get(), nullptr, 0, 0), static_cast<ssize_t>(frame.size()))
        << strerror(errno);
    // The slot is given back when the packet is gone.
    for (int i = 0; i < 2000 && head->tp_status != TP_STATUS_AVAILABLE; ++i) usleep(1000);
    ASSERT_EQ(head->tp_status, static_cast<__u32>(TP_STATUS_AVAILABLE)) << "nobody took it";
  }

 private:
  UniqueFd socket_;
  std::uint8_t* slot_ = nullptr;
};

// In front of a program: how many bytes of the last packet it can read without a helper.
class LinearGauge {
 public:
  explicit LinearGauge(IfIndex interface)
      : map_(bpf_map_create(BPF_MAP_TYPE_ARRAY, "linear", 4, 4, 1, nullptr)),
        interface_(interface) {
    const auto load = [](std::uint8_t to, std::size_t field) {
      return bpf_insn{BPF_LDX | BPF_MEM | BPF_W, to, 6, static_cast<__s16>(field), 0};
    };
    const std::array code = {
        bpf_insn{BPF_ALU64 | BPF_MOV | BPF_X, 6, 1, 0, 0},
        bpf_insn{BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map_.get()},
        bpf_insn{},
        bpf_insn{BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0},
        bpf_insn{BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0},
        bpf_insn{BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4},
        bpf_insn{BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem},
        bpf_insn{BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 4, 0},
        load(2, offsetof(__sk_buff, data)),
        load(3, offsetof(__sk_buff, data_end)),
        bpf_insn{BPF_ALU64 | BPF_SUB | BPF_X, 3, 2, 0, 0},
        bpf_insn{BPF_STX | BPF_MEM | BPF_W, 0, 3, 0, 0},
        bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1},
        bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
    };
    program_ = UniqueFd(
        bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "gauge", "GPL", code.data(), code.size(), nullptr));
    EXPECT_TRUE(program_) << strerror(errno);
    const auto state = query_hook(interface, Hook::kIngress);
    EXPECT_TRUE(state);
    const auto attached = state && state->mechanism == Mechanism::kTcx
                              ? tcx::attach_first(interface, Hook::kIngress, program_.get())
                              : cls_bpf::set(interface, Hook::kIngress, program_.get(), 1);
    EXPECT_TRUE(attached) << attached.error().message();
  }
  std::uint32_t last() const {
    const std::uint32_t zero = 0;
    std::uint32_t bytes = 0;
    bpf_map_lookup_elem(map_.get(), &zero, &bytes);
    return bytes;
  }

 private:
  UniqueFd map_;
  IfIndex interface_;
  UniqueFd program_;
};

// What leaves through an interface from now on, refusals for example.
class Listener {
 public:
  explicit Listener(const char* on)
      : socket_(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL))) {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_ALL);
    to.sll_ifindex = static_cast<int>(if_nametoindex(on));
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  }
  // The next frame that arrived on the interface, not one that was sent there; empty: none came.
  Bytes next(int wait_ms = 1000) const {
    for (pollfd p{socket_.get(), POLLIN, 0}; poll(&p, 1, wait_ms) > 0;) {
      Bytes frame(9000);
      sockaddr_ll from{};
      socklen_t size = sizeof(from);
      const ssize_t got = recvfrom(socket_.get(), frame.data(), frame.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &size);
      if (got <= 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
      frame.resize(static_cast<std::size_t>(got));
      return frame;
    }
    return {};
  }

 private:
  UniqueFd socket_;
};

}  // namespace kernmesh::bpf::test
