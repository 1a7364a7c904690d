package capture

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/pcapline/pcapline/pcapio"
)

const (
	blockOverhead = 256 // headers of a block and of its first packet, rounded up
	vlanTagLen    = 4
	batch         = 512 // packets given to Run's function at once

	// addrOffset is where the kernel puts the sockaddr_ll behind a packet's
	// header: TPACKET_ALIGN(sizeof(struct tpacket3_hdr)).
	addrOffset = (unix.SizeofTpacket3Hdr + 15) &^ 15
)

var errRing = errors.New("the kernel's ring is not as expected")

// ring is one socket with its mapped blocks, read by one goroutine.
type ring struct {
	dev       *device
	index     int32 // of the device among the Handle's interfaces
	snaplen   int
	keepPairs bool // deliver outgoing packets of the loopback interface, too
	loopback  bool

	blockBytes int
	next       int // block to be read next
	down       bool

	mu  sync.Mutex // of what follows: the socket may be replaced while somebody asks for statistics
	fd  int        // -1: could not be reopened yet
	mem []byte

	received, dropped, delivered atomic.Int64
}

// openRing makes a socket and all that belongs to it. The order matters: with
// protocol 0 the socket receives nothing until bind, so the filter is there first.
func openRing(d *device, index int, cfg Config, program []bpf.RawInstruction) (r *ring, err error) {
	r = &ring{
		dev: d, index: int32(index), snaplen: int(d.info.SnapLen), blockBytes: cfg.BlockBytes,
		keepPairs: cfg.KeepLoopbackPairs, fd: -1,
	}
	if r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		if errors.Is(err, unix.EPERM) {
			return nil, fmt.Errorf("capture: %s: a packet socket needs the capability CAP_NET_RAW: %w", d.name, err)
		}
		return nil, fmt.Errorf("capture: %s: packet socket: %w", d.name, err)
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := attach(r.fd, program); err != nil {
		return nil, fmt.Errorf("capture: %s: filter of %d instructions: %w", d.name, len(program), err)
	}
	if err := r.mapBlocks(cfg); err != nil {
		return nil, fmt.Errorf("capture: %s: ring of %d bytes: %w", d.name, cfg.RingBytes/cfg.Fanout, err)
	}
	if err := r.join(cfg); err != nil {
		return nil, fmt.Errorf("capture: %s: %w", d.name, err)
	}
	return r, nil
}

// attach sets a socket's filter; a program without instructions sets none.
func attach(fd int, program []bpf.RawInstruction) error {
	if len(program) == 0 {
		return nil
	}
	code := make([]unix.SockFilter, len(program))
	for i, s := range program {
		code[i] = unix.SockFilter{Code: s.Op, Jt: s.Jt, Jf: s.Jf, K: s.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// mapBlocks makes the ring, with room before every packet for a VLAN tag.
func (r *ring) mapBlocks(cfg Config) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return os.NewSyscallError("PACKET_VERSION", err)
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_RESERVE, vlanTagLen); err != nil {
		return os.NewSyscallError("PACKET_RESERVE", err)
	}
	blocks := cfg.RingBytes / cfg.Fanout / cfg.BlockBytes
	frame := min(cfg.BlockBytes, 2048) // of no meaning in version 3, but it must fit
	req := unix.TpacketReq3{
		Block_size: uint32(cfg.BlockBytes), Block_nr: uint32(blocks),
		Frame_size: uint32(frame), Frame_nr: uint32(blocks * (cfg.BlockBytes / frame)),
		Retire_blk_tov: uint32(cfg.BlockTimeout.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return os.NewSyscallError("PACKET_RX_RING", err)
	}
	mem, err := unix.Mmap(r.fd, 0, blocks*cfg.BlockBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	r.mem = mem
	return nil
}

// join binds the socket to the interface, and to the other sockets on it.
// Packets arrive from here on.
func (r *ring) join(cfg Config) error {
	ifindex, loopback, err := lookup(r.dev.name)
	if err != nil {
		return err
	}
	r.loopback = loopback
	ignore := loopback && !cfg.KeepLoopbackPairs
	if ignore { // before Linux 4.20 it fails, and they are left out on delivery
		_ = unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	if err := r.bind(ifindex); err != nil {
		return err
	}
	if cfg.Fanout > 1 {
		if err := r.fanout(ifindex, ignore); err != nil {
			return err
		}
	}
	if cfg.Promiscuous {
		mreq := unix.PacketMreq{Ifindex: int32(ifindex), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &mreq); err != nil {
			return os.NewSyscallError("promiscuous mode", err)
		}
	}
	return nil
}

func (r *ring) bind(ifindex int) error {
	all := uint16(unix.ETH_P_ALL)
	addr := unix.SockaddrLinklayer{Protocol: all<<8 | all>>8, Ifindex: ifindex}
	if isBigEndian {
		addr.Protocol = all
	}
	return os.NewSyscallError("bind", unix.Bind(r.fd, &addr))
}

var isBigEndian = func() bool {
	n := uint16(1)
	return *(*byte)(unsafe.Pointer(&n)) == 0
}()

// fanout joins the interface's group, of which the kernel chooses the number
// for the first one. Both directions of a flow come to the same ring.
func (r *ring) fanout(ifindex int, ignoreOutgoing bool) error {
	mode := unix.PACKET_FANOUT_HASH
	if ignoreOutgoing {
		mode |= unix.PACKET_FANOUT_FLAG_IGNORE_OUTGOING
	}
	d := r.dev
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.groupOf == ifindex {
		return os.NewSyscallError("fan-out", unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, mode<<16|d.group))
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT, (mode|unix.PACKET_FANOUT_FLAG_UNIQUEID)<<16); err != nil {
		return os.NewSyscallError("fan-out", err)
	}
	n, err := unix.GetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
	if err != nil {
		return os.NewSyscallError("fan-out", err)
	}
	d.group, d.groupOf = n&0xffff, ifindex
	return nil
}

// refuseAll lets no more packets in; those in the ring stay.
func (r *ring) refuseAll() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd < 0 {
		return nil
	}
	return attach(r.fd, []bpf.RawInstruction{{Op: 0x06, K: 0}})
}

// collect takes over the kernel's counts, which begin anew at each reading.
func (r *ring) collect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fd < 0 {
		return
	}
	if s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		r.received.Add(int64(s.Packets)) // drops are in it
		r.dropped.Add(int64(s.Drops))
	}
}

func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.mem != nil {
		_ = unix.Munmap(r.mem)
		r.mem = nil
	}
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
		r.fd = -1
	}
}

// block gives the header of the block to be read next, if the kernel has
// handed it over.
func (r *ring) block() *unix.TpacketHdrV1 {
	if r.mem == nil {
		return nil
	}
	desc := (*unix.TpacketBlockDesc)(unsafe.Pointer(&r.mem[r.next*r.blockBytes]))
	h := (*unix.TpacketHdrV1)(unsafe.Pointer(&desc.Hdr))
	if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
		return nil
	}
	return h
}

// deliver gives the packets of a block to f and hands the block back.
func (r *ring) deliver(h *unix.TpacketHdrV1, pkts []pcapio.Packet, f func([]pcapio.Packet) error) error {
	block := r.mem[r.next*r.blockBytes:][:r.blockBytes]
	off, left := int(h.Offset_to_first_pkt), int(h.Num_pkts)
	for left > 0 {
		pkts = pkts[:0]
		for ; left > 0 && len(pkts) < batch; left-- {
			if off < 0 || off+addrOffset+unix.SizeofSockaddrLinklayer > len(block) {
				return fmt.Errorf("capture: %s: %w: a packet at offset %d of a block of %d", r.dev.name, errRing, off, len(block))
			}
			p, ok, err := r.packet(block, off)
			if err != nil {
				return err
			}
			if ok {
				pkts = append(pkts, p)
			}
			off += int((*unix.Tpacket3Hdr)(unsafe.Pointer(&block[off])).Next_offset)
		}
		r.delivered.Add(int64(len(pkts)))
		if len(pkts) > 0 {
			if err := f(pkts); err != nil {
				return err
			}
		}
	}
	atomic.StoreUint32(&h.Block_status, unix.TP_STATUS_KERNEL)
	r.next++
	if r.next == len(r.mem)/r.blockBytes {
		r.next = 0
	}
	return nil
}

// packet reads the packet whose header is at off; false for one to be left out.
func (r *ring) packet(block []byte, off int) (pcapio.Packet, bool, error) {
	h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&block[off]))
	addr := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&block[off+addrOffset]))
	from := off + int(h.Mac)
	to := from + int(h.Snaplen)
	if from < off+addrOffset || to > len(block) || to < from {
		return pcapio.Packet{}, false, fmt.Errorf("capture: %s: %w: packet from %d to %d of a block of %d", r.dev.name, errRing, from, to, len(block))
	}
	p := pcapio.Packet{
		Data: block[from:to:to], Time: int64(h.Sec)*1_000_000_000 + int64(h.Nsec), WireLen: h.Len,
		Interface: r.index, LinkType: r.dev.info.LinkType, Direction: pcapio.Inbound,
	}
	if addr.Pkttype == unix.PACKET_OUTGOING {
		p.Direction = pcapio.Outbound
		if r.loopback && !r.keepPairs {
			r.received.Add(-1)
			return p, false, nil
		}
	}
	if h.Status&unix.TP_STATUS_VLAN_VALID != 0 && p.LinkType == pcapio.LinkEthernet && len(p.Data) >= 12 {
		tpid := uint16(unix.ETH_P_8021Q)
		if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
			tpid = h.Hv1.Vlan_tpid
		}
		p.Data = restoreTag(block, from, to, tpid, uint16(h.Hv1.Vlan_tci))
		p.WireLen += vlanTagLen
	}
	if len(p.Data) > r.snaplen {
		p.Data = p.Data[:r.snaplen:r.snaplen]
	}
	return p, true, nil
}

// restoreTag moves the two addresses of the packet at from forward into the
// room before it, and puts the tag behind them.
func restoreTag(block []byte, from, to int, tpid, tci uint16) []byte {
	start := from - vlanTagLen
	copy(block[start:], block[from:from+12])
	copy(block[start+12:], []byte{byte(tpid >> 8), byte(tpid), byte(tci >> 8), byte(tci)})
	return block[start:to:to]
}
